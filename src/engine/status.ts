/** The types of the object that `status()` answers: frozen and plain, and the same object until something changes. */
import type { Hold } from '../../machines/holds.ts'
import type { ErrorCode } from '../errors.ts'
import type { DeadReason, Instant, Requirement, TokenNeedReason, UserId } from '../model.ts'

/** A hold of a lane, and until when it lasts. */
export interface HoldStatus extends Hold {
  /**
   * When the engine lifts the hold by itself, or tries again by itself: the end of a wait (`backing-off`,
   * `rate-limited`), of the longest time of `suspended`, or, for `awaiting-token`, the time of the token or of the next
   * call of the token source. Null: it does not end by a time, or the time is not known.
   */
  readonly until: Instant | null
}

export interface LaneStatus {
  /** Null: the anonymous lane. */
  readonly user: UserId | null
  readonly pending: number
  /** True if a request of the lane is in flight, or about to be. */
  readonly sending: boolean
  /** The reasons why the lane may not send; empty: nothing stops it. */
  readonly holds: readonly HoldStatus[]
  /** When the head of the lane was enqueued; null before the lane was read. */
  readonly headEnqueuedAt: Instant | null
  /** Attempts of the head that failed for now. */
  readonly attempts: number
  /** Token generations that were refused on the head (T4). */
  readonly refusedTokens: number
  /** Why the last attempt of the head failed; null: no attempt has failed. The failure survives a restart. */
  readonly lastFailure: LaneFailure | null
  /**
   * The end of the wait of the head (Q7), by the wall clock as it was at the last change of the status. Null: the head
   * does not wait for an attempt of its own; a wait of every lane is in `holds`.
   */
  readonly retryAt: Instant | null
}

/** Why an attempt failed (Q22). */
export interface LaneFailure {
  readonly at: Instant
  /** The status of the reply; null: there was no reply. */
  readonly status: number | null
  /** The system's name of the failure, such as `ECONNREFUSED` or `TIMEOUT`; null: there was a reply. */
  readonly code: string | null
}

/** The lanes of one owner in short (Q22). */
export interface OwnerStatus {
  /** Null: the anonymous identity. */
  readonly user: UserId | null
  readonly pending: number
  /** Requests in flight, or about to be. */
  readonly sending: number
  /** Dead letters. */
  readonly dead: number
  /**
   * When an operation of the owner was last completed. It survives a restart, and is stored to the second. A process that
   * does not dispatch learns it when it reads the stored state anew. Null: none was completed, as far as is stored.
   */
  readonly lastCompletedAt: Instant | null
  /** The newest failure of its lanes; null: no head of its lanes has failed. */
  readonly lastFailure: LaneFailure | null
}

export interface TokenNeedStatus {
  readonly user: UserId
  readonly reason: TokenNeedReason
  /** The generation that was refused; null: no generation was refused. */
  readonly generation: number | null
  /** Why the last refresh failed, since the last new token of the user. Left out: none has failed in this process. */
  readonly lastFailure?: TokenFailure
}

/** Why a token was not refreshed (T6, T8). */
export interface TokenFailure {
  readonly at: Instant
  readonly code: ErrorCode
  /** The system's name of the failure of the token source, such as `ECONNREFUSED`; null: it has none. */
  readonly reason: string | null
}

/**
 * Counts of the events of this engine since `createHoldfast()`. They begin at 0 with each engine and are not stored. Where
 * several processes have one file open, each process counts only its own events: the process that dispatches counts the
 * ends of operations, and the sum over all processes counts each end once.
 */
export interface Totals {
  /** Operations that were completed. */
  readonly accepted: number
  /** Times that an operation has to be sent again after a wait: each event `operation.retrying`. A 401 does not count. */
  readonly retried: number
  /** Operations that became dead letters, by reason; a reason that has not occurred is 0. */
  readonly dead: Readonly<Record<DeadReason, number>>
  /** New tokens of any user, from the token source or from the app. */
  readonly refreshed: number
  /**
   * When the oldest head of a lane was enqueued: a head that grows old means that a lane does not move. Null: nothing is
   * pending, or no lane with pending operations has been read yet.
   */
  readonly oldestHeadAt: Instant | null
}

export type QueueState = 'starting' | 'running' | 'closing' | 'closed'

export interface Status {
  readonly queue: QueueState
  /** Null: anonymous. */
  readonly identity: UserId | null
  readonly requirement: Requirement
  /** Lanes with pending operations. */
  readonly lanes: readonly LaneStatus[]
  /** Every owner that has pending operations or dead letters, or of whom an operation was ever completed. */
  readonly owners: readonly OwnerStatus[]
  readonly tokenNeeds: readonly TokenNeedStatus[]
  readonly counts: { readonly pending: number; readonly sending: number; readonly dead: number }
  readonly totals: Totals
}
