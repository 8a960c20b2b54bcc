/**
 * A hold ends, and what it held is sent, in the very instant in which its cause is gone: a fresh token,
 * the return of the network, waking, `resume()`, the requirement learned, an enqueue (Q15, T7).
 */
import type { LaneStatus } from '../../engine/status.ts'
import type { HoldName } from '../../../machines/holds.ts'
import { additionsTo, follow, type Invariant } from './invariant.ts'
import { outcomeOf } from './outcome.ts'
import { awaitsRecord } from './awaited-records.ts'
import { isInTime, isLimited, isRepeating, mayDispatchElsewhere } from './engine-holds.ts'
import { refusalWaits } from './refusal-waits.ts'
import type { RunRecord } from './run-record.ts'
import { isSuspended, runningMs } from './running-time.ts'

export const wakes: Invariant = (run) => {
  const heard = additionsTo(run.heard)
  const isInWait = refusalWaits(run)
  let isPortal = false
  /** Lives whose last word was a suspicion: each process has its own (I10). */
  const suspecting = new Set<number>()
  const followRequests = follow(run, {
    ended: (request) => {
      // What another process was answered, this one does not know.
      if (request.client.life !== run.life) return
      const outcome = outcomeOf(request)
      if (outcome !== 'unknown' && outcome !== 'unsent') isPortal = outcome === 'portal'
    },
  })
  return () => {
    followRequests()
    for (const { event, detail, life } of heard()) {
      if (event !== 'requirement.changed') continue
      if ((detail as { readonly suspected: boolean }).suspected) suspecting.add(life)
      else suspecting.delete(life)
    }
    // It does not know yet what others have committed (Q17).
    if (run.isUnaware) return []
    const seen: Seen = { isPortal, isSuspected: suspecting.has(run.life), isInWait }
    return run.status.lanes.flatMap((lane) =>
      lane.holds
        .filter(
          ({ name, since }) => !isCaused(run, lane, name, seen) && !collects(run, name, since),
        )
        .map(({ name, since }) => ({
          user: lane.user,
          hold: name,
          since,
          why: 'its cause is gone',
        })),
    )
  }
}

interface Seen {
  /** A captive portal answered last. */
  readonly isPortal: boolean
  /** The server demands more than the app has said (I10). */
  readonly isSuspected: boolean
  /** A token of this user may be held (T8). */
  readonly isInWait: (user: string) => boolean
}

function isCaused(run: RunRecord, lane: LaneStatus, name: HoldName, seen: Seen): boolean {
  const { settings, requirement } = run
  switch (name) {
    case 'paused':
      return run.isPaused
    case 'suspended':
      return isSuspended(run)
    case 'offline':
      return !run.isSaidToBeOnline || seen.isPortal
    case 'requirement-unknown':
      if (requirement === 'unknown' && settings.whileUnknown === 'hold') return true
      return lane.user === null && seen.isSuspected
    case 'signed-out':
      return lane.user === null ? requirement === 'required' : !hasGoodToken(run, lane.user)
    case 'awaiting-token':
      if (lane.user === null || seen.isInWait(lane.user) || mayBeEarly(run, lane.user)) return true
      return !hasGoodToken(run, lane.user)
    case 'backing-off':
      return hasWait(run, lane.user)
    case 'dead-letter':
      return settings.onDead === 'hold' && hasLetter(run, lane.user)
    case 'rate-limited':
      return isLimited(run)
    case 'storage-failed':
      return isRepeating(run)
    case 'other-process':
      return mayDispatchElsewhere(run)
    case 'awaiting-record':
      return awaitsRecord(run, lane.user)
  }
}

/** One that came in this life, that nobody has refused, and that has not ended where a source could give another. */
function hasGoodToken(
  { rows, life, settings, wall, requests, turns }: RunRecord,
  user: string,
): boolean {
  const token = rows.tokens.get(user)
  if (token === undefined || !token.isHeld || token.isRefused) return false
  if (token.life !== life) return false
  if (token.expiresAt === null || !settings.hasSource) return true
  // How far the clock was corrected is not to be seen here, only that it was.
  const isCorrected = requests.some(({ reply }) => reply?.headers['date'] !== undefined)
  // Nor is a clock that jumps back noticed before it is asked again.
  const isSetBack = turns.some(({ turn, byMs }) => turn === 'wall' && byMs < 0)
  return !isCorrected && !isSetBack && token.expiresAt > wall
}

/** A token was refused lately whose time had not come: then its user's lanes wait for that (T9). */
function mayBeEarly(run: RunRecord, user: string): boolean {
  const { requests, tokens, now, life } = run
  return requests.some(
    (sent) =>
      sent.user === user &&
      sent.client.life === life &&
      sent.status === 401 &&
      tokens.notBefore(sent.token ?? '') !== null &&
      runningMs(run, sent.endedAt ?? now) <= 600_000,
  )
}

/** An envelope that waits, and has not waited longer than any wait may be (Q7). */
function hasWait(run: RunRecord, user: string | null): boolean {
  const { rows } = run
  return [...rows.pending.values()].some((row) => {
    const { retryAt = null, attempts = 0 } = rows.envelopeOf(row) ?? {}
    return row.user === user && retryAt !== null && isInTime(run, row.id, attempts)
  })
}

/** The head of a merging kind may wait for neighbours (Q4). */
function collects(run: RunRecord, name: HoldName, since: number): boolean {
  const { settings, wall, turns } = run
  if (name !== 'backing-off') return false
  // A clock that has just jumped, or has gone on in sleep, does not tell how long it waits.
  const isJumping = turns.some(
    ({ turn, at }) =>
      (turn === 'wall' || turn === 'slept') && runningMs(run, at) <= settings.batchWindowMs,
  )
  // Its alarm may be the next one of this instant.
  return isJumping || wall - since <= settings.batchWindowMs
}

function hasLetter({ rows }: RunRecord, user: string | null): boolean {
  for (const letter of rows.letters.values()) if (letter.user === user) return true
  return false
}
