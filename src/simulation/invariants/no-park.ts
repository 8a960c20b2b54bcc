/**
 * Nothing is pending without something that will move it: a request in flight, a hold that an alarm
 * ends or that somebody outside can still end, or a slot that others have for now.
 */
import type { LaneStatus } from '../../engine/status.ts'
import type { HoldName } from '../../../machines/holds.ts'
import { additionsTo, type Invariant, isOver, isRead } from './invariant.ts'
import { CHECK_MS } from '../scenario-kinds.ts'
import type { RunRecord } from './run-record.ts'
import { hasFailedLately, runningMs } from './running-time.ts'
import { untoldNeeds } from './told-needs.ts'

/** Holds that an alarm of the lane's own ends, and nobody else. */
const BY_ALARM: ReadonlySet<string> = new Set(['backing-off', 'storage-failed'])

export const noPark: Invariant = (run) => {
  const requests = additionsTo(run.requests)
  const isUntold = untoldNeeds(run)
  let open: RunRecord['requests'] = []
  return () => {
    open = [...open, ...requests()].filter((sent) => !isRead(sent) && !isOver(run, sent))
    // Only a new opening helps, or a look at what others have committed.
    if (run.isDamaged || run.isUnaware) return []
    const { status, rows, settings, timerCount } = run
    const shown = new Map(status.lanes.map((lane) => [lane.user as string | null, lane]))
    const violations: unknown[] = []
    const watches = isWatching(run) ? 1 : 0
    let alarms = open.length
    // Whoever cannot record what it was answered keeps its slot meanwhile (Q11).
    const recording = status.lanes.filter(({ holds }) => isRecording(holds)).length
    for (const lane of rows.pendingCounts().keys()) {
      const user = rows.userOf(lane)
      const laneStatus = shown.get(user)
      if (open.some((request) => request.user === user)) continue
      const holds = laneStatus?.holds.map(({ name }) => name) ?? []
      if (holds.some((name) => BY_ALARM.has(name))) alarms += 1
      // An attempt whose payload is being checked has a slot and no request yet.
      const waitsForSlot = open.length + recording + run.checkCount >= settings.concurrency
      const waitsForMore = settings.batchWindowMs > 0 && timerCount > alarms + watches
      const isChecked = run.checkCount > 0 && (hasSlowHead(run, lane) || hadSlowHead(run, lane))
      const isMoving = waitsForSlot || waitsForMore || isChecked || isRepeating(run)
      if (holds.length === 0 && !isMoving) {
        violations.push({ user, pending: rows.pendingCounts().get(lane), why: 'nothing holds it' })
      }
      if (laneStatus !== undefined && isUnheard(run, laneStatus, timerCount > alarms + watches)) {
        violations.push({ user, holds, why: 'no token is asked for' })
      }
      if (user !== null && holds.includes('awaiting-token') && isUntold(user)) {
        violations.push({ user, holds, why: 'the app has not been told again of its need' })
      }
    }
    if (isHeldBy(run, 'rate-limited')) alarms += 1
    if (isHeldBy(run, 'suspended')) alarms += 1
    if (timerCount < alarms) {
      violations.push({ alarmsArmed: timerCount, alarmsNeeded: alarms, holds: holdsOf(run) })
    }
    return violations
  }
}

/** True if the schema of the first operation of this lane answers later. */
function hasSlowHead({ rows }: RunRecord, lane: number): boolean {
  const inLane = [...rows.pending.values()].filter((row) => row.lane === lane)
  const head = inLane.toSorted((one, other) => one.place - other.place)[0]
  return head?.kind === 'slow'
}

/** True if such an operation has left this lane, say by `cancel()`, while its schema was asked: that is waited for. */
function hadSlowHead(run: RunRecord, lane: number): boolean {
  const { rows } = run
  return rows.transitions.some(({ id, at, from }) => {
    const operation = rows.known.get(id)
    const isOfLane = operation?.kind === 'slow' && operation.lane === lane
    return isOfLane && from === 'pending' && runningMs(run, at) <= CHECK_MS
  })
}

/** What could not be stored is stored again soon, say the end of a session whose next token waits for it. */
function isRepeating(run: RunRecord): boolean {
  return run.timerCount > 0 && hasFailedLately(run)
}

function isRecording(holds: LaneStatus['holds']): boolean {
  return holds.some(({ name }) => name === 'storage-failed')
}

function isHeldBy({ status }: RunRecord, hold: HoldName): boolean {
  return status.lanes.some(({ holds }) => holds.some(({ name }) => name === hold))
}

/** True if an alarm may be armed only to notice a waking (Q18): it moves nothing else. */
function isWatching({ status, isSaidToBeOnline, turns, lives, life }: RunRecord): boolean {
  const beganAt = lives[life]?.startedAt ?? 0
  // In the instant of its start nobody can tell whether this process has heard it.
  const hasToldOfWaking = turns.some(({ turn, at }) => turn === 'resumed' && at >= beganAt)
  return (
    isSaidToBeOnline &&
    !hasToldOfWaking &&
    status.lanes.some(
      ({ holds, lastFailure }) =>
        holds.some(({ name }) => name === 'backing-off') && lastFailure?.status === null,
    )
  )
}

function holdsOf({ status }: RunRecord): object {
  return Object.fromEntries(status.lanes.map(({ user, holds }) => [user ?? 'anonymous', holds]))
}

/** Does it wait for a token that neither the app nor the source was asked for? One that is held waits for an alarm. */
function isUnheard(
  { status, settings, sourceCalls, heard, life }: RunRecord,
  { user, holds }: LaneStatus,
  isAlarmArmed: boolean,
): boolean {
  if (user === null || !holds.some(({ name }) => name === 'awaiting-token')) return false
  if (!status.tokenNeeds.some((need) => need.user === user)) return !isAlarmArmed
  const isAsked = sourceCalls.some((call) => call.user === user && call.answer === null)
  if (!settings.hasSource || isAsked || isAlarmArmed) return false
  return !heard.some(
    ({ event, detail, life: then }) =>
      event === 'token.needed' && then === life && 'user' in detail && detail.user === user,
  )
}
