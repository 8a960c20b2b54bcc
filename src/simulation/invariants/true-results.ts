/**
 * What a call resolves with is true, and it resolves when it should: `flush()` at its deadline, or as soon as nothing can be
 * sent by itself (Q19); `logout()` and `flush()` say what is left (I7); `forget()` leaves nothing (I12); `cancel()`,
 * `retry()` and `discard()` have done what they are called (Q9, Q10).
 */
import type { AttemptSummary } from '../../engine/lifecycle/send-nows.ts'
import type { LaneStatus } from '../../engine/status.ts'
import type { HoldName } from '../../../machines/holds.ts'
import type { SeenCall } from '../seen.ts'
import type { OperationState } from '../stored-rows.ts'
import { additionsTo, hasEnded, type Invariant, isAlone } from './invariant.ts'
import type { RunRecord } from './run-record.ts'
import { isRepeating } from './engine-holds.ts'
import { runningMs } from './running-time.ts'

export const trueResults: Invariant = (run) => {
  const added = additionsTo(run.calls)
  let open: SeenCall[] = []
  return () => {
    open.push(...added())
    const settled = open.filter(({ settledAt }) => settledAt !== null)
    open = open.filter(({ settledAt, life }) => settledAt === null && !hasEnded(run.lives, life))
    return [
      ...settled.filter(({ error }) => error === null).flatMap((call) => faultsOf(run, call)),
      ...open.filter((call) => waitsForNothing(run, call)).map(withReason('it waits for nothing')),
    ]
  }
}

function faultsOf(run: RunRecord, call: SeenCall): readonly object[] {
  switch (call.name) {
    case 'flush':
      return flushFaults(run, call)
    case 'sendNow':
      return sendNowFaults(run, call)
    case 'logout':
      return logoutFaults(run, call)
    case 'forget':
      return forgetFaults(run, call)
    case 'cancel':
      return movedTo(run, call, 'cancelled') ? [] : [withReason('it is not cancelled')(call)]
    case 'retry':
      return movedTo(run, call, 'pending') ? [] : [withReason('it is not pending again')(call)]
    case 'retryAll':
    case 'discardAll':
      return countFaults(run, call)
    case 'discard':
      return movedTo(run, call, 'dropped') ? [] : [withReason('it is not dropped')(call)]
    default:
      return []
  }
}

/** Holds that end by an alarm of the engine's own. */
const PASSING: ReadonlySet<HoldName> = new Set(['backing-off', 'rate-limited'])
/** What lets lanes send that were held. */
const FREES: ReadonlySet<string> = new Set(['queue.resumed', 'lane.released'])

function flushFaults(run: RunRecord, call: SeenCall): readonly object[] {
  const { at, settledAt, deadlineMs, life } = call
  const { pending, lanes } = call.result as { pending: number; lanes: readonly LaneStatus[] }
  const faults: object[] = []
  const shown = lanes.reduce((sum, lane) => sum + lane.pending, 0)
  if (pending !== shown) faults.push({ ...call, why: 'its count is not that of its lanes' })
  const tookMs = (settledAt ?? at) - at
  if (isPastDeadline(run, call)) faults.push(withReason('it is past its deadline')(call))
  // A process that begins to close ends its flushes in that instant, and so does damage.
  const isClosing = run.lives[life]?.closingAt === settledAt
  // What ends a hold in the instant of the answer is shown in it, and came too late for it.
  const isFreed = run.heard.some(({ event, at: when }) => when === settledAt && FREES.has(event))
  const isTurning = isFreed || run.turns.some((turn) => turn.at === settledAt)
  const isCut = isClosing || isTurning || isRepeating(run)
  const isMoving = ({ sending, holds }: LaneStatus) =>
    sending || holds.every(({ name }) => PASSING.has(name))
  // It covers what was handed over before it.
  const since = new Set(
    run.calls.slice(run.calls.indexOf(call) + 1).map(({ result }) => idOf(result)),
  )
  const isCovered = ({ user }: LaneStatus) => {
    const left = [...run.rows.pending.values()].filter((row) => row.user === user)
    return left.length === 0 || left.some(({ id }) => !since.has(id))
  }
  const isUnmet = (lane: LaneStatus) => isMoving(lane) && isCovered(lane)
  if (!isCut && tookMs < (deadlineMs ?? 0) && lanes.some(isUnmet)) {
    faults.push(withReason('something can still be sent by itself')(call))
  }
  return faults
}

