/** `createHoldfast()`: where an app begins. */
import { LiveHoldfast } from './api/live-holdfast.ts'
import type { Holdfast } from './holdfast.ts'
import type { AnyOperationKind } from './operations/define-operation.ts'
import { type HoldfastOptions, resolveOptions } from './options.ts'

/**
 * Opens the storage and starts an engine on it. The engine begins to send in the turn after the promise has resolved.
 *
 * @throws TypeError or RangeError for a wrong option, naming it; HoldfastError `STORAGE_…` if the
 * storage cannot be opened. Nothing is left open then.
 */
export async function createHoldfast<Kinds extends AnyOperationKind>(
  options: HoldfastOptions<Kinds>,
): Promise<Holdfast<Kinds>> {
  const holdfast = new LiveHoldfast<Kinds>(resolveOptions(options))
  await holdfast.start()
  return holdfast
}
