/**
 * Once a user has logged out, has not logged in since and has nothing pending, the session has ended: the token is gone
 * (T11). A token that comes while the user is leaving does not make them stay. With the token the epoch ends.
 */
import type { SeenCall } from '../seen.ts'
import type { TokenStep } from '../stored-rows.ts'
import { additionsTo, hasEnded, type Invariant } from './invariant.ts'
import type { RunRecord } from './run-record.ts'
import { hasFailedLately } from './running-time.ts'

export const endedSessions: Invariant = (run) => {
  let revision = -1
  let told = new Set<string>()
  const steps = additionsTo(run.rows.tokenSteps)
  return () => {
    if (run.rows.revision === revision && told.size === 0) return []
    const timeless = steps().filter(isTimeless)
    revision = run.rows.revision
    const held = [...run.rows.tokens.values()].filter(
      ({ user, isHeld }) => isHeld && isOver(run, user),
    )
    const isNew = held.filter(({ user }) => !told.has(user))
    told = new Set(held.map(({ user }) => user))
    // What ends in this instant may not be stored yet: only what is so at two looks is wrong.
    const over = held.filter((token) => !isNew.includes(token))
    return [
      ...over.map(({ user, generation }) => ({ user, generation, why: 'its session has ended' })),
      ...timeless.map((step) => ({ ...step, why: 'the token is gone, and its epoch goes on' })),
    ]
  }
}

function isTimeless({ former, isHeld, epoch }: TokenStep): boolean {
  return former?.isHeld === true && !isHeld && epoch === former.epoch
}

/** True if nothing of this user's session can go on. */
function isOver(run: RunRecord, user: string): boolean {
  const { calls, rows, lives, turns, sourceCalls } = run
  const logout = calls.findLast((call) => call.name === 'logout' && call.user === user)
  if (logout === undefined || !isDone(logout) || isDisturbed(run)) return false
  // A session of another process is its own: the login there continues it.
  const isLoggedIn = calls.some(
    ({ name, user: who, at }) => name === 'login' && who === user && at >= logout.at,
  )
  const isElsewhere = lives.some(
    ({ process, endedAt }, index) =>
      endedAt === null && process !== lives[logout.life]?.process && index !== logout.life,
  )
  if (isLoggedIn || isElsewhere) return false
  if ([...rows.pending.values()].some((row) => row.user === user)) return false
  // One that came when the session had ended already belongs to the next one.
  const isOfNext = calls.some(
    ({ name, user: whose, at }) =>
      (name === 'updateToken' || name === 'refreshToken') &&
      whose === user &&
      at >= logout.at &&
      !hasStayed(run, user, logout.at, at),
  )
  const isOfNextByItself = sourceCalls.some(
    ({ user: whose, answer }) =>
      whose === user &&
      answer?.outcome === 'token' &&
      answer.at >= logout.at &&
      !hasStayed(run, user, logout.at, answer.at),
  )
  const isAsked = sourceCalls.some(({ user: whose, answer }) => whose === user && answer === null)
  return (
    !isOfNext &&
    !isOfNextByItself &&
    !isAsked &&
    !hasEnded(lives, run.life) &&
    !turns.some(({ turn }) => turn === 'salvage')
  )
}

function isDone({ settledAt, error }: SeenCall): boolean {
  return settledAt !== null && error === null
}

/** Had this user something pending all the time from the logout until that moment, so that the session could not end? */
function hasStayed({ rows }: RunRecord, user: string, from: number, until: number): boolean {
  let pending = 0
  for (const step of rows.transitions) {
    if (step.user !== user || step.at > until) continue
    // Nothing was, between two steps.
    if (step.at > from && pending === 0) return false
    if (step.to === 'pending') pending += 1
    if (step.from === 'pending') pending -= 1
  }
  return pending > 0
}

function isDisturbed(run: RunRecord): boolean {
  return hasFailedLately(run) || run.checkCount > 0
}
