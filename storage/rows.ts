/** The rows: what storage holds, as plain data. Changes of them are in `changes.ts`. */
import type { DeadReason, DropReason, Instant, LaneId, OperationId, UserId } from '../src/model.ts'

/** One pending operation. */
export interface OperationRow {
  readonly id: OperationId
  readonly lane: LaneId
  /** Its place in the lane: smaller goes first (Q2). */
  readonly place: number
  readonly kind: string
  readonly version: number
  /** JSON text. */
  readonly payload: string
  readonly enqueuedAt: Instant
  readonly expiresAt: Instant | null
  /** The records it creates, by their local ids (Q12). */
  readonly creates: readonly string[]
  /** Is it of no use once another user has logged in on this device? (I8) */
  readonly deviceScoped: boolean
  /** Was it in flight when that happened? Then it is not to be sent again. Default: no. */
  readonly superseded?: true
}

/** What is known of an envelope, once that is more than "not sent yet". */
export interface EnvelopeRow {
  readonly lane: LaneId
  /** The place of its first member: it is known by it. */
  readonly place: number
  /** Its idempotency key, or null: it may be formed anew (Q5). */
  readonly key: string | null
  /** The places of its members, in order. */
  readonly members: readonly number[]
  /** Sendings that came to `retry`, `unknown` or `unsent` (the n of Q7). */
  readonly attempts: number
  /** The part of them that came to `unsent`: nothing of the envelope has left by them (Q6). */
  readonly unsentAttempts: number
  /** Those of them that count towards death (Q8). */
  readonly countedAttempts: number
  /** The first attempt that was not `unsent`; before it, the time of the record (Q8). */
  readonly firstAttemptAt: Instant | null
  /** Since when the outcome is unknown; never reset but by its end (Q5). */
  readonly unknownSince: Instant | null
  /** Not before this; with the wait it was computed from, so that a clock that jumped back is noticed (Q7). */
  readonly retryAt: Instant | null
  readonly waitMs: number
  /** True if the last outcome was `unknown` or `unsent`: the return of the network ends the wait then (Q7). */
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
  /** The key it was last sent under, if its outcome is unknown: it comes back under the same (Q8). */
  readonly envelopeKey: string | null
  /** Since when its outcome is unknown, if it is. */
  readonly unknownSince: Instant | null
  /** The records whose creations failed, where that is why it is dead (Q12). */
  readonly dependsOn: readonly string[]
}

/** A record that an operation creates (Q12). */
export interface RecordRow {
  /** The id the app gave it. */
  readonly local: string
  /** The server's id, once it is made; while it is to be created anew, the former one. */
  readonly remote: string | null
  /** `lost`: its creation is dead, or was taken back, or whoever made it was forgotten (I12). */
  readonly state: 'pending' | 'made' | 'lost'
  /** The lane of its creation. */
  readonly lane: LaneId
  /** The operation that creates it; null: none has said so, but a reply named it. */
  readonly creation: OperationId | null
  readonly changedAt: Instant
}

/** A reading position: a read that waits until `readyAt` and names the token sees what was written (R2). */
export interface PositionRow {
  readonly key: string
  readonly token: string
  readonly readyAt: Instant
  /** How long that was from the reply: a clock that jumped back never makes it longer. */
  readonly waitMs: number
}

export interface LaneRow {
  readonly lane: LaneId
  readonly user: UserId | null
  readonly pending: number
  readonly letters: number
  /** Operations up to this place are sent one by one: their envelope was rejected (Q4). */
  readonly soloThrough: number
  /** The place of the first operation that is pending. Default: nobody knows. */
  readonly head?: number
  /** The last place that was given. Default: 0. */
  readonly tail?: number
  /** How far operations have moved back in all, to make room. Default: 0. */
  readonly shifted?: number
  /** Operations up to this place are to be dropped: their user logged out with `discard` (I7). Default: 0. */
  readonly discardThrough?: number
  /** Are operations of it marked as superseded (I8)? Default: no. */
  readonly hasSuperseded?: true
}

/** What is stored of a user's token. The token itself is only in `sealed`, put there by a vault (T1). */
export interface TokenRow {
  readonly user: UserId
  /** 0 before the first token. */
  readonly generation: number
  /** Bumped by the end of a session (T11). */
  readonly epoch: number
  readonly refused: boolean
  /** Fingerprints of the last tokens that were refused in this session, this one too. Default: none. */
  readonly refusedTokens?: readonly string[]
  /** Keyed; null when the session has ended. */
  readonly fingerprint: string | null
  readonly expiresAt: Instant | null
  readonly refreshAt: Instant | null
  readonly sealed: Uint8Array | null
  /** Logged out with operations pending: the session ends when the lane is empty (T11). */
  readonly leaving: boolean
}

export interface DeadlineRow {
  readonly origin: string
  readonly until: Instant
  readonly waitMs: number
}

/** How a settled operation ended, as far as it is retained. */
export interface OutcomeRow {
  readonly id: OperationId
  /** `dead`: its letter was erased with all else of its user (I12). */
  readonly outcome: 'completed' | 'dropped' | 'cancelled' | 'dead'
  readonly reason: DropReason | DeadReason | null
  /** The last status of one that died. */
  readonly status: number | null
  readonly settledAt: Instant
}
