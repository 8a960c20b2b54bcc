/** A window of rows that was read from storage goes into its lane. */
import type { OperationRow } from '../../../storage/storage.ts'
import type { Core } from '../core.ts'
import type { LaneLine } from './lane-line.ts'

export function windowLoaded(
  { lifetimes }: Pick<Core, 'lifetimes'>,
  line: LaneLine,
  rows: readonly OperationRow[],
): void {
  // Another process has added to the lane, and this one has not heard of it yet (Q8).
  if ((rows.at(-1)?.place ?? 0) > line.tail) lifetimes.heardOfOthers()
  line.loaded(rows)
}
