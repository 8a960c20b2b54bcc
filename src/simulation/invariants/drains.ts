/**
 * When nothing more will happen by itself, every operation of a user with a good token has settled; so
 * has every anonymous one that may be sent unsigned, or that may not stay (I3), and every read (R3).
 */
import type { SeenCall, SourceCall } from '../seen.ts'
import { awaitsRecord } from './awaited-records.ts'
import { type Invariant, isRead } from './invariant.ts'
import { isDoubt } from './judged-reads.ts'
import type { RunRecord } from './run-record.ts'
import { isSuspended } from './running-time.ts'

export const drains: Invariant = (run) => (moment) => {
  if (!run.isQuiet || isStopped(run) || run.isDamaged) return []
  if (moment !== 'end') return unanswered(run)
  const stuck = [...run.rows.pendingCounts()].flatMap(([lane, pending]) => {
    const user = run.rows.userOf(lane)
    if (user === null && dropsAnonymous(run)) return [{ user, pending, why: 'it may not stay' }]
    const isStuck = mayBeSent(run, user) && !waitsForSomebodyElse(run, user)
    return isStuck ? [{ user, pending, why: 'nothing stops it and nothing moves it' }] : []
  })
  return [...stuck, ...unanswered(run)]
}

function dropsAnonymous({ requirement, settings }: RunRecord): boolean {
  return requirement === 'required' && settings.anonymous === 'drop'
}

/** Reads that wait for nothing any more: all writes have settled, and their user may send. */
function unanswered(run: RunRecord): unknown[] {
  if (run.rows.pending.size > 0) return []
  return run.calls
    .filter(
      ({ name, settledAt, life }) => name === 'read' && settledAt === null && life === run.life,
    )
    .filter((call) => mayBeSent(run, call.user) && !awaitsNewerToken(run, call))
    .map(({ step, user }) => ({ read: step, user, why: 'nothing stops it and nothing moves it' }))
}

/** True if the app has judged the last reply as a refused token, and no newer token has come since (R3). */
function awaitsNewerToken(run: RunRecord, { step, life, user }: SeenCall): boolean {
  const last = run.requests.findLast(
    (sent) => isRead(sent) && sent.ops[0] === step && sent.client.life === life,
  )
  if (last === undefined || !isDoubt(run, last)) return false
  const sent = last.token === null ? 0 : (last.client.token?.generation ?? 0)
  return (run.rows.tokens.get(user ?? '')?.generation ?? 0) <= sent
}

/** Is everything stopped from outside? */
function isStopped(run: RunRecord): boolean {
  const { isPaused, requirement, settings } = run
  const isUnknown = requirement === 'unknown' && settings.whileUnknown === 'hold'
  const isOnline = run.isOnline && run.isSaidToBeOnline
  return !isOnline || isSuspended(run) || isPaused || isUnknown
}

function mayBeSent({ rows, tokens, requirement, heard, ...run }: RunRecord, user: string | null) {
  if (requirement !== 'required') {
    // Whoever was refused unsigned waits until the app has said what the server demands (I10).
    const said = heard.findLast(({ event }) => event === 'requirement.changed')?.detail
    if (said === undefined || !('suspected' in said) || said.suspected !== true) {
      if (user === null || rows.tokens.get(user)?.isRefused !== true) return true
    }
  }
  if (user === null) return false
  const stored = rows.tokens.get(user)
  if (stored === undefined || !stored.isHeld || stored.isRefused) return false
  if (stored.life !== run.life && (!run.settings.hasVault || isUnreadable(run, user))) return false
  const isExpired = stored.expiresAt !== null && stored.expiresAt <= run.wall
  const name = lastToken({ ...run, rows, tokens, requirement, heard }, user)
  return name !== null && tokens.isAccepted(name, run.now) && !isExpired
}

/** True if the vault may not give back the token that another process has stored, and the app was told to sign in again (T1). */
function isUnreadable({ vault, status }: Pick<RunRecord, 'vault' | 'status'>, of: string): boolean {
  const isAsked = status.tokenNeeds.some(
    ({ user, reason }) => user === of && reason === 'unreadable',
  )
  return vault === 'unreadable' && isAsked
}

/** The name of the token that was handed over last. */
function lastToken({ calls, sourceCalls }: RunRecord, user: string): string | null {
  const pushed = calls.findLast((call) => call.token !== null && call.user === user)
  const given = sourceCalls.findLast((call) => call.user === user && tokenOf(call) !== null)
  const isNewer = pushed !== undefined && pushed.at > (given?.answer?.at ?? 0)
  return given === undefined || isNewer ? (pushed?.token ?? null) : tokenOf(given)
}

function tokenOf({ answer }: SourceCall): string | null {
  return answer?.token ?? null
}

function waitsForSomebodyElse(run: RunRecord, user: string | null): boolean {
  const { status, rows, lives, life } = run
  // A process that waits takes over by itself once the other one is gone (Q17).
  const isUsedElsewhere = lives.some(({ endedAt }, index) => endedAt === null && index !== life)
  const holds = status.lanes.find((lane) => lane.user === user)?.holds ?? []
  return holds.some(({ name }) => {
    if (name === 'dead-letter') return [...rows.letters.values()].some((row) => row.user === user)
    if (name === 'other-process') return isUsedElsewhere
    return name === 'awaiting-record' && awaitsRecord(run, user)
  })
}
