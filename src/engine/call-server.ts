/**
 * Lets in the calls of the app and of the ports. Each call is open until it has its answer. No call of the app is let
 * in after `close()`, except calls served by `serveAlways`.
 */
import { HoldfastError, internalFault } from '../errors.ts'
import { codeIn } from '../thrown.ts'
import type { Codec, Settle } from './boundary/boundary.ts'
import type { Context } from './context.ts'
import type { Dispatcher } from './dispatcher/dispatcher.ts'
import type { OpenCalls } from './open-calls.ts'

export interface CallServerParts {
  readonly context: Context
  readonly open: OpenCalls
  readonly dispatcher: Dispatcher
}

export class CallServer {
  readonly #context: Context
  readonly #parts: CallServerParts

  constructor(parts: CallServerParts) {
    this.#parts = parts
    this.#context = parts.context
  }

  /** Offers the call `name()`, which is refused while the engine is closing. Returns the function that calls it. */
  serve<Args, T>(
    name: string,
    codec: Codec<Args>,
    run: (args: Args, settle: Settle<T>) => void,
  ): (args: Args, settle: Settle<T>) => void {
    return this.serveAlways<Args, T>(name, codec, (args, settle) => {
      if (this.#context.phase.isClosing) {
        settle.reject(new HoldfastError('CLOSED', `${name}() after close()`))
        return
      }
      const opened = this.#parts.open.begun(name, settle)
      try {
        run(args, opened)
      } catch (cause) {
        failedInside(opened, cause)
        throw cause
      }
      this.#parts.dispatcher.used()
    })
  }

  /** Offers the call `name()`, even while the engine is closing. */
  serveAlways<Args, T>(
    name: string,
    codec: Codec<Args>,
    run: (args: Args, settle: Settle<T>) => void,
  ): (args: Args, settle: Settle<T>) => void {
    return this.#context.boundary.serve<Args, T>({ name, codec, run })
  }
}

/** Answers a call in which the engine failed: the app must not wait for ever. The fault is reported as well. */
function failedInside<T>(settle: Settle<T>, cause: unknown): void {
  // A replay that has diverged reports that itself.
  if (codeIn(cause) !== 'REPLAY_DIVERGED') settle.reject(internalFault(cause))
}
