/** How an attempt ended: with a reply, or with the reason why there is none (Q6, Q22). */
import { type Failure, failureOf, isNotSent, timeoutError } from '../../failure.ts'
import type { Reply } from '../../ports/transport.ts'

export type Ending =
  | { readonly reply: Reply; readonly failure: null; readonly isUnsent: false }
  | {
      readonly reply: null
      readonly failure: Failure
      /** True if no byte of the request has left: the outcome is `unsent`, else `unknown`. */
      readonly isUnsent: boolean
    }

export function replied(reply: Reply): Ending {
  return { reply, failure: null, isUnsent: false }
}

/** The transport rejected. `tokens`: the known tokens of the user, including the token that was sent. */
export function failed(error: Error, tokens: readonly string[]): Ending {
  return { reply: null, failure: failureOf(error, tokens), isUnsent: isNotSent(error) }
}

export function timedOut(timeoutMs: number): Ending {
  return failed(timeoutError(timeoutMs), [])
}
