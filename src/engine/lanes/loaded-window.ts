/** A window of rows that was read from storage goes into its lane. */
import type { OperationRow } from '../../../storage/rows.ts'
import type { Core } from '../core.ts'
import type { Lane } from './lane.ts'

export function windowLoaded(
  { lifetimes }: Pick<Core, 'lifetimes'>,
  lane: Lane,
  rows: readonly OperationRow[],
): void {
  // Another process has added to the lane, and this one has not heard of it yet (Q8).
  if ((rows.at(-1)?.place ?? 0) > lane.tail) lifetimes.heardOfOthers()
  lane.loaded(rows)
}
