/** Takes an operation that has been stored at the end of its owner's lane into the lane in memory. */
import type { OperationRow } from '../../../storage/rows.ts'
import type { UserId } from '../../model.ts'
import type { Context } from '../context.ts'

/** `since`: the device's epoch at the `enqueue()`. `isFirst`: true if storage had no other operation of the lane. */
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
  // Another process has added operations to the lane, and this process has not heard of it yet (Q8).
  if (!isFirst && !lane.isNext(row.place)) lifetimes.heardOfOthers()
  lifetimes.enqueued(row)
  // A merging operation is read from storage with its neighbours, which the engine may not have heard of yet (Q4).
  lane.arrived(row, isFirst && !kinds.isMerging(row.kind))
  // The operation is dropped already, or will be as soon as the drop is stored (I8).
  if (row.deviceScoped && user !== null && lanes.hasLostDevice(user, since)) {
    lane.superseded.add(row.id)
  }
  report('operation.enqueued', { id: row.id, user, kind: row.kind })
  laneEvents.operationsAdded(lane)
  laneEvents.enqueued.tell(user)
}
