/**
 * The calls of the app that have no answer yet. Most calls are answered by storage. A call may wait for a schema or a
 * vault that never answers, and the end of the engine must not leave it open (Q19).
 */
import { HoldfastError } from '../errors.ts'
import { LinkedList, Link } from './linked-list.ts'
import type { Settle } from './boundary/boundary.ts'

/** An open call. It is settled at most once. */
class OpenCall extends Link implements Settle<never> {
  readonly name: string
  readonly call: number
  readonly #asked: Settle<never>
  readonly #open: LinkedList<OpenCall>

  constructor(name: string, asked: Settle<never>, open: LinkedList<OpenCall>) {
    super()
    this.name = name
    this.call = asked.call ?? 0
    this.#asked = asked
    this.#open = open
    open.add(this)
  }

  resolve(value: never): void {
    if (this.#open.remove(this)) this.#asked.resolve(value)
  }

  reject(error: Error): void {
    if (this.#open.remove(this)) this.#asked.reject(error)
  }
}

/** A call without an answer, as a journal's summary has it. */
export interface SavedCall {
  readonly name: string
  readonly call: number
}

export class OpenCalls {
  readonly #open = new LinkedList<OpenCall>()

  /** The names and numbers of the open calls, in the order of the calls. */
  list(): readonly SavedCall[] {
    return Array.from(this.#open, ({ name, call }) => ({ name, call }))
  }

  /** Opens the call `name()`. Returns the object that settles it, at most once. */
  begun<T>(name: string, asked: Settle<T>): Settle<T> {
    return new OpenCall(name, asked, this.#open) as Settle<T>
  }

  /**
   * Opens the calls that have no answer yet in a journal that begins here. Returns a function that finds, by its
   * number, the object that settles a call; `recall` makes that object for a call that is not in `saved`.
   */
  reopen(
    saved: readonly SavedCall[],
    recall: <T>(call: number) => Settle<T>,
  ): (call: number) => Settle<never> {
    const settles = new Map(
      saved.map(({ name, call }) => [call, this.begun<never>(name, recall(call))]),
    )
    return (call) => settles.get(call) ?? recall<never>(call)
  }

  /** Storage no longer answers: every call but the named calls fails with this error (E2). */
  failAll(error: Error, except: ReadonlySet<string>): void {
    for (const call of Array.from(this.#open)) if (!except.has(call.name)) call.reject(error)
  }

  /** The engine is closed: no call will get another answer. */
  endAll(): void {
    for (let call = this.#open.first; call !== null; call = this.#open.first) {
      const message = `the engine was closed before ${call.name}() was over`
      call.reject(new HoldfastError('CLOSED', message))
    }
  }
}
