/**
 * The waits after refused tokens, as the app can see them (T8): each begins with a `token.refreshFailed` of a
 * refused token, and lasts 30 s, doubling to 15 min, unless a token is accepted, the session ends or
 * `refreshToken()` is called. Within one, a token may be held, and a need is not told.
 */
import { additionsTo } from './invariant.ts'
import { type Came, outcomeOf } from './outcome.ts'
import type { RunRecord } from './run-record.ts'
import { runningMs } from './running-time.ts'
import { AFTER_REFUSED_TOKENS, doublingWait } from './doubling-wait.ts'

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
      const end = isOfLife ? earlyEnd(run, key, former, at) : 'anew'
      if (isOfLife && at < former.until && end === null) continue
      const round = isOfLife && end !== 'anew' ? former.round + 1 : 1
      const until = at + doublingWait(AFTER_REFUSED_TOKENS, round)
      waits.set(key, { life, round, since: at, until })
    }
    const wait = waits.get(user)
    if (wait === undefined || wait.life !== run.life) return false
    return runningMs(run, wait.since) <= wait.until - wait.since
  }
}

/**
 * What ended the wait before its time; null: nothing. `anew`: a token was accepted or the user forgotten, so that the next
 * wait is a first one. `again`: the app asked the source; or it logged out, which may or may not have ended the session.
 */
function earlyEnd(
  { requests, calls }: RunRecord,
  user: string,
  { life, since }: Wait,
  at: number,
): 'anew' | 'again' | null {
  const isWithin = (moment: number | null) => moment !== null && moment >= since && moment <= at
  const isAccepted = requests.some(
    (request) =>
      request.client.life === life &&
      // One that was sent without a token accepts none.
      request.token !== null &&
      request.client.token?.user === user &&
      isWithin(request.endedAt) &&
      !SILENT.has(outcomeOf(request)),
  )
  const isCalled = (names: readonly string[]) =>
    calls.some(
      (call) =>
        call.life === life && call.user === user && names.includes(call.name) && isWithin(call.at),
    )
  if (isAccepted || isCalled(['forget'])) return 'anew'
  return isCalled(['refreshToken', 'logout']) ? 'again' : null
}

/** These outcomes say nothing of a token, or that it was refused. */
const SILENT: ReadonlySet<Came> = new Set(['unknown', 'unsent', 'portal', 'refused-token'])

function isRefusal(detail: object): boolean {
  const { error } = detail as { readonly error?: { readonly code?: string } }
  return error?.code === 'AUTH_REFRESH_FAILED'
}
