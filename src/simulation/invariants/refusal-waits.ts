/**
 * The waits after refused tokens, as the app can see them (T8): each begins with a `token.refreshFailed` of a
 * refused token, and lasts 30 s, doubling to 15 min, unless a token is accepted, the session ends or
 * `refreshToken()` is called. Within one, a token may be held, and a need is not told.
 */
import { additionsTo } from './invariant.ts'
import type { RunRecord } from './run-record.ts'

const FIRST_MS = 30_000
const LONGEST_MS = 900_000

interface Wait {
  readonly life: number
  readonly round: number
  readonly since: number
  readonly until: number
}

/** Answers whether this user is in a wait just now, in the life that is looked at. */
export function refusalWaits(run: RunRecord): (user: string) => boolean {
  const heard = additionsTo(run.heard)
  const waits = new Map<string, Wait>()
  return (user) => {
    for (const { at, life, event, detail } of heard()) {
      if (event !== 'token.refreshFailed' || !isRefusal(detail)) continue
      const key = (detail as { readonly user: string }).user
      const former = waits.get(key)
      const isOfLife = former?.life === life
      if (isOfLife && at < former.until && !isEndedEarly(run, key, former, at)) continue
      // Of a token that was accepted, or a session that ended, it is not judged here that they begin anew with 30 s.
      const round = isOfLife ? former.round + 1 : 1
      const ms = Math.min(LONGEST_MS, FIRST_MS * 2 ** (round - 1))
      const until = Math.max(at + ms, isOfLife ? former.until : 0)
      waits.set(key, { life, round, since: at, until })
    }
    const wait = waits.get(user)
    return wait !== undefined && wait.life === run.life && run.now <= wait.until
  }
}

/** Has the server taken a token of this user since the wait began, has its session ended, or was the source asked? */
function isEndedEarly(
  { requests, calls }: RunRecord,
  user: string,
  { life, since }: Wait,
  at: number,
): boolean {
  const isWithin = (moment: number | null) => moment !== null && moment >= since && moment <= at
  return (
    requests.some(
      ({ client, status, endedAt }) =>
        client.life === life &&
        client.token?.user === user &&
        status !== null &&
        status !== 401 &&
        isWithin(endedAt),
    ) ||
    calls.some(
      (call) =>
        call.life === life &&
        call.user === user &&
        ['refreshToken', 'logout', 'forget'].includes(call.name) &&
        isWithin(call.at),
    )
  )
}

function isRefusal(detail: object): boolean {
  const { error } = detail as { readonly error?: { readonly code?: string } }
  return error?.code === 'AUTH_REFRESH_FAILED'
}
