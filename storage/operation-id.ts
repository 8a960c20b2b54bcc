/**
 * An operation's id tells where it was put: `lane.place.nonce`, the numbers in base 36. So a lookup by
 * id needs no index of its own, which would cost a third of the speed of an enqueue; only operations
 * that have moved are listed in a table. The nonce makes it unguessable and unique among databases.
 */
import type { LaneId, OperationId } from '../src/model.ts'

export function formatOperationId(lane: LaneId, place: number, nonce: string): OperationId {
  return `${lane.toString(36)}.${place.toString(36)}.${nonce}` as OperationId
}

/** Where an operation of this id was put, or null if it is not such an id. */
export function parseOperationId(id: string): { lane: LaneId; place: number } | null {
  const match = /^([0-9a-z]+)\.([0-9a-z]+)\./.exec(id)
  if (match === null) return null
  const lane = Number.parseInt(match[1] ?? '', 36)
  const place = Number.parseInt(match[2] ?? '', 36)
  return Number.isSafeInteger(lane) && Number.isSafeInteger(place)
    ? { lane: lane as LaneId, place }
    : null
}
