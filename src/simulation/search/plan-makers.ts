/** One step of a plan: what the app may do next, and what may happen to its machine. */
import { DATABASE_FILES } from '../database-files.ts'
import type { ScenarioStep } from '../scenario.ts'
import type { Dice } from './dice.ts'
import type { Feature, Features } from './features.ts'
import { planPayload } from './plan-payloads.ts'
import { goodToken, type PlannedTokens } from './plan-tokens.ts'

/** A step that has no time yet. */
export type Step = ScenarioStep extends infer S
  ? S extends ScenarioStep
    ? Omit<S, 'at'>
    : never
  : never

export interface Told {
  readonly dice: Dice
  readonly features: Features
  readonly tokens: PlannedTokens
  readonly users: readonly string[]
  readonly kinds: readonly string[]
  /** The names of what was enqueued, and of what was read. */
  readonly operations: string[]
  readonly reads: string[]
  readonly looks: string[]
  /** The user that is logged in, and the one that was before. */
  current: string | null
  former: string | null
  /** The last operation. */
  last: Enqueued | null
  /** The steps that a step has begun, and that come next. */
  readonly next: Chaser[]
}

interface Enqueued {
  readonly kind: string
  readonly payload: Record<string, unknown>
}

export type Make = (told: Told) => Step | null

const MINUTE_MS = 60_000

/** A step that is worth trying right after another: by chance alone it seldom comes in time. */
export interface Chaser {
  /** Null: in every plan. */
  readonly feature: Feature | null
  readonly make: Make
  /** How long after the other step. Default: `soon`. */
  readonly gap?: (dice: Dice) => number
  /** True if it belongs to a story, which is of one process. */
  readonly isOfStory?: true
}

/** When its first attempt is over. */
export const afterAnAttempt = (dice: Dice) => dice.of([20, 150, 500, 1500])

export function makersOf(dice: Dice, features: Features): (readonly [number, Make])[] {
  const always: (readonly [number, Make])[] = [
    [dice.of([8, 12, 20]), enqueue],
    [0.5, login],
  ]
  const others = [...features].flatMap(([feature, weight]) => {
    const make = OF_FEATURE[feature]
    return make === undefined ? [] : [[weight, make] as const]
  })
  return [...always, ...others]
}

/** What makes a text that storage cannot give back as it was (Q21). */
const SPOILERS = ['\ud83d', '\ude00', '\u0000'] as const

const OF_FEATURE: Partial<Record<Feature, Make>> = {
  illFormed: (told) =>
    ofSomebody(told, (name) => {
      const { dice } = told
      const user = dice.of([`${name}${dice.of(SPOILERS)}`, dice.of(SPOILERS)])
      const token = goodToken(name)
      return dice.of<Step>([
        { login: { user } },
        { login: { user, token } },
        { updateToken: { user, token } },
        { forget: user },
      ])
    }),
  switches: login,
  logouts: (told) => (told.dice.chance(0.3) ? visit(told) : logout(told)),
  updateTokens: (told) => {
    const { current } = told
    // Rather of who is there than of the others.
    const user = told.dice.any(current === null ? told.users : [current, ...told.users])
    if (user === null) return null
    const token = tokenFor(told, user)
    return token === null ? null : { updateToken: { user, token } }
  },
  requirements: ({ dice }) => ({
    requirement: dice.of(['required', 'required', 'off', 'unknown']),
  }),
  crashes: () => ({ crash: true }),
  deaths: ({ dice }) => ({ crash: dice.of(['before-commit', 'after-commit']) }),
  disk: ({ dice }) => ({
    disk: dice.of(['busy', 'full', 'read-only', 'works']),
    times: dice.of([1, 1, 2, 5]),
  }),
  damage,
  forgets: (told) => ofSomebody(told, (user) => ({ forget: user })),
  refreshes: (told) => ofSomebody(told, (user) => ({ refreshToken: user })),
  flushes: ({ dice }) => ({ flush: dice.of([0, 10, 5000]) }),
  sendNows: ({ dice, users }) => ({ sendNow: dice.any([true as const, ...users]) ?? true }),
  releases: ({ dice }) => ({ release: dice.of([1, 2, 2, 3]) }),
  second: ({ dice }) => ({
    process: dice.of(['second', 'second', 'main']),
    ...dice.of<{ start: true } | { exit: true | number }>([
      { start: true },
      { start: true },
      { start: true },
      { exit: true },
      { exit: dice.of([20, 300]) },
    ]),
  }),
  restarts: () => ({ restart: true }),
  closes: ({ dice }) => ({ restart: dice.of([1, 20, 300, 5000]) }),
  looks: look,
  listens: () => ({ listen: true }),
  noRoom: ({ dice }) => ({ disk: dice.of(['no-room', 'no-room', 'works']) }),
  network: ({ dice }) => ({
    network: dice.of(['down', 'up']),
    ...(dice.chance(0.2) && { silent: true as const }),
  }),
  power: ({ dice }) => ({ power: dice.of(['suspend', 'resume']) }),
  sleeps,
  setClocks,
  scanners,
  watches: ({ dice }) => ({ sideFile: dice.of(['removed', 'removed', 'failed']) }),
  pauses: ({ dice }) => ({ queue: dice.of(['pause', 'resume']) }),
  wall: ({ dice }) => ({
    wall: dice.of([1000, -1000, 60 * MINUTE_MS, -60 * MINUTE_MS, 6 * MINUTE_MS]),
  }),
  cancels: (told) => named(told, (id) => ({ cancel: id })),
  retries: retry,
  discards: (told) =>
    told.dice.chance(0.15)
      ? { discardAll: letterFilter(told) }
      : named(told, (id) => ({ discard: id })),
  reads: read,
}

