/**
 * Refused tokens are bounded, wherever they come from (T8): two in a row, then three within each wait and one at its
 * end. The waits are 30 s, doubling to 15 min, and end with a token that is accepted, with the session and with the
 * process. Each process counts for itself, what others were refused too.
 */
import type { SeenRequest } from '../scripted-server.ts'
import { additionsTo, follow, type Invariant } from './invariant.ts'
import { outcomeOf } from './outcome.ts'
import type { RunRecord } from './run-record.ts'
import { AFTER_REFUSED_TOKENS, doublingWait } from './doubling-wait.ts'

const TRIED_IN_A_WAIT = 3

/** The tokens of one user that were refused in a row, in one life. */
interface Row {
  readonly user: string
  readonly life: number
  /** When the row could begin: with the life, or with what ended the row before. */
  readonly since: number
  readonly generations: Set<number>
  /** Their names; only of those after which no other one had been handed over. */
  readonly names: Set<string>
  /** When the first wait began: with the second refusal, or earlier, where a life before had a token refused already. */
  waitAt: number | null
}

/** A token, and when it was refused. */
interface Refusal {
  readonly user: string
  readonly at: number
}

export const refusedTries: Invariant = (run) => {
  const steps = additionsTo(run.rows.tokenSteps)
  const calls = additionsTo(run.calls)
  const refusals: Refusal[] = []
  const rows = new Map<string, Row>()
  const rowOf = (user: string, life: number): Row => {
    const key = keyOf(user, life)
    const row = rows.get(key) ?? newRow(user, life, run.lives[life]?.startedAt ?? 0)
    rows.set(key, row)
    return row
  }
  const end = (user: string, life: number, at: number) => {
    rows.set(keyOf(user, life), newRow(user, life, at))
  }
  const endAll = (user: string, at: number) => run.lives.forEach((_, life) => end(user, life, at))
  let violations: unknown[] = []
  const refused = ({ user, client, endedAt, at, token }: SeenRequest) => {
    const generation = client.token?.generation ?? null
    if (user === null || token === null || generation === null || endedAt === null) return
    // What is refused because its time has not come is no refusal (T9).
    if (run.tokens.notBefore(token) !== null) return
    // Where it was not stored before a newer token came, it is a refusal of an older one.
    if (run.turns.some(({ turn, at: when }) => turn === 'disk' && when === endedAt)) return
    refusals.push({ user, at: endedAt })
    const row = rowOf(user, client.life)
    // Where several processes send, what the rows know of a token need not be what this one has sent.
    const isOnly = isOnlyProcess(run, client.life)
    const before = triedIn(row, isOnly)
    if (isNewest(run, { user, token, at: endedAt })) row.names.add(token)
    // A 401 to an older token refuses nothing: the request is sent again with the current one (T4).
    if (generation >= (run.rows.tokens.get(user)?.generation ?? 0)) row.generations.add(generation)
    const size = triedIn(row, isOnly)
    if (size === before) return
    if (row.generations.size === 2 || isToldAt(run, row, endedAt)) row.waitAt ??= endedAt
    const waitAt = isOnly ? row.waitAt : earliestWaitOf(run, refusals, row)
    if (waitAt === null || size <= 2) return
    const allowed = allowedAfter(at - waitAt)
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
      const { user, client, endedAt } = request
      const outcome = outcomeOf(request)
      if (NO_ANSWERS.has(outcome) || request.token === null) return
      if (outcome === 'refused-token') refused(request)
      else if (user !== null) end(user, client.life, endedAt ?? request.at)
    },
  })
  return () => {
    violations = []
    followRequests()
    for (const { user, former, epoch, at } of steps()) {
      if ((former?.epoch ?? 0) !== epoch) endAll(user, at)
    }
    for (const { name, user, life, at } of calls()) {
      if (name === 'refreshToken') end(user ?? '', life, at)
      if (name === 'forget') endAll(user ?? '', at)
    }
    return violations
  }
}

/** What says nothing of the token. */
const NO_ANSWERS: ReadonlySet<string> = new Set(['unknown', 'unsent', 'portal'])

function newRow(user: string, life: number, since: number): Row {
  return { user, life, since, generations: new Set(), names: new Set(), waitAt: null }
}

function keyOf(user: string, life: number): string {
  return `${life} ${user}`
}

function triedIn({ generations, names }: Row, isOnly: boolean): number {
  return isOnly ? generations.size : names.size
}

/** Did no other process live while this life did, until now? */
function isOnlyProcess({ lives }: RunRecord, life: number): boolean {
  const { process, startedAt = 0 } = lives[life] ?? {}
  return lives.every(
    (other) => other.process === process || (other.endedAt !== null && other.endedAt < startedAt),
  )
}

/** Has nobody handed over another token of this user since, to whichever process? */
function isNewest(
  { calls, sourceCalls }: RunRecord,
  { user, token, at }: { readonly user: string; readonly token: string; readonly at: number },
): boolean {
  const pushed = calls
    .filter((call) => call.user === user && call.token !== null && call.at <= at)
    .map((call) => ({ at: call.at, token: call.token }))
  const pulled = sourceCalls.flatMap(({ user: whose, answer }) =>
    whose === user && answer !== null && answer.token !== null && answer.at <= at ? [answer] : [],
  )
  const handed = [...pushed, ...pulled]
  const newestAt = Math.max(...handed.map((one) => one.at))
  return handed.every((one) => one.at < newestAt || one.token === token)
}

/** Was the app of this life told in this instant that a fresh token was refused too? Then a wait has begun. */
function isToldAt({ heard }: RunRecord, { user, life }: Row, now: number): boolean {
  return heard.some(
    ({ event, detail, at, life: hearing }) =>
      event === 'token.refreshFailed' &&
      at === now &&
      hearing === life &&
      'user' in detail &&
      detail.user === user,
  )
}

/** Since when a wait may last in this life, where others send too: since anybody was first refused a token in this row. */
function earliestWaitOf(
  { lives }: RunRecord,
  refusals: readonly Refusal[],
  { user, life, since }: Row,
): number | null {
  const times = refusals.filter((refusal) => refusal.user === user).map(({ at }) => at)
  const isFirstRow = since === lives[life]?.startedAt
  if (isFirstRow && times.some((at) => at <= since)) return since
  return times.find((at) => at >= since) ?? null
}

/** So many tokens may have been tried, so long after the second refusal. */
function allowedAfter(elapsedMs: number): number {
  let waits = 1
  let endsAt = AFTER_REFUSED_TOKENS.baseMs
  while (endsAt <= elapsedMs) {
    endsAt += doublingWait(AFTER_REFUSED_TOKENS, waits + 1)
    waits += 1
  }
  return 2 + waits * TRIED_IN_A_WAIT + (waits - 1)
}
