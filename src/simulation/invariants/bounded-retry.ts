/**
 * Nothing is sent again before its wait is over, nor to a server that asked everybody to wait; nothing
 * dies of exhaustion before its time, and nothing that has exhausted its attempts, or whose own time is
 * over, is sent on (Q7, Q8).
 */
import type { SeenRequest } from '../scripted-server.ts'
import type { SeenTurn } from '../seen.ts'
import { isSurelyExpired } from './ages.ts'
import { wereAnswered } from './answered-meanwhile.ts'
import { additionsTo, follow, type Invariant, isForgotten, isRead, show } from './invariant.ts'
import { knownAt, outcomeOf, retryAfterMs } from './outcome.ts'
import type { RunRecord } from './run-record.ts'
import { LONGEST_SUSPENSION_MS, runningMs } from './running-time.ts'
import { doublingWait } from './doubling-wait.ts'

const NOT_NOW: ReadonlySet<number> = new Set([408, 425, 429, 502, 503, 504])

/** What is known of the attempts of one operation as the head of its envelope. */
interface Attempts {
  /** Sendings that came to `retry`, `unknown` or `unsent`. */
  readonly count: number
  /** Those of them that count towards death: surely, and at most. */
  readonly counted: number
  readonly countedAtMost: number
  /** The first that was not `unsent`; null: none was. */
  readonly firstAt: number | null
  /** The first of them that came to `retry` or `unknown`; null: none has. */
  readonly firstFailedAt: number | null
  /** Not before this; null: at once. */
  readonly notBefore: number | null
  /** Not before this because the server asked for it: `sendNow()` does not end that (Q7). */
  readonly askedUntil: number
  /** Does nobody know what one of them came to? */
  readonly isUnknown: boolean
  /** Was the last outcome `unknown` or `unsent`? Then the return of the network ends the wait. */
  readonly isCuttable: boolean
  /** Did the last come to `unsent`? Nothing dies of it. */
  readonly isUnsent: boolean
  /** Was the last reply a 431? Then a newer token ends the wait. */
  readonly isTooLarge: boolean
  /** The generation of the token that was last answered 431; null: none was. */
  readonly tooLarge: number | null
  readonly since: number
  readonly life: number
  /** Before the last one. */
  readonly former: Omit<Attempts, 'former'> | null
}

interface Limit {
  readonly since: number
  readonly until: number
  readonly life: number
}

export const boundedRetry: Invariant = (run) => {
  const transitions = additionsTo(run.rows.transitions)
  const attempts = new Map<string, Attempts>()
  /** Of these nobody knew, at least once, whether they had arrived. */
  const uncertain = new Set<string>()
  let limit: Limit | null = null
  /** Of these nobody can tell from outside how often they have failed: a 409 may have been a `retry`. */
  const untold = new Set<string>()
  let violations: unknown[] = []
  const followRequests = follow(run, {
    sent: (request) => {
      if (isRead(request)) return
      const head = request.ids[0] ?? ''
      const known = rememberedOf(run, attempts.get(head), request)
      if (known !== undefined) attempts.set(head, known)
      const why =
        (limit === null ? null : limitFault(run, limit, request)) ??
        (known === undefined ? null : attemptFault(run, known, request)) ??
        expiryFault(run, request, uncertain)
      if (why !== null) violations.push({ ...show(request), why })
    },
    ended: (request) => {
      if (isRead(request)) return
      const outcome = outcomeOf(request)
      const isUncertain = outcome === 'unknown' || outcome === 'doubtful'
      if (isUncertain) for (const id of request.ids) uncertain.add(id)
      limit = longer(limit, limitOf(run, request))
      const head = request.ids[0] ?? ''
      if (request.status === 409 && mayHaveBeenSentBefore(run, request)) untold.add(head)
      const next = attemptsAfter(run, attempts.get(head), request)
      if (next === null) for (const id of request.ids) attempts.delete(id)
      else attempts.set(head, next)
    },
  })
  return () => {
    violations = []
    followRequests()
    for (const { id, to, reason, at } of transitions()) {
      const known = attempts.get(id)
      // If anybody retries it, its attempts are counted anew.
      if (to !== 'dead' || known === undefined) continue
      const isEarly = reason === 'attempts-exhausted' && isTooEarly(run, known, at)
      if (isEarly && !untold.has(id)) {
        violations.push({ dead: id, at, after: known.countedAtMost, firstAt: known.firstAt })
      }
      attempts.delete(id)
    }
    return violations
  }
}

