/**
 * Without a source an open need is for the app, and is told again: by a login of its user, by the return of the
 * network, by the wake from sleep, and by work at least 30 s later; in a wait of T8 by a login alone (T5, T8).
 */
import { isForgotten } from './invariant.ts'
import { refusalWaits } from './refusal-waits.ts'
import type { RunRecord } from './run-record.ts'

const TOLD_FOR_MS = 30_000

/** Answers whether the app has not been told of the need of this user, or not been told again. */
export function untoldNeeds(run: RunRecord): (user: string) => boolean {
  const isInWait = refusalWaits(run)
  return (user) => {
    const { status, settings, life, heard } = run
    const need = status.tokenNeeds.find((open) => open.user === user)
    if (settings.hasSource || need === undefined || need.reason === 'expiring') return false
    if (isInWait(user)) return false
    const told = heard.findLast(
      ({ event, detail, life: then }) =>
        event === 'token.needed' && then === life && 'user' in detail && detail.user === user,
    )
    if (told === undefined) return true
    return !mayHaveClosed(run, user, told.at) && isRecalled(run, user, told.at)
  }
}

/** Since then the need may have been closed and opened anew, which says nothing of this one. */
function mayHaveClosed(run: RunRecord, user: string, since: number): boolean {
  const { rows, heard } = run
  const isChanged = rows.tokenSteps.some((step) => step.user === user && step.at >= since)
  const isSaid = heard.some(
    ({ event, at }) =>
      at >= since && (event === 'requirement.changed' || event === 'token.refreshFailed'),
  )
  return isChanged || isSaid || isForgotten(run, user, { from: since })
}

function isRecalled(run: RunRecord, user: string, since: number): boolean {
  const { turns, acknowledged, calls, life, lives } = run
  const beganAt = lives[life]?.startedAt ?? 0
  const hasReturned = turns.some(
    ({ turn, at }) => (turn === 'online' || turn === 'resumed') && at > since && at > beganAt,
  )
  const hasWorked = acknowledged.some(
    (done) => done.life === life && done.call.user === user && done.at >= since + TOLD_FOR_MS,
  )
  const hasLoggedIn = calls.some(
    ({ name, user: whose, at, life: then, settledAt, error }) =>
      name === 'login' &&
      whose === user &&
      then === life &&
      at > since &&
      settledAt !== null &&
      error === null,
  )
  return hasReturned || hasWorked || hasLoggedIn
}
