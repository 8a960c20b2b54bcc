/**
 * No request carries a token that is known to be refused. With a source and under `required` none
 * carries one that has expired by the corrected clock, unless it looked so when it arrived (T4, T9).
 * A token that was refused before its time is not sent before that time (T9).
 */
import type { Instant } from '../../model.ts'
import type { SeenRequest } from '../scripted-server.ts'
import { additionsTo, follow, type Invariant, isRead, show } from './invariant.ts'
import { outcomeOf } from './outcome.ts'
import type { RunRecord } from './run-record.ts'
import { isUnheard } from './unheard-commits.ts'

/** Smaller differences to the server's `Date` say nothing (T9). */
const IGNORED_MS = 5000

/** A token whose time is further away is refused like every other (T9). */
const MOST_EARLY_MS = 600_000

interface Refusal {
  readonly at: number
  /** Its time had not come: it may be sent again from then on. Null: never. */
  readonly until: number | null
  /** Of the process that was told: of one that died before it could store it, others know nothing. */
  readonly life: number
  readonly generation: number
  /** What was sent: another process may have stored a newer one in that instant. */
  readonly token: string
  /** Reads and writes do not wait for each other: which came first in an instant, nobody can tell. */
  readonly isOfRead: boolean
}

export const tokenValidAtSend: Invariant = (run) => {
  const refused = new Map<string, Refusal>()
  const offsets: Offset[] = []
  const arrivals = arrivalsOf(run, offsets)
  const calls = additionsTo(run.calls)
  let violations: unknown[] = []
  const followRequests = follow(run, {
    sent: (request) => {
      const why = faultOf(run, request, refused, () => offsetsAt(offsets, request), arrivals)
      if (why !== null) violations.push({ ...show(request), why })
    },
    ended: (request) => {
      learnOffset(offsets, request)
      const { user, client, endedAt, token } = request
      if (outcomeOf(request) !== 'refused-token' || token === null || user === null) return
      if (client.token === null || isJustStored(run, request)) return
      // What could not be stored is not known for sure before it is stored again.
      if (run.turns.some(({ turn, at }) => turn === 'disk' && at === endedAt)) return
      refused.set(user, {
        at: endedAt ?? 0,
        until: earlyUntil(run, request, offsetsAt(offsets, { ...request, at: endedAt ?? 0 })),
        generation: client.token.generation,
        token,
        isOfRead: isRead(request),
        life: client.life,
      })
    },
  })
  return () => {
    violations = []
    arrivals.look()
    // Who is forgotten begins anew, at the first generation (I12).
    for (const { name, user } of calls()) if (name === 'forget') refused.delete(user ?? '')
    followRequests()
    return violations
  }
}

/**
 * Another process has stored a token in the very instant in which this one sent: whether it went under that generation
 * or under the one before, which may be the same token, the rows do not tell.
 */
function isJustStored({ rows }: RunRecord, { at, user, client }: SeenRequest): boolean {
  return rows.tokenSteps.some(
    (step) => step.user === user && step.at === at && step.life !== client.life,
  )
}

/** True if another process has stored the refusal in this very instant, or unheard by this process. */
function isJustRefused(run: RunRecord, { at, user, client }: SeenRequest): boolean {
  const ofUser = run.rows.tokenSteps.filter((step) => step.user === user)
  const last = ofUser.at(-1)
  if (last?.isRefused === true && last.at === at && last.life !== client.life) return true
  const refusal = ofUser.findLast(
    ({ generation, isRefused, former }) =>
      generation === client.token?.generation && isRefused && former?.isRefused !== true,
  )
  return refusal !== undefined && isUnheard(run, refusal, client.life, at)
}