/** Null: it is settled, or to be judged alone from now on. */
function attemptsAfter(
  run: RunRecord,
  before: Attempts | undefined,
  request: SeenRequest,
): Attempts | null {
  const { settings } = run
  const { at, reply, client } = request
  const since = knownAt(run, request)
  const outcome = since === null ? 'unknown' : outcomeOf(request, before?.isUnknown ?? false)
  const isEnd = outcome === 'accepted' || outcome === 'rejected'
  if (isEnd && !isUnrecorded(run, request)) return null
  const former = before ?? {
    count: 0,
    counted: 0,
    countedAtMost: 0,
    firstAt: null,
    firstFailedAt: null,
    isUnknown: false,
    tooLarge: null,
  }
  const rest = {
    notBefore: null,
    askedUntil: 0,
    isCuttable: false,
    isUnsent: false,
    isTooLarge: false,
    since: since ?? at,
    life: client.life,
    former: before ?? null,
  }
  // A crash leaves no wait, a refused token none either, and a portal is not this envelope's.
  const firstAt = outcome === 'unsent' ? former.firstAt : (former.firstAt ?? at)
  if (outcome === 'refused-token') return { ...former, ...rest, firstAt }
  if (isEnd) return { ...former, ...rest, firstAt, isUnknown: true }
  // Whose process died in the moment of the reply may have been dissolved just before: its members begin anew.
  if (since === null && outcomeOf(request) === 'rejected' && request.ids.length > 1) return null
  // It may have been counted just before.
  if (since === null) {
    const countedAtMost = former.countedAtMost + 1
    return { ...former, ...rest, firstAt, countedAtMost, isUnknown: true }
  }
  if (outcome === 'portal') {
    return { ...former, ...rest, firstAt, countedAtMost: former.countedAtMost + 1 }
  }
  const count = former.count + 1
  const isReply = outcome === 'retry' || outcome === 'doubtful'
  const isTooLarge = reply?.status === 431
  const isCounted = reply !== null && isReply && !NOT_NOW.has(reply.status)
  // Of 431 the first under each generation does not count.
  const isFirstOfAll = isTooLarge && request.token !== null && former.tooLarge === null
  const mayBeFirst =
    isTooLarge && request.token !== null && hasNewToken(run, former.tooLarge, request)
  // A silence counts if others were answered since the attempt before it failed.
  const isSurelyCounted =
    outcome === 'unknown' && before !== undefined && wereAnswered(run, before, request)
  const mayCount = (isCounted && !isFirstOfAll) || outcome === 'unknown'
  const { backoff } = settings
  const backoffMs = backoff.jitter ? 0 : doublingWait(backoff, count)
  return {
    count,
    counted: former.counted + ((isCounted && !mayBeFirst) || isSurelyCounted ? 1 : 0),
    countedAtMost: former.countedAtMost + (mayCount ? 1 : 0),
    firstAt,
    firstFailedAt: former.firstFailedAt ?? (outcome === 'unsent' ? null : at),
    isUnknown: former.isUnknown || outcome === 'unknown' || outcome === 'doubtful',
    isCuttable: outcome === 'unknown' || outcome === 'unsent',
    isUnsent: outcome === 'unsent',
    isTooLarge,
    tooLarge: isTooLarge ? (client.token?.generation ?? 0) : former.tooLarge,
    notBefore: since + Math.max(backoffMs, retryAfterMs(run, request) ?? 0),
    askedUntil: since + (retryAfterMs(run, request) ?? 0),
    since,
    life: client.life,
    former: before ?? null,
  }
}

/**
 * True if the disk failed when the end of the operation was to be recorded: the next process sends the operation again, and
 * knows of the attempts before (Q11). Of an envelope that was to be dissolved, each member may begin anew.
 */
function isUnrecorded({ turns, rows }: RunRecord, request: SeenRequest): boolean {
  const { ids, endedAt } = request
  if (ids.length > 1 && outcomeOf(request) === 'rejected') return false
  const isRecorded = rows.transitions.some(({ id, at }) => id === ids[0] && at === endedAt)
  return !isRecorded && turns.some(({ turn, at }) => turn === 'disk' && at === endedAt)
}

/** Has its user been given a newer token than that of this generation, by the time of the request? */
function hasNewToken(
  { rows }: RunRecord,
  generation: number | null,
  { at, user }: SeenRequest,
): boolean {
  return rows.tokenSteps.some(
    (step) => step.user === user && step.generation > (generation ?? -1) && step.at <= at,
  )
}

