/** Waits until the status of an engine is as wanted. */
import type { Holdfast, Status } from '../../src/index.ts'

export function settled(holdfast: Holdfast, isWanted: (status: Status) => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!isWanted(holdfast.status())) return
      stop()
      resolve()
    }
    const stop = holdfast.subscribe(look)
    look()
  })
}
