/**
 * The calls of the app that have no answer yet. Most are answered by storage; one may wait for a schema
 * or a vault that never answers, and the end of the engine must not leave it open (Q19).
 */
import { HoldfastError } from '../errors.ts'
import { LinkedList, Link } from './linked-list.ts'
import type { Settle } from './boundary/boundary.ts'

/** One of them. It is settled at most once. */
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

  /** Their names and numbers, in the order of the calls. */
  list(): readonly SavedCall[] {
    return Array.from(this.#open, ({ name, call }) => ({ name, call }))
  }

  /** What settles the call `name()`, at most once. */
  begun<T>(name: string, asked: Settle<T>): Settle<T> {
    return new OpenCall(name, asked, this.#open) as Settle<T>
  }

  /**
   * In a journal that begins here these calls have no answer yet. Answers what settles each of them, by its number;
   * `recall` answers the same for a call that is not among them.
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

  /** Storage answers nothing any more: every call but the named ones fails with this error (E2). */
  failAll(error: Error, except: ReadonlySet<string>): void {
    for (const call of Array.from(this.#open)) if (!except.has(call.name)) call.reject(error)
  }

  /** The engine is closed: nothing answers them any more. */
  endAll(): void {
    for (let call = this.#open.first; call !== null; call = this.#open.first) {
      const message = `the engine was closed before ${call.name}() was over`
      call.reject(new HoldfastError('CLOSED', message))
    }
  }
}
