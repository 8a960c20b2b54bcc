/**
 * From a thrown value to an error. The code of the app may throw anything: an error of another realm (a vm
 * context, the bridge of Electron), a text, nothing, a revoked proxy. Nothing in this file ever throws (E3).
 */
import { types } from 'node:util'

/**
 * The thrown value as an error. An error of any realm is answered as it is. Any other value is the `cause` of an
 * error with the same message and code. A value that cannot even be read is no cause: code that looks at the
 * error must not fail on it.
 */
export function errorOf(thrown: unknown): Error {
  try {
    return isReadableError(thrown) ? thrown : errorAbout(thrown)
  } catch {
    return new Error('a value that cannot be read was thrown')
  }
}

/** The name and the message of the thrown value, as one line. */
export function textOf(thrown: unknown): string {
  const { name, message } = errorOf(thrown)
  return message === '' ? name : `${name}: ${message}`
}

/** The code of an error; null: the error has none. */
export function codeIn(error: unknown): string | null {
  try {
    const { code } = (error ?? {}) as { readonly code?: unknown }
    return typeof code === 'string' ? code : null
  } catch {
    return null
  }
}

/** True if the value is a promise of any realm. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false
  return typeof (value as { readonly then?: unknown }).then === 'function'
}

/** Reads all that a reader of the error needs; throws if one of them cannot be read. */
function isReadableError(thrown: unknown): thrown is Error {
  if (!types.isNativeError(thrown) && !(thrown instanceof Error)) return false
  const { name, message, code } = thrown as Error & { readonly code?: unknown }
  return typeof name === 'string' && typeof message === 'string' && typeof code !== 'function'
}

function errorAbout(thrown: unknown): Error {
  if (typeof thrown === 'string' && thrown !== '') return new Error(thrown, { cause: thrown })
  const isObject = typeof thrown === 'object' && thrown !== null
  if (!isObject && typeof thrown !== 'function') {
    const what = thrown === '' ? 'an empty text' : String(thrown)
    return new Error(`${what} was thrown`, thrown === undefined ? {} : { cause: thrown })
  }
  const { name, message, code } = thrown as {
    readonly name?: unknown
    readonly message?: unknown
    readonly code?: unknown
  }
  const hasMessage = typeof message === 'string' && message !== ''
  const what = isObject ? 'an object was thrown' : 'a function was thrown'
  const error = new Error(hasMessage ? message : what, { cause: thrown })
  if (isObject && typeof name === 'string' && name !== '') error.name = name
  return typeof code === 'string' ? Object.assign(error, { code }) : error
}
