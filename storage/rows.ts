/** The rows of storage, as plain data. This file declares no change of a row: the changes are in `changes.ts`. */
import type { DeadReason, DropReason, Instant, LaneId, OperationId, UserId } from '../src/model.ts'

/** One pending operation. */
export interface OperationRow {
  readonly id: OperationId
  readonly lane: LaneId
  /** Its place in the lane. Operations are sent in the order of their places (Q2). */
  readonly place: number
  readonly kind: string
  readonly version: number
  /** JSON text. */
  readonly payload: string
  readonly enqueuedAt: Instant
  readonly expiresAt: Instant | null
  /** The records it creates, by their local ids (Q12). */
  readonly creates: readonly string[]
  /** True if it is of no use once another user has logged in on this device (I8). */
  readonly deviceScoped: boolean
  /** True if it was in flight at that login: then it is not sent again. Default: false. */
  readonly superseded?: true
  /** How often its payload has been replaced (Q9). Each payload has its own idempotency key (Q5). Default: 0. */
  readonly revision?: number
}

/** The state of an envelope, as soon as there is more to it than "not sent yet". */
export interface EnvelopeRow {
  readonly lane: LaneId
  /** The place of its first member, which identifies the envelope in its lane. */
  readonly place: number
  /** Its idempotency key. Null: the envelope may be formed anew (Q5). */
  readonly key: string | null
  /** The places of its members, in order. */
  readonly members: readonly number[]
  /** Sendings that came to `retry`, `unknown` or `unsent` (the n of Q7). */
  readonly attempts: number
  /** How many of `attempts` came to `unsent`: nothing of the envelope left the process in these (Q6). */
  readonly unsentAttempts: number
  /** How many of `attempts` count towards death (Q8). */
  readonly countedAttempts: number
  /**
   * The time of the first attempt that was not `unsent`; before that attempt, the time when the envelope was recorded
   * (Q8).
   */
  readonly firstAttemptAt: Instant | null
  /** Since when the outcome is unknown; never reset but by its end (Q5). */
  readonly unknownSince: Instant | null
  /**
   * The next attempt is not made before this time (Q7). It is stored with the wait that it was computed from
   * (`waitMs`), so that a clock that jumped back is noticed.
   */
  readonly retryAt: Instant | null
  readonly waitMs: number
  /** The part of `waitMs` that a `Retry-After` asked for: `sendNow()` never ends it (Q7). */
  readonly askedMs: number
  /** True if the last outcome was `unknown` or `unsent`: then the return of the network ends the wait (Q7). */
  readonly waitsAfterUnknown: boolean
  /** Generations refused on this head (T4). */
  readonly refusedCount: number
  /** The last generation under which the server answered 431 (Q8). */
  readonly tooLargeGeneration: number | null
  readonly lastStatus: number | null
  /** The code of the last failure (Q22); null: the last failure was a reply. */
  readonly lastCode: string | null
  /** When the last attempt failed. */
  readonly lastFailedAt: Instant | null
}

/** An operation that failed for good (Q9). */
export interface LetterRow extends OperationRow {
  readonly reason: DeadReason
  readonly status: number | null
  /** The beginning of the server's reply, redacted. */
  readonly excerpt: string | null
  readonly diedAt: Instant
  readonly attempts: number
  /** The key of its last sending, if its outcome is unknown: a retry uses the same key (Q8). */
  readonly envelopeKey: string | null
  /** Since when its outcome is unknown; null: the outcome is known. */
  readonly unknownSince: Instant | null
  /** The records whose creations failed, if the operation is dead for that reason (Q12). */
  readonly dependsOn: readonly string[]
}

/** A record that an operation creates (Q12). */
export interface RecordRow {
  /** The id the app gave it. */
  readonly local: string
  /** The server's id, once the record is made. While the record waits to be created anew, this is the former id. */
  readonly remote: string | null
  /** `lost`: its creation is dead, or was taken back, or its user was forgotten (I12). */
  readonly state: 'pending' | 'made' | 'lost'
  /** The lane of its creation. */
  readonly lane: LaneId
  /** The operation that creates it. Null: no operation has said that it does, but a reply named the record. */
  readonly creation: OperationId | null
  readonly changedAt: Instant
}

/** A reading position: a read that waits until `readyAt` and names the token sees the writes before it (R2). */
export interface PositionRow {
  readonly key: string
  readonly token: string
  readonly readyAt: Instant
  /** The wait from the reply until `readyAt`: a clock that jumped back never makes it longer. */
  readonly waitMs: number
}

export interface LaneRow {
  readonly lane: LaneId
  readonly user: UserId | null
  readonly pending: number
  readonly letters: number
  /** Operations up to this place are sent each in its own envelope: an envelope with them was rejected (Q4). */
  readonly soloThrough: number
  /** The place of the first pending operation. Default: not known. */
  readonly head?: number
  /** The last place that was assigned. Default: 0. */
  readonly tail?: number
  /** How many places operations have moved back in all, to make room. Default: 0. */
  readonly shifted?: number
  /** Operations up to this place will be dropped: their user logged out with `discard` (I7). Default: 0. */
  readonly discardThrough?: number
  /** True if operations of the lane are marked as superseded (I8). Default: false. */
  readonly hasSuperseded?: true
}

/** The stored facts of a user's token. The token itself is only in `sealed`, put there by a vault (T1). */
export interface TokenRow {
  readonly user: UserId
  /** 0 before the first token. */
  readonly generation: number
  /** Grows by 1 with each end of a session (T11). */
  readonly epoch: number
  readonly refused: boolean
  /** Fingerprints of the tokens refused last in this session, the current token included. Default: none. */
  readonly refusedTokens?: readonly string[]
  /** The keyed fingerprint of the token; null when the session has ended. */
  readonly fingerprint: string | null
  readonly expiresAt: Instant | null
  readonly refreshAt: Instant | null
  readonly sealed: Uint8Array | null
  /** True if the user logged out with operations pending: the session ends when the lane is empty (T11). */
  readonly leaving: boolean
}

/** What is stored of an owner beside the operations. */
export interface OwnerRow {
  readonly user: UserId | null
  /** When an operation of the owner was last completed, to the second; exact while nothing of the owner is pending. */
  readonly lastCompletedAt: Instant
}

export interface DeadlineRow {
  readonly origin: string
  readonly until: Instant
  readonly waitMs: number
}

/** How a settled operation ended, as far as it is retained. */
export interface OutcomeRow {
  readonly id: OperationId
  /** `dead`: its dead letter was erased with everything else of its user (I12). */
  readonly outcome: 'completed' | 'dropped' | 'cancelled' | 'dead'
  readonly reason: DropReason | DeadReason | null
  /** The last status of a dead operation. */
  readonly status: number | null
  /** JSON text: what the kind's code made of the reply (Q23). Default: nothing. */
  readonly result?: string
  readonly settledAt: Instant
}
