/**
 * Refused tokens are bounded, wherever they come from (T8): two in a row, then three within each wait and one at its
 * end. The waits are 30 s, doubling to 15 min, and end with a token that is accepted, with the session and with the
 * process.
 */
import type { SeenRequest } from '../scripted-server.ts'
import { additionsTo, follow, type Invariant, isAlone } from './invariant.ts'
import { outcomeOf } from './outcome.ts'
import type { RunRecord } from './run-record.ts'

const FIRST_MS = 30_000
const LONGEST_MS = 900_000
const TRIED_IN_A_WAIT = 3

/** The tokens of one user that were refused in a row, in one life. */
interface Row {
  readonly life: number
  readonly generations: Set<number>
  /** When the first wait began: with the second refusal, or earlier, where a life before had a token refused already. */
  waitAt: number | null
}

export const refusedTries: Invariant = (run) => {
  const steps = additionsTo(run.rows.tokenSteps)
  const calls = additionsTo(run.calls)
  const rows = new Map<string, Row>()
  let violations: unknown[] = []
  const refused = ({ user, client, endedAt, at, token }: SeenRequest) => {
    const generation = client.token?.generation ?? null
    if (user === null || token === null || generation === null || endedAt === null) return
    // What is refused because its time has not come is no refusal (T9).
    if (run.tokens.notBefore(token) !== null) return
    // A 401 to an older token refuses nothing: the request is sent again with the current one (T4).
    if (generation < (run.rows.tokens.get(user)?.generation ?? 0)) return
    const known = rows.get(user)
    const row: Row =
      known?.life === client.life
        ? known
        : { life: client.life, generations: new Set(), waitAt: null }
    rows.set(user, row)
    if (row.generations.has(generation)) return
    row.generations.add(generation)
    const { size } = row.generations
    if (size === 2 || isToldAt(run, user, endedAt)) row.waitAt ??= endedAt
    if (row.waitAt === null || size <= 2) return
    const allowed = allowedAfter(at - row.waitAt)
    if (size > allowed) {
      violations.push({
        user,
        at,
        token,
        why: `${size} refused tokens in a row, ${allowed} are allowed`,
      })
    }
  }
  const followRequests = follow(run, {
    ended: (request) => {
      const outcome = outcomeOf(request)
      if (outcome === 'unknown' || outcome === 'portal' || request.token === null) return
      if (outcome === 'refused-token') refused(request)
      else rows.delete(request.user ?? '')
    },
  })
  return () => {
    violations = []
    followRequests()
    for (const { user, former, epoch } of steps()) {
      if ((former?.epoch ?? 0) !== epoch) rows.delete(user)
    }
    for (const { name, user } of calls()) {
      if (name === 'refreshToken' || name === 'forget') rows.delete(user ?? '')
    }
    // Which process has tried which token, the rows do not tell.
    return isAlone(run) ? violations : []
  }
}

/** Was the app told in this instant that a fresh token was refused too? Then a wait has begun. */
function isToldAt({ heard }: RunRecord, user: string, now: number): boolean {
  return heard.some(
    ({ event, detail, at }) =>
      event === 'token.refreshFailed' && at === now && 'user' in detail && detail.user === user,
  )
}

/** So many tokens may have been tried, so long after the second refusal. */
function allowedAfter(elapsedMs: number): number {
  let waits = 1
  let endsAt = FIRST_MS
  while (endsAt <= elapsedMs) {
    endsAt += Math.min(LONGEST_MS, FIRST_MS * 2 ** waits)
    waits += 1
  }
  return 2 + waits * TRIED_IN_A_WAIT + (waits - 1)
}
