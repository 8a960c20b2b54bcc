/**
 * The calls of the app that have no answer yet. Most are answered by storage; one may wait for a schema
 * or a vault that never answers, and the end of the engine must not leave it open (Q19).
 */
import { HoldfastError } from '../../errors.ts'
import type { Settle } from './boundary.ts'

export class OpenCalls {
  readonly #open = new Map<object, () => void>()

  get isEmpty(): boolean {
    return this.#open.size === 0
  }

  /** What settles the call `name()`, at most once. */
  begun<T>(name: string, asked: Settle<T>): Settle<T> {
    const call = {}
    const ifOpen = (settle: () => void) => {
      if (this.#open.delete(call)) settle()
    }
    const settle: Settle<T> = {
      resolve: (value) => ifOpen(() => asked.resolve(value)),
      reject: (error) => ifOpen(() => asked.reject(error)),
    }
    const message = `the engine was closed before ${name}() was over`
    this.#open.set(call, () => settle.reject(new HoldfastError('CLOSED', message)))
    return settle
  }

  /** The engine is closed: nothing answers them any more. */
  endAll(): void {
    for (const end of this.#open.values()) end()
  }
}
