/** Puts a window of rows that was read from storage into its lane. */
import type { OperationRow } from '../../../storage/rows.ts'
import type { Context } from '../context.ts'
import type { Lane } from './lane.ts'

export function windowLoaded(
  { lifetimes }: Pick<Context, 'lifetimes'>,
  lane: Lane,
  rows: readonly OperationRow[],
): void {
  // Another process has added operations to the lane, and this process has not heard of it yet (Q8).
  if ((rows.at(-1)?.place ?? 0) > lane.tail) lifetimes.heardOfOthers()
  lane.loaded(rows)
}
