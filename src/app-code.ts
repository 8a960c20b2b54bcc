/** Calls of the code of the app (kinds, ports, listeners), and the error that tells of their exceptions (Q22, E3). */
import { HoldfastError } from './errors.ts'
import { errorOf, isThenable } from './thrown.ts'

/** `what` is the subject of the message, such as `interpret of note`. The exception is the cause. */
export function appCodeFailed(what: string, thrown: unknown): HoldfastError {
  return new HoldfastError('APP_CODE_FAILED', `${what} threw`, { cause: errorOf(thrown) })
}

/**
 * The answer of code that must answer at once.
 *
 * @throws TypeError if the answer is a promise. The end of that promise is heard here: its rejection must not
 * reach the host.
 */
export function atOnce<T>(answer: T): T {
  if (!isThenable(answer)) return answer
  hush(answer)
  throw new TypeError('it answered with a promise')
}

/** Hears the rejection of a promise that has no other listener. */
function hush(promise: PromiseLike<unknown>): void {
  Promise.resolve(promise).catch(() => undefined)
}

/** The exception of a call that answers nothing; null: there is none. */
export function failureOf(call: () => void): Error | null {
  try {
    atOnce<unknown>(call())
    return null
  } catch (thrown) {
    return errorOf(thrown)
  }
}
