/**
 * An envelope takes 100 operations and 256 KiB at most, its head waits for neighbours no longer than the window, after a
 * rejection each member goes alone (Q4), and nothing comes between the members of one that is recorded (Q5).
 */
import type { LaneStatus } from '../../engine/status.ts'
import type { SeenRequest } from '../scripted-server.ts'
import { additionsTo, follow, headOf, type Invariant, isOver, isRead, show } from './invariant.ts'
import { knownAt, outcomeOf } from './outcome.ts'
import type { RunRecord } from './run-record.ts'
import { hasFailedLately } from './running-time.ts'

const MOST_MEMBERS = 100
const MOST_BYTES = 262_144

export const wholeEnvelopes: Invariant = (run) => {
  const transitions = additionsTo(run.rows.transitions)
  /** Members of rejected envelopes, and the keys of those: each goes alone from then on. */
  const alone = new Map<string, string>()
  let violations: object[] = []
  const followRequests = follow(run, {
    sent: (request) => {
      if (isRead(request) || request.ids.length < 2) return
      const why = sizeFault(run, request) ?? aloneFault(alone, request)
      if (why !== null) violations.push({ ...show(request), why })
    },
    ended: (request) => {
      const isRejected = request.ids.length > 1 && outcomeOf(request) === 'rejected'
      if (!isRejected || knownAt(run, request) === null) return
      for (const id of request.ids) alone.set(id, request.key)
    },
  })
  return () => {
    violations = []
    followRequests()
    for (const { id } of transitions()) alone.delete(id)
    return [...violations, ...tornEnvelopes(run), ...lateHeads(run)]
  }
}

function sizeFault({ rows }: RunRecord, { ids }: SeenRequest): string | null {
  if (ids.length > MOST_MEMBERS) return `it has ${ids.length} members`
  const bytes = ids.reduce(
    (sum, id) => sum + Buffer.byteLength(rows.known.get(id)?.payload ?? ''),
    0,
  )
  return bytes > MOST_BYTES ? `its payloads have ${bytes} bytes` : null
}

/** The same envelope may come again under its key, from a process that could not store that it was rejected. */
function aloneFault(alone: ReadonlyMap<string, string>, { ids, key }: SeenRequest): string | null {
  const isAgain = ids.some((id) => alone.has(id) && alone.get(id) !== key)
  return isAgain ? 'a member of a rejected envelope is not sent alone' : null
}

function tornEnvelopes({ rows }: RunRecord): object[] {
  const torn: object[] = []
  for (const { key, lane, members } of rows.envelopes.values()) {
    const first = Math.min(...members)
    const last = Math.max(...members)
    if (key === null || first === last) continue
    for (const row of rows.pending.values()) {
      const isBetween = row.lane === lane && row.place > first && row.place < last
      if (isBetween && !members.includes(row.place)) torn.push({ key, within: row.id })
    }
  }
  return torn
}

/** Lanes that nothing else holds, whose head has waited for neighbours since the end of the window. */
function lateHeads(run: RunRecord): object[] {
  const { settings, status, wall, requests, turns, kinds } = run
  const inFlight = requests.filter((request) => !isRead(request) && !isOver(run, request)).length
  // A payload that is still being checked holds its lane, and the place of a request.
  // Where storage has failed, a lane keeps the place of its request until the outcome is stored, and who is logged in, and with
  // which token, may not be stored yet.
  const isBusy = inFlight >= settings.concurrency || run.checkCount > 0 || hasFailedLately(run)
  // A process that is closing sends nothing more (Q19).
  const isClosing = (run.lives.at(-1)?.closingAt ?? null) !== null
  if (settings.batchWindowMs === 0 || isBusy || isClosing) return []
  return status.lanes.flatMap((lane) => {
    const head = isWaiting(lane) ? headOf(run, lane.user) : null
    const since = head?.enqueuedAt ?? null
    const isMerging = kinds.get(head?.kind ?? '')?.spec.merge !== undefined
    if (!isMerging || since === null || wall - since <= settings.batchWindowMs) return []
    // A dead letter that is retried comes in front of a head whose window has begun, and waits with it at most.
    const storedAt = run.rows.transitions.findLast(
      ({ id, to }) => id === head?.id && to === 'pending',
    )?.at
    const isNew = storedAt !== undefined && run.now - storedAt <= settings.batchWindowMs
    // The window is counted by the wall clock.
    const isMoved = turns.some(({ turn }) => turn === 'wall' || turn === 'slept')
    return isMoved || isNew ? [] : [{ lane: lane.user, head, why: 'its window is over' }]
  })
}

/** For neighbours, and not after an attempt: that wait has a time. */
function isWaiting({ sending, holds, retryAt }: LaneStatus): boolean {
  return !sending && retryAt === null && holds.every(({ name }) => name === 'backing-off')
}
