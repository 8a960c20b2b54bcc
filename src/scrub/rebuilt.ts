/**
 * The error of other code (a library, a token source, a vault), made anew of a few plain words (T16). The error itself
 * never leaves: it can hold the request with its headers, and the whole answer with its tokens.
 */
import { plainName, plainWord } from './plain-word.ts'
import { scrub } from './scrub.ts'

/** `code` and `error`: plain words of the error, such as `ECONNREFUSED` and `invalid_grant`. */
export interface RebuiltError extends Error {
  readonly code?: string
  /** The status of the reply that it tells of. */
  readonly status?: number
  readonly error?: string
}

/** `tokens`: what is known, and must not stand in its message. */
export function rebuilt(thrown: Error, tokens: readonly string[] = []): RebuiltError {
  const response = property(thrown, 'response')
  const status =
    statusIn(thrown, 'status') ?? statusIn(thrown, 'statusCode') ?? statusIn(response, 'status')
  const error = plainWord(property(thrown, 'error'))
  const code = plainWord(property(thrown, 'code'))
  const rebuiltError = new Error(scrub(thrown.message, { tokens }))
  // Only the name of the class of an error is a part of it that can be seen.
  Object.defineProperty(rebuiltError, 'name', {
    value: plainName(thrown.name),
    configurable: true,
    enumerable: false,
    writable: true,
  })
  return Object.assign(rebuiltError, {
    ...(code === null ? {} : { code }),
    ...(status === null ? {} : { status }),
    ...(error === null ? {} : { error }),
  })
}

function statusIn(of: unknown, name: string): number | null {
  const value = property(of, name)
  const isStatus = Number.isSafeInteger(value) && Number(value) >= 100 && Number(value) <= 599
  return isStatus ? Number(value) : null
}

/** Of what other code throws, anything may throw. */
function property(of: unknown, name: string): unknown {
  if (typeof of !== 'object' || of === null) return undefined
  try {
    return (of as Readonly<Record<string, unknown>>)[name]
  } catch {
    return undefined
  }
}
