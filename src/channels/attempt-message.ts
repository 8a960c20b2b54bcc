/** What the channel `holdfast.attempt` tells: plain data, without a token, a payload or a text of a server (E6). */
import type { OperationId, Outcome, UserId } from '../model.ts'

/** The facts of an attempt, as they are when the request leaves. */
export interface AttemptFacts {
  /** The operations of the envelope, in their order. */
  readonly operations: readonly OperationId[]
  /** The kind of the first operation. */
  readonly kind: string
  /** The owner; null: the anonymous identity. */
  readonly user: UserId | null
  /** The idempotency key, as the server gets it. */
  readonly key: string
  /** The number of the attempt, from 1. It grows with each outcome that makes the envelope wait. */
  readonly attempt: number
  /** The generation of the token; null: the request is unsigned. */
  readonly generation: number | null
}

/** How an attempt ended. */
export interface AttemptResult {
  /**
   * Null: the attempt has no outcome, because a captive portal answered, the operations were erased (`forget()`), the engine
   * closed, or the engine failed inside.
   */
  readonly outcome: Outcome | null
  /** The status of the reply; null: there was no reply. */
  readonly status: number | null
  /** From the call of the transport to the outcome, in milliseconds of the monotonic clock. */
  readonly durationMs: number
}

/** Why there was no reply: the names of an error where they are plain words, never its text (E6). */
export interface AttemptError {
  readonly name: string
  /** The system's name of the failure, such as `ECONNREFUSED` or `TIMEOUT`; null: it has none. */
  readonly code: string | null
}

/**
 * The message of `holdfast.attempt`. All five channels of one attempt get the same object, so a subscriber may keep its own
 * data under it (in a WeakMap, or as a property of its own). The facts are read-only and frozen.
 */
export interface AttemptMessage extends AttemptFacts {
  /** From `asyncStart` on. */
  readonly result?: AttemptResult
  /** From `error` on, if there was no reply. */
  readonly error?: AttemptError
}