/** Each attempt that it tells of was made, and came to that; and it lasts no longer than its deadline (Q7). */
function sendNowFaults(run: RunRecord, call: SeenCall): readonly object[] {
  const { at, settledAt, user, life } = call
  const { attempts } = call.result as { attempts: readonly AttemptSummary[] }
  const faults: object[] = isPastDeadline(run, call)
    ? [withReason('it is past its deadline')(call)]
    : []
  for (const { user: owner, operations, status } of attempts) {
    const isMade = run.requests.some(
      (sent) =>
        sent.client.life === life &&
        sent.ids[0] === operations[0] &&
        sent.at >= at &&
        sent.at <= (settledAt ?? at) &&
        (status === null || sent.reply?.status === status),
    )
    if (!isMade) faults.push({ ...call, operations, why: 'no such attempt was made' })
    if (user !== null && owner !== user)
      faults.push({ ...call, owner, why: 'it is of another user' })
  }
  return faults
}

function isPastDeadline(run: RunRecord, { at, settledAt, deadlineMs }: SeenCall): boolean {
  const tookMs = (settledAt ?? at) - at
  const sleptMs = tookMs - runningMs({ now: settledAt ?? at, turns: run.turns }, at)
  return tookMs > (deadlineMs ?? 0) + sleptMs
}

/** Who logged out under an identity that another process may have used as well leaves what that one enqueues. */
function logoutFaults(run: RunRecord, call: SeenCall): readonly object[] {
  const { user, left, settledAt } = call
  if (!isAlone(run) || user === null || left === null) return []
  const { pending } = call.result as { pending: number }
  // What moves in the instant of the answer may be stored before the app has it: an operation of the next session or one
  // that this adopts (I3), what the next user supersedes (I8), or what was in flight.
  const { rows } = run
  const moved = rows.transitions.filter((step) => step.user === user && step.at === settledAt)
  const adopted = rows.adoptions.filter(
    ({ id, at }) => at === settledAt && rows.ownerOf(id) === user,
  )
  const came = moved.filter(({ to }) => to === 'pending').length + adopted.length
  const went = moved.filter(({ from, reason }) => from === 'pending' && reason !== 'logout').length
  if (left.pending <= pending + came && left.pending >= pending - went) return []
  return [{ ...call, why: `${left.pending} are left` }]
}

function forgetFaults({ calls }: RunRecord, call: SeenCall): readonly object[] {
  const { left, user, at, settledAt } = call
  if (left === null) return []
  // Who comes back meanwhile begins anew.
  const isBack = calls.some(
    (other) =>
      other !== call &&
      other.user === user &&
      other.at >= at &&
      other.at <= (settledAt ?? at) &&
      other.name !== 'forget',
  )
  if (isBack || left.pending + left.letters + (left.others ?? 0) === 0) return []
  return [{ ...call, why: 'something of the user is left' }]
}

/** It has treated as many letters as it says, and has left none that it was asked for, unless that died meanwhile (Q9). */
function countFaults(run: RunRecord, call: SeenCall): readonly object[] {
  const { name, at, settledAt } = call
  const to = name === 'retryAll' ? 'pending' : 'dropped'
  const moved = run.rows.transitions.filter(
    (step) =>
      step.from === 'dead' && step.to === to && step.at >= at && step.at <= (settledAt ?? at),
  )
  const { retried, discarded } = call.result as { retried?: number; discarded?: number }
  const count = retried ?? discarded ?? 0
  return count > moved.length ? [{ ...call, why: `only ${moved.length} have moved` }] : []
}

/** Did the operation move there while the call lasted? */
function movedTo(
  { rows }: RunRecord,
  { step, at, settledAt }: SeenCall,
  to: OperationState,
): boolean {
  return rows.transitions.some(
    (moved) =>
      moved.to === to &&
      moved.at >= at &&
      moved.at <= (settledAt ?? at) &&
      moved.id.endsWith(`.${step ?? ''}`),
  )
}

/** A hold that only somebody outside can end, whatever the engine does. */
function isStuck(run: RunRecord, { sending, holds }: LaneStatus): boolean {
  if (sending) return false
  return holds.some(
    ({ name }) =>
      name === 'paused' ||
      name === 'signed-out' ||
      name === 'dead-letter' ||
      (name === 'offline' && !run.isSaidToBeOnline),
  )
}

/** A `flush()` that is open though its process closes, or every lane is stuck and nothing is on its way into storage. */
function waitsForNothing(run: RunRecord, { name, life }: SeenCall): boolean {
  if (name !== 'flush') return false
  if ((run.lives[life]?.closingAt ?? null) !== null) return true
  if (life !== run.life || run.isUnaware || run.isDamaged) return false
  const isStoring = run.calls.some(
    (call) =>
      call.settledAt === null &&
      call.life === life &&
      call.name !== 'flush' &&
      call.name !== 'read',
  )
  if (isStoring || isRepeating(run) || run.checkCount > 0) return false
  return run.status.lanes.every((lane) => isStuck(run, lane))
}

function withReason(why: string): (call: SeenCall) => object {
  return (call) => ({ ...call, why })
}

/** The id in the answer of `enqueue()`; undefined: the call had another answer, or has none. */
function idOf(result: unknown): string | undefined {
  return (result as { readonly id?: string } | null | undefined)?.id
}
