/**
 * The calls of the app that have no answer yet. Most are answered by storage; one may wait for a schema
 * or a vault that never answers, and the end of the engine must not leave it open (Q19).
 */
import { HoldfastError } from '../../errors.ts'
import type { Settle } from './boundary.ts'

/** One whose answer can still be refused. */
interface Refusable {
  readonly name: string
  reject(error: Error): void
}

/** One of them. It is settled at most once. */
class OpenCall<T> implements Settle<T>, Refusable {
  readonly name: string
  readonly #asked: Settle<T>
  readonly #open: Set<Refusable>

  constructor(name: string, asked: Settle<T>, open: Set<Refusable>) {
    this.name = name
    this.#asked = asked
    this.#open = open
    open.add(this)
  }

  resolve(value: T): void {
    if (this.#open.delete(this)) this.#asked.resolve(value)
  }

  reject(error: Error): void {
    if (this.#open.delete(this)) this.#asked.reject(error)
  }
}

export class OpenCalls {
  readonly #open = new Set<Refusable>()

  get isEmpty(): boolean {
    return this.#open.size === 0
  }

  /** What settles the call `name()`, at most once. */
  begun<T>(name: string, asked: Settle<T>): Settle<T> {
    return new OpenCall(name, asked, this.#open)
  }

  /** The engine is closed: nothing answers them any more. */
  endAll(): void {
    for (const call of this.#open) {
      const message = `the engine was closed before ${call.name}() was over`
      call.reject(new HoldfastError('CLOSED', message))
    }
  }
}