/** What a process finds after a crash, the one before may have sent. */
function mayHaveBeenSentBefore(run: RunRecord, { ids, client }: SeenRequest): boolean {
  const { lives, turns, requests } = run
  const [head = ''] = ids
  const life = lives[client.life]
  // What the reply came to could not be recorded either by who found the database damaged then.
  const isOfFormer = requests.some((sent) => sent.client.life < client.life && sent.ids[0] === head)
  const isAfterDeath = life?.beganBy === 'crash' || turns.some(isDeath) || isOfFormer
  return isAfterDeath && life?.kept.has(head) === true
}

function attemptFault(run: RunRecord, known: Attempts, request: SeenRequest): string | null {
  const { notBefore, since, counted, firstFailedAt } = known
  const isCutShort = run.turns.some((turn) => cutsShort(run, turn, since, request.at))
  const isWaiting = notBefore !== null && request.at < notBefore
  const isEnded =
    (known.isCuttable && isCutShort) ||
    (known.isTooLarge && hasNewToken(run, known.tooLarge, request)) ||
    isSentNow(run, known, request)
  if (isWaiting && !isEnded && !jumped(run, known, request)) {
    return `its wait lasts until ${notBefore}`
  }
  const { maxAttempts, patienceMs } = run.settings
  // It is judged when it fails: a portal or a refused token since then are no failures of it.
  const isJudged = notBefore !== null && firstFailedAt !== null && counted >= maxAttempts
  const isExhausted = isJudged && !known.isUnsent && since - firstFailedAt >= patienceMs
  return isExhausted && !run.turns.some(({ turn, at }) => turn === 'wall' && at >= firstFailedAt)
    ? `it has failed ${counted} times since ${firstFailedAt}`
    : null
}

/** Did the app call `sendNow()` since, when no server asked the operation to wait any more? */
function isSentNow(
  { calls }: RunRecord,
  { since, askedUntil }: Attempts,
  { at, user }: SeenRequest,
): boolean {
  return calls.some(
    (call) =>
      call.name === 'sendNow' &&
      (call.user === null || call.user === user) &&
      call.at >= Math.max(since, askedUntil) &&
      call.at <= at,
  )
}

/** That a generation was answered 431, a salvage may have lost: the next 431 may count, or be its first once more. */
const FORGOTTEN_GENERATION = -1

/** By then a waking that nobody has told is noticed (Q18). */
const LATE_LOOK_MS = 30_000

/** Did this end the waits that have lasted since then, by the time of a request? */
function cutsShort(
  { turns }: RunRecord,
  { at, turn, byMs }: SeenTurn,
  since: number,
  until: number,
): boolean {
  if (at > until) return false
  // By itself, after its time (Q18).
  if (turn === 'suspended') {
    return (
      runningMs({ now: until, turns }, at) >= LONGEST_SUSPENSION_MS &&
      (at >= since || runningMs({ now: since, turns }, at) <= LONGEST_SUSPENSION_MS)
    )
  }
  // A waking may be noticed without a word of the platform, also a while later: then it ends waits that have begun since, too.
  // A wall clock that is set forward looks like one.
  if (turn === 'slept' || (turn === 'wall' && byMs > 0)) return at >= since - LATE_LOOK_MS
  return (turn === 'online' || turn === 'resumed') && at >= since
}

function isDeath({ turn }: SeenTurn): boolean {
  return turn === 'death-before-commit' || turn === 'death-after-commit'
}

/** Its own time is over, and it has surely not arrived. */
function expiryFault(
  run: RunRecord,
  { ids, at, client }: SeenRequest,
  uncertain: ReadonlySet<string>,
): string | null {
  const { rows, turns, lives, requests } = run
  const { life } = client
  const isExpired = (id: string) => !uncertain.has(id) && isSurelyExpired(run, { id, life, at })
  const expired = ids.filter(isExpired)
  if (expired.length === 0) return null
  // Who died may have been about to send what was recorded; and of what met a portal, the next process
  // cannot tell whether it arrived.
  const metPortal = requests.some(
    (sent) =>
      sent.ids[0] === ids[0] && sent.client.life < client.life && outcomeOf(sent) === 'portal',
  )
  // Who could not store how it ended counts as dead; before the operation was there, nothing was to be stored of it.
  const storedAt = Math.min(...ids.map((id) => rows.storedAt.get(id) ?? 0))
  const mayCountAsDead =
    lives.some(({ beganBy, startedAt }) => beganBy === 'crash' && startedAt >= storedAt) ||
    turns.some((turn) => turn.at >= storedAt && (turn.turn === 'disk' || isDeath(turn)))
  const isUncertain = metPortal || mayCountAsDead
  const recorded = isUncertain ? [...rows.keys.values()].flatMap((envelope) => envelope.ids) : []
  const isOver = expired.some((id) => !recorded.includes(id))
  return isOver ? 'its time is over' : null
}

