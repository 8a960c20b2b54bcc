/**
 * Why an attempt got no reply (Q22), as the app is told: a name, a code, and a text that is short and redacted. A
 * journal has the code, never the text.
 */
import { plainName, plainWord } from './scrub/plain-word.ts'
import { scrub } from './scrub/scrub.ts'
import { codeIn } from './thrown.ts'

export interface Failure {
  /** The name of the error, such as `NotSentError` or `TypeError`. */
  readonly name: string
  /** The system's name of the failure, such as `ECONNREFUSED`, or `TIMEOUT`; null: the error has none. */
  readonly code: string | null
  /** Redacted, and at most 256 characters. */
  readonly message: string
}

/** An error hides its cause at most so deep: `fetch` wraps the error of the system once or twice. */
const DEEPEST_CAUSE = 4

/** The failure that an error of the transport tells of. `tokens`: those that are known; they are redacted. */
export function failureOf(error: Error, tokens: readonly string[]): Failure {
  const { name, message } = error
  return {
    name: plainName(name),
    code: failureCodeOf(error),
    message: scrub(message, { tokens }),
  }
}

/** The engine itself ended the attempt, because no reply came in time. */
export function timeoutError(timeoutMs: number): Error {
  const error = new Error(`no reply within ${timeoutMs} ms`)
  return Object.assign(error, { name: 'TimeoutError', code: 'TIMEOUT' })
}

/** Where one word must do: the code, or else the name. */
export function wordOf({ code, name }: Failure): string {
  return code ?? name
}

/** Does a transport say that no byte of the request has left? Also by an error of another realm, or of another copy of Holdfast. */
export function isNotSent(error: Error): boolean {
  return error.name === 'NotSentError' || codeIn(error) === 'NOT_SENT'
}

/**
 * What the system calls the failure: the reason of a `NotSentError`, else the first code among the error and its causes.
 * A code is one plain word, such as `ECONNREFUSED`: anything else may be a text with a secret.
 */
export function failureCodeOf(error: Error): string | null {
  let looked: unknown = error
  for (let depth = 0; depth < DEEPEST_CAUSE; depth += 1) {
    const code = plainWord(propertyOf(looked, 'reason')) ?? plainWord(propertyOf(looked, 'code'))
    if (code !== null && code !== 'NOT_SENT') return code
    looked = propertyOf(looked, 'cause')
  }
  return null
}

/** Of what a transport rejects with, anything may throw. */
function propertyOf(of: unknown, property: string): unknown {
  if (typeof of !== 'object' || of === null) return undefined
  try {
    return (of as Readonly<Record<string, unknown>>)[property]
  } catch {
    return undefined
  }
}
