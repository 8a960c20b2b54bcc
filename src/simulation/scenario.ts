/** A scenario: a scripted world, events at virtual times, and what must be seen. */
import { z } from 'zod'
import { DEAD_REASONS } from '../dead-reasons.ts'
import { DATABASE_FILES } from './database-files.ts'
import { WATCHES } from './memory-files.ts'
import { PROCESS_NAMES } from './process-name.ts'
import { SYSTEMS } from './sleep.ts'

/** How many tries to rename a file another program may spoil. Each start makes up to 11. */
const MOST_TRIES = 1000

/** A reply that repeats a token does so behind at most so many characters: longer replies are cut before. */
const LONGEST_ECHO = 2000

/** Milliseconds of virtual time. */
const at = z.number().int().min(0)
const durationMs = z.number().int().min(0)
const name = z.string().min(1)
const requirement = z.enum(['unknown', 'required', 'off'])

const match = z.strictObject({ user: name.optional(), kind: name.optional(), op: name.optional() })
const times = z.number().int().min(1).optional()

const config = z.strictObject({
  requirement: requirement.optional(),
  whileUnknown: z.enum(['hold', 'send']).optional(),
  anonymous: z.enum(['drop', 'hold', 'adopt']).optional(),
  onDead: z.enum(['continue', 'hold']).optional(),
  concurrency: z.number().int().min(1).optional(),
  maxSourceCalls: z.number().int().min(1).optional(),
  maxAttempts: z.number().int().min(1).optional(),
  patienceMs: durationMs.optional(),
  maxPending: z.number().int().min(1).optional(),
  maxPayloadBytes: z.number().int().min(1).optional(),
  retainCompleted: z.boolean().optional(),
  batchWindowMs: durationMs.optional(),
  backoff: z
    .strictObject({
      base: z.number().int().min(1).optional(),
      cap: z.number().int().min(1).optional(),
      jitter: z.boolean().optional(),
    })
    .optional(),
  /** Is there a vault? One that fails: so many tries to open a token find it locked, and so many after them nothing to open (T1). */
  vault: z
    .union([
      z.boolean(),
      z.strictObject({
        unavailable: z.number().int().min(1).optional(),
        unreadable: z.number().int().min(1).optional(),
      }),
    ])
    .optional(),
  /** Has the app a kind that says farewell at every logout? (I7) */
  farewell: z.boolean().optional(),
  /** Says what sleep does to the clocks of the machine. Default: `linux`. */
  system: z.enum(SYSTEMS).optional(),
  /** What each watch on the commits of other processes does. Default: `works`. */
  watch: z.enum(WATCHES).optional(),
})

const token = z.strictObject({
  user: name,
  exp: z.number().int().optional(),
  nbf: z.number().int().optional(),
  accepted: z
    .union([z.boolean(), z.strictObject({ from: at.optional(), until: at.optional() })])
    .optional(),
})

const after = durationMs.optional()
/** Every call from here on is answered so. */
const ever = z.literal(true).optional()
const sourceAnswer = z.union([
  // One token, whoever it is asked for, or one for each user.
  z.strictObject({ token: z.union([name, z.record(z.string(), name)]), after, ever }),
  z.strictObject({ none: z.literal(true), after, ever }),
  z.strictObject({ denied: z.literal(true), after, ever }),
  z.strictObject({ throws: z.literal(true), after, ever }),
  /** Something that is no token. */
  z.strictObject({ garbage: z.literal(true), after, ever }),
  /** This one call, never. */
  z.strictObject({ never: z.literal(true), ever }),
])

/** What the source of the requirement answers. */
const requirementAnswer = z.union([
  z.strictObject({ requirement, after, ever }),
  z.strictObject({ throws: z.literal(true), after, ever }),
  z.strictObject({ garbage: z.literal(true), after, ever }),
  z.strictObject({ never: z.literal(true), ever }),
])

const server = z.strictObject({
  latency: durationMs.optional(),
  /** Does every reply name the server's time in `Date`? */
  dates: z.boolean().optional(),
  latencies: z.array(z.strictObject({ match: match.optional(), ms: durationMs, times })).optional(),
  replies: z
    .array(
      z.strictObject({
        match: match.optional(),
        status: z.number().int().min(100).max(599).optional(),
        headers: z.record(z.string(), z.string()).optional(),
        lost: z.enum(['reply', 'request']).optional(),
        /** No byte of the request leaves, and the transport names this reason (Q6). */
        unsent: name.optional(),
        html: z.literal(true).optional(),
        /** Only the head arrives, and the beginning of the body (Q6). */
        cut: z.literal(true).optional(),
        /** Instead of JSON that a kind understands, under a JSON content type. */
        body: z.string().optional(),
        /** A body that repeats the token of the request behind so many characters, as JSON unless the headers say text (E1). */
        echo: z.number().int().min(0).max(LONGEST_ECHO).optional(),
        ryw: z
          .strictObject({ token: name, delay: durationMs.optional(), key: name.optional() })
          .optional(),
        times,
      }),
    )
    .optional(),
})