/** One letter, one with another payload, or all of a kind, of a user, or at all. */
function retry(told: Told): Step | null {
  const { dice, last } = told
  if (dice.chance(0.2)) return { retryAll: letterFilter(told) }
  const payload = last?.payload ?? {}
  if (dice.chance(0.2)) return named(told, (id) => ({ retry: { id, payload } }))
  return named(told, (id) => ({ retry: id }))
}

function letterFilter({ dice, users, kinds }: Told) {
  const user = dice.any(users)
  const kind = dice.any(kinds)
  return {
    ...(user !== null && dice.chance(0.3) && { user }),
    ...(kind !== null && dice.chance(0.3) && { kind }),
    ...(dice.chance(0.2) && { reason: 'rejected' as const }),
  }
}

/** Of the platform the engine hears in time, too late, only half, or nothing. */
function sleeps({ dice, next }: Told): Step {
  const asleep: Step = { sleep: dice.of([1000, 45_000, 6 * MINUTE_MS, 480 * MINUTE_MS]) }
  const [before, after] = dice.of<readonly [Step | null, Step | null]>([
    [null, null],
    [null, null],
    [{ power: 'suspend' }, { power: 'resume' }],
    [{ power: 'suspend' }, null],
    [null, { power: 'suspend' }],
    [null, { power: 'resume' }],
  ])
  const steps = [before, asleep, after].filter((step) => step !== null)
  const [first = asleep, ...others] = steps
  next.push(...others.map((step): Chaser => ({ feature: null, make: () => step })))
  return first
}

/**
 * Operations with a time of their own wait while the wall clock is set, and are looked at when that time is nearly
 * over or just over (Q8): by chance alone a plan seldom has all of this.
 */
function setClocks(told: Told): Step {
  const { dice, next } = told
  const aWhile = () => dice.of([10, 1000, 20_000, 45_000])
  const then = (make: () => Step): Chaser => ({ feature: null, make, gap: aWhile })
  const set = then(() => ({ wall: dice.of([20_000, -20_000, 60 * MINUTE_MS, -60 * MINUTE_MS]) }))
  const mortal = then(() => enqueueMortal(told))
  const between = dice.of<readonly Chaser[]>([
    [],
    [],
    [then(() => ({ restart: true }))],
    [then(() => ({ crash: true }))],
    [set, mortal],
    [mortal, set],
  ])
  next.push(
    mortal,
    set,
    ...between,
    then(() => ({ network: 'up' })),
  )
  return { network: 'down' }
}

function enqueueMortal(told: Told): Step {
  const step = enqueue(told)
  if (!('enqueue' in step)) return step
  const expiresInMs = told.dice.of([1000, 30_000, MINUTE_MS])
  return { enqueue: { ...step.enqueue, expiresInMs } }
}

/** A program has a file open that is to be set aside. */
function scanners({ dice, next }: Told): Step {
  next.push({ feature: null, make: damage }, { feature: null, make: () => ({ restart: true }) })
  const tries = dice.of([1, 10, 11, 12, 25, 60])
  return { scanner: { file: dice.of(DATABASE_FILES), tries } }
}

export function damage({ dice }: Told): Step {
  return {
    disk: 'damaged',
    rows: dice.of(['operations', 'envelopes', 'envelopes', 'letters']),
    page: dice.of([1, 1, 2, 3, 5]),
  }
}

export function read({ dice, reads, operations, features }: Told): Step {
  const id = `r${reads.length + 1}`
  reads.push(id)
  const key = features.has('keys') && dice.chance(0.6) ? { key: dice.of(READING_KEYS) } : {}
  const after = dice.of<() => { after?: string[] }>([
    () => ({}),
    () => ({ after: [] }),
    () => {
      const operation = dice.any(operations)
      return operation === null ? {} : { after: [operation] }
    },
  ])()
  return { read: { id, ...after, ...key, ...readOptions(dice) } }
}

/** What few reads have: a deadline, a judgement of their own, records that they name (R5, Q12). */
function readOptions(dice: Dice) {
  const required = [`local-${dice.between(1, 3)}`]
  return {
    ...(dice.chance(0.1) && { deadlineMs: dice.of([0, 50, 1000, 60_000]) }),
    ...(dice.chance(0.1) && {
      interpret: { 403: dice.of(['refused-token', 'retry', 'accepted'] as const) },
    }),
    ...(dice.chance(0.1) && { needs: dice.of([{ required }, { optional: required }]) }),
  }
}

