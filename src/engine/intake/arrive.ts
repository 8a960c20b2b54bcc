/** An operation has been stored at the end of its owner's lane. */
import type { OperationRow } from '../../../storage/rows.ts'
import type { UserId } from '../../model.ts'
import type { Context } from '../context.ts'

/** `since`: the epoch of the device when it was enqueued; `isFirst`: is it the only one of its lane? */
export function arrive(
  { kinds, lanes, lifetimes, laneEvents, report }: Context,
  user: UserId | null,
  row: OperationRow,
  since: number = lanes.deviceEpoch,
  isFirst = false,
): void {
  const lane =
    lanes.get(row.lane) ??
    lanes.make({ lane: row.lane, user, pending: 0, letters: 0, soloThrough: 0 })
  // Another process has added to the lane, and this one has not heard of it yet (Q8).
  if (!isFirst && !lane.isNext(row.place)) lifetimes.heardOfOthers()
  lifetimes.enqueued(row)
  // One that merges is read from storage with its neighbours, of which nobody may have been told yet (Q4).
  lane.arrived(row, isFirst && !kinds.isMerging(row.kind))
  // It is gone already, or will be as soon as that is stored (I8).
  if (row.deviceScoped && user !== null && lanes.hasLostDevice(user, since)) {
    lane.superseded.add(row.id)
  }
  report('operation.enqueued', { id: row.id, user, kind: row.kind })
  laneEvents.operationsAdded(lane)
  laneEvents.enqueued.tell(user)
}