/** Which process of the app takes the step. Default: `main`, which the run begins with. */
const process = z.enum(PROCESS_NAMES).optional()
const inProcess = { at, process }

/** How a process closes: with a deadline of 0 (`true`), or with this one, in milliseconds. */
const closing = z.union([z.literal(true), z.number().int().min(1)])

const owner = name.nullable().optional()
/** A dead letter, and the payload that takes the place of its own. */
const replacedPayload = z.strictObject({ id: name, payload: z.record(z.string(), z.unknown()) })

const letterFilter = z.strictObject({
  user: owner,
  kind: name.optional(),
  reason: z.enum(DEAD_REASONS).optional(),
})

const look = z.union([
  z.strictObject({ id: name, operation: name }),
  z.strictObject({
    id: name,
    pending: z.strictObject({ user: owner, limit: z.number().int().min(1).optional() }),
  }),
  z.strictObject({ id: name, deadLetters: z.strictObject({ user: owner }) }),
  z.strictObject({ id: name, subscribe: z.literal(true) }),
])

const readOutcome = z.enum(['accepted', 'retry', 'refused-token', 'rejected', 'throws'])
const read = z.strictObject({
  id: name,
  after: z.array(name).optional(),
  key: name.optional(),
  /** Records by local id, which the request names. */
  needs: z
    .strictObject({ required: z.array(name).optional(), optional: z.array(name).optional() })
    .optional(),
  deadlineMs: durationMs.optional(),
  /** The judgement of the app by the status of the reply; of every other status it is that of Q6 (R5). */
  interpret: z.record(z.string().regex(/^[1-5]\d\d$/), readOutcome).optional(),
})

const step = z.union([
  z.strictObject({ ...inProcess, login: z.strictObject({ user: name, token: name.optional() }) }),
  z.strictObject({ ...inProcess, logout: z.enum(['keep', 'flush', 'discard']) }),
  z.strictObject({ ...inProcess, updateToken: z.strictObject({ user: name, token: name }) }),
  z.strictObject({ ...inProcess, refreshToken: name }),
  z.strictObject({ ...inProcess, forget: name }),
  z.strictObject({ ...inProcess, requirement }),
  z.strictObject({
    ...inProcess,
    enqueue: z.strictObject({
      id: name,
      kind: name,
      payload: z.record(z.string(), z.unknown()).optional(),
      expiresInMs: z.number().positive().optional(),
      /** In a transaction of the app, which ends so: `enqueueWithin()`. */
      within: z.enum(['commit', 'rollback']).optional(),
    }),
  }),
  /** What the app asks for, under a name for what it sees. */
  z.strictObject({ ...inProcess, look }),
  /** Listeners that come late, to every event: what they hear at once (T5). */
  z.strictObject({ ...inProcess, listen: z.literal(true) }),
  z.strictObject({ ...inProcess, cancel: name }),
  z.strictObject({ ...inProcess, retry: z.union([name, replacedPayload]) }),
  /** All dead letters that the filter names. */
  z.strictObject({ ...inProcess, retryAll: letterFilter }),
  z.strictObject({ ...inProcess, discardAll: letterFilter }),
  z.strictObject({ ...inProcess, discard: name }),
  z.strictObject({ ...inProcess, read }),
  /** The deadline, in milliseconds. */
  z.strictObject({ ...inProcess, flush: durationMs }),
  /** Of this user, or of every owner (`true`). */
  z.strictObject({ ...inProcess, sendNow: z.union([name, z.literal(true)]) }),
  z.strictObject({ ...inProcess, queue: z.enum(['pause', 'resume']) }),
  // At once, or instead of the next commit, or as soon as that is done.
  z.strictObject({
    ...inProcess,
    crash: z.literal([true, 'before-commit', 'after-commit']),
  }),
  // With a deadline the world goes on while it closes; until then it takes no step but `crash`.
  z.strictObject({ ...inProcess, restart: closing }),
  // One process lives always: the last does not exit.
  z.strictObject({ ...inProcess, start: z.literal(true) }),
  z.strictObject({ ...inProcess, exit: closing }),
  // `silent`: it is down or up, and the engine is not told.
  z.strictObject({ at, network: z.enum(['down', 'up']), silent: z.literal(true).optional() }),
  z.strictObject({ at, power: z.enum(['suspend', 'resume']) }),
  /** The machine sleeps for so long. The engine is told nothing: that is `power`. */
  z.strictObject({ at, sleep: durationMs }),
  z.strictObject({ at, wall: z.number().int() }),
  z.strictObject({
    at,
    disk: z.enum(['busy', 'full', 'read-only', 'works']),
    times,
  }),
  // The database cannot grow, until the disk works: a large change fails, and a small one beside it does not.
  z.strictObject({ at, disk: z.literal('no-room') }),
  // A page of this table is damaged (`page`: which one, the first is 1), until the app starts again.
  z.strictObject({
    at,
    disk: z.literal('damaged'),
    rows: z.enum(['operations', 'envelopes', 'letters']),
    page: z.number().int().min(1).optional(),
  }),
  // Somebody deletes the file that tells of commits, or every watch on it ends with an error.
  z.strictObject({ at, sideFile: z.enum(['removed', 'failed']) }),
  // Another program has this file of the database open for so many tries to rename it. Only Windows minds.
  z.strictObject({
    at,
    scanner: z.strictObject({
      file: z.enum(DATABASE_FILES),
      tries: z.number().int().min(1).max(MOST_TRIES),
    }),
  }),
  /** The release of the app that every later start is of: kinds have its version. */
  z.strictObject({ at, release: z.number().int().min(1) }),
])

