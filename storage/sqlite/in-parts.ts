/** A question about many operations, a part in each turn of the event loop, so that it does not block the thread. */
import type { OperationId } from '../../src/model.ts'
import type { Endings } from '../storage.ts'

/** So many operations are looked for in one turn. */
const MOST_AT_ONCE = 512

export async function settledInParts(
  ids: readonly OperationId[],
  ask: (part: readonly OperationId[]) => Promise<Endings>,
  turnEnd: () => Promise<void>,
): Promise<Endings> {
  const first = await ask(ids.slice(0, MOST_AT_ONCE))
  const settled = [...first.settled]
  let { forgotten } = first
  for (let from = MOST_AT_ONCE; from < ids.length; from += MOST_AT_ONCE) {
    await turnEnd()
    const part = await ask(ids.slice(from, from + MOST_AT_ONCE))
    settled.push(...part.settled)
    forgotten = part.forgotten
  }
  return { settled, recorded: first.recorded, forgotten }
}