/** What could not be recorded and may not have been since: of that the next process knows at most what it knew before. */
function rememberedOf(
  run: RunRecord,
  known: Attempts | undefined,
  request: SeenRequest,
): Attempts | undefined {
  if (known === undefined) return known
  // A salvage may have lost the row of the envelope: then its attempts are counted anew, and its wait is over (E2).
  if (isSalvagedSince(run, known, request)) {
    const tooLarge = known.tooLarge === null ? null : FORGOTTEN_GENERATION
    return { ...known, count: 0, counted: 0, firstFailedAt: null, notBefore: null, tooLarge }
  }
  if (!isUnstored(run, known, request)) return known
  const { former, firstAt, countedAtMost, ...rest } = known
  const { count = 0, counted = 0, firstFailedAt = null } = former ?? {}
  return { ...rest, firstAt, countedAtMost, count, counted, firstFailedAt, notBefore: null, former }
}

function isSalvagedSince({ turns }: RunRecord, { since }: Attempts, { at }: SeenRequest): boolean {
  return turns.some((turn) => turn.turn === 'salvage' && turn.at >= since && turn.at <= at)
}

/** Did its process end after the disk had failed it, or been found damaged? */
function isUnstored(
  { turns }: RunRecord,
  { life, since }: Pick<Attempts, 'life' | 'since'>,
  { client, at }: SeenRequest,
): boolean {
  const isAnother = client.life !== life
  return (
    isAnother &&
    turns.some(
      ({ turn, at: when }) =>
        (turn === 'disk' || turn === 'salvage') && when >= since && when <= at,
    )
  )
}

/** 429 and 503 with `Retry-After` hold every lane. */
function limitOf(run: RunRecord, request: SeenRequest): Limit | null {
  // Who was forgotten meanwhile takes what is in flight along: nobody hears the reply (I12).
  const to = request.endedAt ?? request.at
  if (isForgotten(run, request.user, { from: request.at, to })) return null
  const waitMs = retryAfterMs(run, request)
  const { reply, client, givenUpAt } = request
  const endedAt = knownAt(run, request)
  if (waitMs === null || endedAt === null || givenUpAt !== null) return null
  if (reply?.status !== 429 && reply?.status !== 503) return null
  return { since: endedAt, until: endedAt + waitMs, life: client.life }
}

function longer(one: Limit | null, other: Limit | null): Limit | null {
  if (one === null || other === null) return one ?? other
  return other.until > one.until ? other : one
}

function limitFault(run: RunRecord, limit: Limit, request: SeenRequest): string | null {
  if (request.at <= limit.since || request.at >= limit.until) return null
  const isFree = jumped(run, limit, request) || isUnstored(run, limit, request)
  return isFree ? null : `the server asked to wait until ${limit.until}`
}

/**
 * A stored deadline is a time of the wall clock: for the next process a jump may have passed it; so may one that
 * could be stored only after the jump, and that of an operation which has been adopted meanwhile (I3).
 */
function jumped(
  { turns, requests }: RunRecord,
  { life, since }: { readonly life: number; readonly since: number },
  { client, at, user, ids }: SeenRequest,
): boolean {
  const isAdopted =
    user !== null && requests.some((sent) => sent.user === null && sent.ids[0] === ids[0])
  const jumps = turns.filter(({ turn, at: then }) => turn === 'wall' && then >= since && then <= at)
  const isStoredLate = turns.some(
    ({ turn, at: then }) => turn === 'disk' && then >= since && then <= at,
  )
  return (client.life !== life || isStoredLate || isAdopted) && jumps.some(({ byMs }) => byMs > 0)
}

function isTooEarly({ settings, turns }: RunRecord, known: Attempts, at: number): boolean {
  if (known.countedAtMost < settings.maxAttempts) return true
  const since = known.firstAt ?? 0
  const isClockStraight = !turns.some(({ turn, at: when }) => turn === 'wall' && when >= since)
  return isClockStraight && at - (known.firstAt ?? at) < settings.patienceMs
}
