/** Resolves once nothing is pending any more. */
import type { Holdfast } from '../../src/index.ts'
import { within } from './within.ts'

export async function drained(holdfast: Holdfast, what: string): Promise<void> {
  const isOver = Promise.withResolvers<void>()
  const look = () => {
    if (holdfast.status().counts.pending === 0) isOver.resolve()
  }
  const stop = holdfast.subscribe(look)
  look()
  await within(`${what}, draining`, isOver.promise)
  stop()
}