const expectedRequest = z.strictObject({
  at: at.optional(),
  user: name.nullable().optional(),
  kind: name.optional(),
  ops: z.array(name).optional(),
  token: name.nullable().optional(),
  status: z.number().int().nullable().optional(),
  sameKeyAs: z.number().int().min(0).optional(),
  newKeyAs: z.number().int().min(0).optional(),
  record: name.optional(),
  payload: z.unknown().optional(),
})

const expectedEvent = z.strictObject({
  event: name,
  id: name.optional(),
  user: name.nullable().optional(),
  kind: name.optional(),
  reason: name.optional(),
  code: name.optional(),
  suspected: z.boolean().optional(),
})

const expectedOperation = z.strictObject({
  state: z.enum(['pending', 'dead', 'dropped', 'completed', 'cancelled']).optional(),
  user: name.nullable().optional(),
  kind: name.optional(),
  reason: name.nullable().optional(),
  status: z.number().int().nullable().optional(),
  payload: z.unknown().optional(),
  result: z.unknown().optional(),
})

const byId = z.record(z.string(), z.string())

const expectation = z.strictObject({
  requests: z.array(expectedRequest).optional(),
  events: z.array(expectedEvent).optional(),
  never: z.array(name).optional(),
  sourceCalls: z
    .array(z.strictObject({ at: at.optional(), user: name.optional(), reason: name.optional() }))
    .optional(),
  applied: z.array(name).optional(),
  /** What each `look` saw, by its id: names in order, one operation, or how often a subscription was called. */
  looks: z
    .record(
      z.string(),
      z.union([z.array(name), z.number().int().min(0), z.null(), expectedOperation]),
    )
    .optional(),
  /** The needs that each late listener heard of at once, by user. */
  listened: z.array(byId).optional(),
  final: z
    .strictObject({
      identity: name.nullable().optional(),
      requirement: requirement.optional(),
      pending: z.array(name).optional(),
      completed: z.array(name).optional(),
      cancelled: z.array(name).optional(),
      dead: byId.optional(),
      dropped: byId.optional(),
      holds: z.record(z.string(), z.array(name)).optional(),
      needs: byId.optional(),
      reads: z
        .record(z.string(), z.enum(['waiting', 'completed', 'deferred', 'cancelled', 'failed']))
        .optional(),
    })
    .optional(),
  /** By the id of the step or its word; one code of all the calls of this name, or the code of each. */
  rejects: z.record(z.string(), z.union([z.string(), z.array(z.string()).min(1)])).optional(),
})

/** The shape of a scenario file, format 1. */
export const scenarioSchema = z.strictObject({
  scenario: z.literal(1),
  name,
  config: config.optional(),
  tokens: z.record(z.string(), token).optional(),
  source: z.array(sourceAnswer).optional(),
  requirementSource: z.array(requirementAnswer).optional(),
  server: server.optional(),
  steps: z.array(step),
  expect: expectation.optional(),
  until: at.optional(),
})

export type Scenario = z.infer<typeof scenarioSchema>
export type ScenarioStep = z.infer<typeof step>
export type ScenarioRead = z.infer<typeof read>
export type ScenarioToken = z.infer<typeof token>
export type ScenarioMatch = z.infer<typeof match>
export type SourceAnswer = z.infer<typeof sourceAnswer>
export type RequirementAnswer = z.infer<typeof requirementAnswer>
export type ServerScript = z.infer<typeof server>
export type Expectation = z.infer<typeof expectation>
export type ExpectedRequest = z.infer<typeof expectedRequest>
