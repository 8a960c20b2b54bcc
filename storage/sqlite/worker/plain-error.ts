/** Errors on their way between threads: a clone of one would lose its class and its code. */
import { StorageError } from '../../storage-error.ts'
import type { PlainError } from './protocol.ts'

export function toPlainError({ code, message, cause }: StorageError): PlainError {
  return { code, message, cause: cause === undefined ? null : wordsOf(cause) }
}

export function fromPlainError({ code, message, cause }: PlainError): StorageError {
  return new StorageError(code, message, cause === null ? undefined : new Error(cause))
}

/** With SQLite's own code, or that of the file system: it often says more than the message. */
function wordsOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  return 'code' in cause ? `${String(cause.code)}: ${cause.message}` : cause.message
}
