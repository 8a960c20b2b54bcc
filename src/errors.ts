/**
 * Every error Holdfast raises has a stable `code`; this is the one list of them. Misuse of the API is
 * a `TypeError` or `RangeError` that names the option and the value. No message holds a secret.
 */
import type { StorageErrorCode } from '../storage/storage-error.ts'
import type { OperationId, UserId } from './model.ts'
import { codeIn, errorOf } from './thrown.ts'

export type ErrorCode =
  /** `enqueue()` of a kind that was not given to `createHoldfast({ operations })`. */
  | 'UNKNOWN_KIND'
  /** The payload does not fit the kind's schema, or is not JSON. */
  | 'INVALID_PAYLOAD'
  /** The payload is longer than `maxPayloadBytes`. */
  | 'PAYLOAD_TOO_LARGE'
  /** As many operations are pending as `maxPending` allows. */
  | 'QUEUE_FULL'
  /** No operation of this id is pending, dead or remembered. */
  | 'UNKNOWN_OPERATION'
  /** Only a dead letter can be retried. */
  | 'NOT_RETRYABLE'
  /** A member of an envelope that is in flight, or whose outcome is unknown. */
  | 'TOO_LATE'
  /** A reply yielded a follow-up that names another owner. */
  | 'FOREIGN_FOLLOW_UP'
  /** The requirement source failed; what was known is kept. */
  | 'REQUIREMENT_UNKNOWN'
  /** Only the process that dispatches this database can do that. */
  | 'OTHER_PROCESS'
  /** Code of the app threw: a listener, a kind, a port, a journal or a logger. The exception is the `cause`. */
  | 'APP_CODE_FAILED'
  /** A fault in Holdfast itself: please report it, with a journal if there is one. */
  | 'INTERNAL'
  /** The subject claim of the token names another user, or no user. */
  | 'AUTH_USER_MISMATCH'
  /** The server refused a token that was obtained because it refused the one before. */
  | 'AUTH_REFRESH_FAILED'
  /** The token source threw, or gave no answer in time. */
  | 'AUTH_SOURCE_FAILED'
  /** The server answered 401. */
  | 'AUTH_TOKEN_REFUSED'
  /** A read of the anonymous identity, under `required`. */
  | 'AUTH_ANONYMOUS'
  /** A transport says that no byte of the request has left. */
  | 'NOT_SENT'
  /** A read got no reply, or one that is no answer. */
  | 'READ_FAILED'
  /** The identity changed before a read was answered. */
  | 'READ_CANCELLED'
  /** The token source said that only the user can help. */
  | 'AUTH_DENIED'
  /** A sealed token can not be opened any more. */
  | 'AUTH_VAULT_UNREADABLE'
  /** The vault can not be used just now. */
  | 'AUTH_VAULT_UNAVAILABLE'
  /** A journal's decisions and those of this version differ. */
  | 'REPLAY_DIVERGED'
  /** The file is not a journal this version can read. */
  | 'JOURNAL_INVALID'
  /** A scenario file is malformed. */
  | 'SCENARIO_INVALID'
  /** The database file is a copy: a restored backup, say. What was sent since then is sent again. */
  | 'STORAGE_COPIED'
  /** Commits of other processes are noticed late: the file system does not tell of them. */
  | 'WATCH_LOST'
  | StorageErrorCode

export interface HoldfastErrorOptions extends ErrorSubject {
  readonly cause?: unknown
  /** Can the same call succeed later, unchanged? Default: false. */
  readonly retryable?: boolean
}

/** The subject of an error, as far as its message names it. */
interface ErrorSubject {
  readonly operationId?: OperationId
  readonly user?: UserId
  /** The option of `createHoldfast()` that decided, such as `maxPending`. */
  readonly option?: string
  /** The value of that option, where it is a limit. */
  readonly limit?: number
  /** The status of the reply, where it decided. */
  readonly status?: number
}

/** The base of every error of Holdfast. */
export class HoldfastError extends Error {
  override readonly name: string = 'HoldfastError'
  readonly code: ErrorCode
  readonly retryable: boolean
  // The subject of the error, as far as the message names it: an error without one has no such property.
  declare readonly operationId?: OperationId
  declare readonly user?: UserId
  /** The option of `createHoldfast()` that decided, such as `maxPending`. */
  declare readonly option?: string
  /** The value of that option, where it is a limit. */
  declare readonly limit?: number
  /** The status of the reply, where it decided: of a `read()` that was answered so. */
  declare readonly status?: number

  constructor(
    code: ErrorCode,
    message: string,
    { cause, retryable = false, ...subject }: HoldfastErrorOptions = {},
  ) {
    super(message, (cause ?? null) === null ? undefined : { cause })
    this.code = code
    this.retryable = retryable
    Object.assign(this, subject)
  }
}

/** To be thrown by a token source: asking again is no use, the user must sign in (T6). */
export class TokenDeniedError extends HoldfastError {
  override readonly name = 'TokenDeniedError'

  constructor(message = 'the token source denied a token', cause?: unknown) {
    super('AUTH_DENIED', message, { cause })
  }
}

/** To be thrown by a vault: what it sealed can never be opened again (T1). */
export class VaultUnreadableError extends HoldfastError {
  override readonly name = 'VaultUnreadableError'

  constructor(message = 'the sealed token cannot be opened', cause?: unknown, user?: UserId) {
    super('AUTH_VAULT_UNREADABLE', message, { cause, ...(user === undefined ? {} : { user }) })
  }
}

export interface NotSentErrorOptions {
  /** The system's name of the failure, such as `ECONNREFUSED`. Default: the `code` of the cause, if it has one. */
  readonly reason?: string
  readonly cause?: unknown
}

/**
 * To be thrown by a transport if no byte of the request has left: the connection was refused, the name was not
 * resolved, the connection was not made in time, the certificate was not accepted. The outcome is then `unsent`.
 * Every other error of a transport means that the request may have arrived: `unknown` (Q6).
 */
export class NotSentError extends HoldfastError {
  override readonly name = 'NotSentError'
  /** The system's name of the failure, such as `ECONNREFUSED` or `ENOTFOUND`; null if it has none. */
  readonly reason: string | null

  constructor(message = 'the request was not sent', { reason, cause }: NotSentErrorOptions = {}) {
    super('NOT_SENT', message, { cause, retryable: true })
    this.reason = reason ?? codeIn(cause)
  }
}

/** A replay decided otherwise than the journal says (`holdfast replay`). */
export class ReplayDivergedError extends HoldfastError {
  override readonly name = 'ReplayDivergedError'
  /** The number of the journal's line, from 1. */
  readonly line: number
  /** What the journal says there. */
  readonly expected: unknown
  /** What was decided now; null: nothing. */
  readonly actual: unknown

  constructor(line: number, expected: unknown, actual: unknown) {
    super('REPLAY_DIVERGED', `line ${line} of the journal and this run differ`)
    this.line = line
    this.expected = expected
    this.actual = actual
  }
}

/** The error as one of Holdfast's, whatever was thrown. */
export function asHoldfastError(thrown: unknown, code: ErrorCode, message: string): HoldfastError {
  const cause = errorOf(thrown)
  return cause instanceof HoldfastError ? cause : new HoldfastError(code, message, { cause })
}

/** A fault in Holdfast itself. */
export function internalFault(cause: unknown): HoldfastError {
  const message = 'holdfast failed inside; please report it, with a journal if there is one'
  return new HoldfastError('INTERNAL', message, { cause })
}