/** Which reading positions a plan has, beside those without a key. */
export const READING_KEYS = ['mail', 'news'] as const

/** What the app may ask for. */
function look({ dice, looks, operations, users }: Told): Step {
  const id = `l${looks.length + 1}`
  looks.push(id)
  const operation = dice.late(operations)
  const user = dice.any([null, ...users])
  return dice.of<Step>([
    { look: operation === null ? { id, pending: {} } : { id, operation } },
    { look: { id, pending: { user } } },
    { look: { id, pending: dice.chance(0.5) ? {} : { limit: 2 } } },
    { look: { id, deadLetters: dice.chance(0.5) ? {} : { user } } },
    { look: { id, subscribe: true } },
  ])
}

export function logout(told: Told): Step {
  if (told.current !== null) told.former = told.current
  told.current = null
  return { logout: told.dice.of(['keep', 'keep', 'flush', 'discard', 'discard']) }
}

export function login(told: Told): Step | null {
  const { dice, users } = told
  const user = dice.any(users)
  if (user === null) return null
  told.current = user
  return loginOf(user, dice.chance(0.75) ? tokenFor(told, user) : null)
}

function loginOf(user: string, token: string | null): Step {
  return { login: { user, ...(token === null ? {} : { token }) } }
}

/** With the token that the server takes for ever. */
export function loginWell(
  told: Told,
  user: string | null = told.dice.any(told.users),
): Step | null {
  if (user === null) return null
  told.current = user
  return loginOf(user, goodToken(user))
}

/** Sometimes it is somebody else's. */
function tokenFor({ dice, tokens, features }: Told, user: string): string | null {
  if (dice.chance(0.4)) return goodToken(user)
  const isWrong = features.has('badTokens') && dice.chance(0.05)
  const names = isWrong ? [...tokens.ofUser.values()].flat() : tokens.ofUser.get(user)
  return dice.any(names ?? [])
}

/** Mostly of somebody: what is enqueued by nobody is often dropped at the door. */
export function enqueue(told: Told): Step {
  const { current, dice, kinds } = told
  const back = current === null && dice.chance(0.6) ? loginAgain(told) : null
  return back ?? enqueueOf(told, dice.any(kinds) ?? 'note')
}

/** Neighbours of one kind may merge (Q4), and what uses a record waits for its creation (Q12). */
export function enqueueAlike(told: Told): Step {
  const { last } = told
  if (last === null) return enqueue(told)
  return last.kind === 'create'
    ? enqueueOf(told, 'touch', last.payload)
    : enqueueOf(told, last.kind)
}

function enqueueOf(told: Told, kind: string, same: Record<string, unknown> = {}): Step {
  const { dice, operations, features } = told
  const id = `o${operations.length + 1}`
  operations.push(id)
  const expiry =
    // Of a kind with a time of its own that of the call counts (Q8).
    (features.has('expiry') && dice.chance(0.3)) || (kind === 'mortal' && dice.chance(0.4))
      ? { expiresInMs: dice.of([1, 1000, MINUTE_MS]) }
      : {}
  const outsized =
    features.has('outsized') && dice.chance(0.1) ? { expiresInMs: dice.of(OUTSIZED) } : {}
  const within =
    features.has('within') && dice.chance(0.4)
      ? { within: dice.of(['commit', 'commit', 'rollback'] as const) }
      : {}
  const payload = { ...planPayload(dice, features, { kind, id }), ...same }
  told.last = { kind, payload }
  return { enqueue: { id, kind, payload, ...expiry, ...outsized, ...within } }
}

/** Durations that storage cannot hold (Q21). */
const OUTSIZED = [2 ** 63, 1e300] as const

/** Logs in, uses the token, logs out, comes back and works: the second session begins with nothing of the first (T11). */
function visit(told: Told): Step | null {
  const use = told.features.has('reads') && told.dice.chance(0.5) ? read : enqueue
  told.next.push(
    { feature: null, make: use },
    { feature: null, make: logout, gap: afterAnAttempt },
    { feature: null, make: loginAgain },
    { feature: null, make: use },
  )
  return login(told)
}

/** The user that has just logged out comes back, often without a token. */
export function loginAgain(told: Told): Step | null {
  const { dice, former: user } = told
  if (user === null) return login(told)
  told.current = user
  return loginOf(user, dice.chance(0.4) ? tokenFor(told, user) : null)
}

function ofSomebody({ dice, users }: Told, make: (user: string) => Step): Step | null {
  const user = dice.any(users)
  return user === null ? null : make(user)
}

export function named({ dice, operations }: Told, make: (id: string) => Step): Step | null {
  const id = dice.late(operations)
  return id === null ? null : make(id)
}