function faultOf(
  run: RunRecord,
  request: SeenRequest,
  refused: ReadonlyMap<string, Refusal>,
  offsets: () => readonly number[],
  arrivals: Arrivals,
): string | null {
  const { settings, tokens } = run
  const { token, user, client, at } = request
  if (token === null || user === null) return null
  if (client.token?.isRefused === true && !isJustRefused(run, request)) {
    return 'it is stored as refused'
  }
  const refusal = refused.get(user)
  // A read may leave in the very instant in which a reply is on its way in.
  const isKnown =
    refusal !== undefined &&
    (isRead(request) || refusal.isOfRead ? refusal.at < at : refusal.at <= at)
  const isSame = refusal?.token === token && refusal.generation === client.token?.generation
  const isOver = refusal !== undefined && refusal.until !== null && at >= refusal.until
  if (isKnown && refusal.life === client.life && isSame && !isOver) {
    return `generation ${refusal.generation} was refused at ${refusal.at}`
  }
  if (!settings.hasSource || client.requirement !== 'required') return null
  const expiresAt = tokens.expiresAt(token)
  if (expiresAt === null || arrivals.lookedExpired(token)) return null
  const isExpired = offsets().every((offset) => expiresAt <= client.wall + offset)
  return isExpired ? `it had expired ${client.wall - expiresAt} ms before` : null
}

/** Until when this refusal says only that the time of the token has not come; null: it says more. */
function earlyUntil(
  { tokens }: RunRecord,
  { token, endedAt, endedWall }: SeenRequest,
  offsets: readonly number[],
): number | null {
  const notBefore = tokens.notBefore(token ?? '')
  if (notBefore === null || endedAt === null || endedWall === null) return null
  const leftMs = offsets.map((offset) => notBefore - endedWall - offset)
  const early = leftMs.filter((left) => left > 0 && left <= MOST_EARLY_MS)
  return early.length === 0 ? null : endedAt + Math.min(...early)
}

/** What the server's clock was ahead by, by what one reply said. */
interface Offset {
  readonly at: number
  readonly life: number
  readonly ms: number
}

function learnOffset(offsets: Offset[], request: SeenRequest): void {
  const { reply, endedAt, endedWall, client } = request
  const date = Date.parse(reply?.headers['date'] ?? '')
  if (endedAt === null || endedWall === null || Number.isNaN(date)) return
  if (outcomeOf(request) === 'portal') return
  const ms = date - endedWall
  offsets.push({ at: endedAt, life: client.life, ms: Math.abs(ms) < IGNORED_MS ? 0 : ms })
}

/** What the correction may have been then: at one instant nobody knows what came first. */
function offsetsAt(offsets: readonly Offset[], { at, client }: SeenRequest): readonly number[] {
  const known = offsets.filter((offset) => offset.life === client.life && offset.at <= at)
  const before = known.findLast((offset) => offset.at < at)?.ms ?? 0
  return [before, ...known.filter((offset) => offset.at === at).map(({ ms }) => ms)]
}

interface Arrivals {
  look(): void
  /** Had it expired, by the client's clock, when it was handed over, at least once? */
  lookedExpired(token: string): boolean
}

function arrivalsOf(run: RunRecord, offsets: readonly Offset[]): Arrivals {
  const calls = additionsTo(run.calls)
  /** The latest time of the wall clock, which may have jumped back since. */
  const latest = new Map<string, Instant>()
  return {
    look: () => {
      for (const { token, wall, at } of calls()) {
        if (token === null) continue
        // It arrives once it is sealed: by then the clock may have jumped, in the instant of the call.
        const jumps = run.turns.filter((turn) => turn.turn === 'wall' && turn.at === at)
        const jumpedMs = jumps.reduce((sum, { byMs }) => sum + Math.max(0, byMs), 0)
        latest.set(token, Math.max(wall + jumpedMs, latest.get(token) ?? 0))
      }
    },
    lookedExpired: (token) => {
      const expiresAt = run.tokens.expiresAt(token) ?? Number.POSITIVE_INFINITY
      const given = run.sourceCalls.flatMap(({ answer }) =>
        answer?.token === token ? [answer.wall] : [],
      )
      const wall = Math.max(latest.get(token) ?? 0, ...given)
      // By the corrected clock it may have looked so earlier.
      return expiresAt <= wall + Math.max(0, ...offsets.map(({ ms }) => ms))
    },
  }
}
