/**
 * Every failure is a coded error, or a `TypeError` or `RangeError` for misuse; none is a fault inside
 * Holdfast; misuse fails (Q21); and every call ends, but for those that wait for the app or the server. An attempt that failed tells
 * either the status of its reply or why there was none (Q22).
 */
import { HoldfastError } from '../../errors.ts'
import type { HoldfastEvents } from '../../events.ts'
import type { SeenCall } from '../seen.ts'
import { isStorable } from '../storable.ts'
import { additionsTo, hasEnded, type Invariant } from './invariant.ts'
import type { RunRecord } from './run-record.ts'

/** What a call may take of itself: the default deadline of `logout({ unsent: 'flush' })`. */
const LONGEST_CALL_MS = 5000

export const typedFailure: Invariant = (run) => {
  const calls = additionsTo(run.calls)
  const heard = additionsTo(run.heard)
  let open: SeenCall[] = []
  return (moment) => {
    open.push(...calls())
    const ended = open.filter(({ settledAt }) => settledAt !== null)
    open = open.filter((call) => call.settledAt === null && !hasEnded(run.lives, call.life))
    const endless = moment === 'end' ? open.filter((call) => isEndless(run, call)) : []
    return [
      ...ended.filter(({ error }) => error !== null && !isTyped(run, error)),
      ...ended.filter((call) => !isRefusedAsMisuse(call)),
      ...ended.filter(isGivenUpEarly),
      ...heard().filter(({ event, detail }) =>
        event === 'operation.retrying'
          ? !isExplained(detail)
          : 'error' in detail && !isTyped(run, detail.error),
      ),
      ...endless.map((call) => ({ ...call, why: 'it has not ended' })),
    ]
  }
}

/** The longest duration that the engine takes, in milliseconds. */
const LONGEST_MS = 8_000_000_000_000_000

/** True if the arguments are good, or if the call was refused because of them (Q21). */
function isRefusedAsMisuse({ user, draft, error }: SeenCall): boolean {
  if (user !== null && !isStorable(user)) return error instanceof TypeError
  return (draft?.expiresInMs ?? 0) <= LONGEST_MS || error instanceof RangeError
}

/** The simulated disk never fails without a reason: a change itself could not be stored (Q21). */
const UNSTORABLE = 'STORAGE_UNAVAILABLE'

/** A simulated vault that works opens all that it sealed: a token was stored in a row that it was not sealed for (E6). */
const UNREADABLE = 'AUTH_VAULT_UNREADABLE'

const NEVER: ReadonlySet<string> = new Set(['INTERNAL', UNSTORABLE, UNREADABLE])

function isTyped({ vault }: RunRecord, error: unknown): boolean {
  if (error instanceof HoldfastError) {
    const { code } = error
    if (code === UNREADABLE && vault === 'unreadable') return true
    return !NEVER.has(code) && /^[A-Z]+(?:_[A-Z]+)*$/.test(code)
  }
  return error instanceof TypeError || error instanceof RangeError
}

function isExplained(detail: object): boolean {
  const { outcome, status, error } = detail as HoldfastEvents['operation.retrying']
  if (outcome === 'retry') return status !== null && error === null
  const hasName = error !== null && error.name !== ''
  return status === null && hasName && (outcome === 'unknown' || error.code !== null)
}

/** A read waits as long as its writes and its token do, unless it has a deadline (R5). */
function isEndless({ now, turns }: RunRecord, { name, at, deadlineMs }: SeenCall): boolean {
  if (name !== 'read') return now - at > LONGEST_CALL_MS
  // The deadline is by a clock that may stand still while the machine sleeps.
  const hasSlept = turns.some(({ turn, at: when }) => turn === 'slept' && when >= at)
  return deadlineMs !== null && !hasSlept && now - at > deadlineMs
}

/** Has a read been given up before its deadline? */
function isGivenUpEarly({ name, at, settledAt, deadlineMs, error }: SeenCall): boolean {
  if (name !== 'read' || !(error instanceof HoldfastError)) return false
  const isGivenUp = error.code === 'READ_FAILED' && error.message.includes('deadline')
  return isGivenUp && (deadlineMs === null || (settledAt ?? at) - at < deadlineMs)
}
