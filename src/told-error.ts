/** Of an error of Holdfast what a log or a report may have (E6): codes, names that are plain words, a scrubbed message. */
import type { ErrorCode, HoldfastError } from './errors.ts'
import { failureCodeOf } from './failure.ts'
import { plainName } from './scrub/plain-word.ts'
import { scrub } from './scrub/scrub.ts'

export interface ToldError {
  readonly code: ErrorCode
  /** The name of the cause; null: there is none, or it is no error. */
  readonly cause: string | null
  /** The system's name of the failure, such as `ECONNREFUSED`; null: the cause has none. */
  readonly reason: string | null
  /** Redacted, and at most 256 characters. It may name a user. */
  readonly message: string
}

export function toldError({ code, cause, message }: HoldfastError): ToldError {
  const isOfError = cause instanceof Error
  return {
    code,
    cause: isOfError ? plainName(cause.name) : null,
    reason: isOfError ? failureCodeOf(cause) : null,
    message: scrub(message),
  }
}
