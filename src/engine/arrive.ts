/** An operation has been stored at the end of its owner's lane. */
import type { OperationRow } from '../../storage/storage.ts'
import type { UserId } from '../model.ts'
import type { Core } from './core.ts'

export function arrive(
  { lanes, pilot, report }: Core,
  user: UserId | null,
  row: OperationRow,
): void {
  const line = lanes.make({ lane: row.lane, user, pending: 0, letters: 0, soloThrough: 0 })
  line.arrived(row)
  report('operation.enqueued', { id: row.id, user, kind: row.kind })
  pilot.arrived(line)
}
