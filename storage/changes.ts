/**
 * The changes: everything that can happen to the rows, as plain data. Each is conditional on what it
 * expects to find and is answered `applied: true`, or `applied: false` ("missed") with nothing changed.
 */
import type {
  DeadReason,
  DropReason,
  Instant,
  LaneId,
  OperationId,
  Requirement,
  UserId,
} from '../src/model.ts'
import type { EnvelopeRow } from './storage.ts'

/** An operation, and the place where it is expected. */
export interface Member {
  readonly id: OperationId
  readonly place: number
}

/** Puts an operation at the end of its owner's lane, which is made if need be. */
export interface EnqueueChange {
  readonly change: 'enqueue'
  readonly user: UserId | null
  /** Unguessable; the id is made of it, the lane and the place. */
  readonly nonce: string
  readonly kind: string
  readonly version: number
  readonly payload: string
  readonly enqueuedAt: Instant
  readonly expiresAt: Instant | null
}

/** Removes operations the server has taken, and what is known of their envelope. */
export interface CompleteChange {
  readonly change: 'complete'
  readonly lane: LaneId
  readonly members: readonly Member[]
}

/** Removes operations for a reason, which is retained. */
export interface DropChange {
  readonly change: 'drop'
  readonly lane: LaneId
  readonly members: readonly Member[]
  readonly reason: DropReason
  readonly at: Instant
}

/** Drops every operation of a lane but those at the given places. */
export interface PurgeChange {
  readonly change: 'purge'
  readonly lane: LaneId
  readonly except: readonly number[]
  readonly reason: DropReason
  readonly at: Instant
}

/** Removes one pending operation because the app says so. Missed while its outcome is unknown (Q10). */
export interface CancelChange {
  readonly change: 'cancel'
  readonly id: OperationId
  readonly at: Instant
}

/** Makes operations dead letters. */
export interface BuryChange {
  readonly change: 'bury'
  readonly lane: LaneId
  readonly members: readonly Member[]
  readonly reason: DeadReason
  readonly status: number | null
  readonly excerpt: string | null
  readonly at: Instant
  readonly attempts: number
  readonly envelopeKey: string | null
}

/**
 * Puts a dead letter (with its whole envelope, if its outcome is unknown) back at its place (Q9). What
 * lies behind it may be moved back to make room, so places known of there are out of date.
 */
export interface ReviveChange {
  readonly change: 'revive'
  readonly id: OperationId
  /** Never at or before this place: an envelope up to here has been sent. Null: nothing has. */
  readonly behind: number | null
}

/** Removes a dead letter, or a pending operation, with its whole envelope if its outcome is unknown (Q9). */
export interface DiscardChange {
  readonly change: 'discard'
  readonly id: OperationId
  readonly at: Instant
}

/** Records what is known of an envelope. Missed unless its first member is pending. */
export interface EnvelopeChange {
  readonly change: 'envelope'
  readonly envelope: EnvelopeRow
}

/** Dissolves a rejected envelope: operations up to this place are sent one by one (Q4). */
export interface SoloChange {
  readonly change: 'solo'
  readonly lane: LaneId
  readonly place: number
  readonly through: number
}

/** A deadline that covers all lanes of an origin; null lifts it. */
export interface DeadlineChange {
  readonly change: 'deadline'
  readonly origin: string
  readonly until: Instant | null
  readonly waitMs: number
}

export interface IdentityChange {
  readonly change: 'identity'
  readonly user: UserId | null
}

export interface RequirementChange {
  readonly change: 'requirement'
  readonly requirement: Requirement
}

/** A new generation of a user's token. Missed unless the stored one is `expected`. */
export interface TokenChange {
  readonly change: 'token'
  readonly user: UserId
  readonly expected: number
  readonly generation: number
  readonly fingerprint: string
  readonly expiresAt: Instant | null
  readonly refreshAt: Instant | null
  readonly sealed: Uint8Array | null
}

/** The server refused this generation. Missed if it is not the current one any more (T4). */
export interface RefuseTokenChange {
  readonly change: 'refuseToken'
  readonly user: UserId
  readonly generation: number
}

/** The session of this user ends when their lane is empty, or (`leaving: false`) goes on. */
export interface LeaveChange {
  readonly change: 'leave'
  readonly user: UserId
  readonly leaving: boolean
}

/** The end of a session: the token is deleted and the epoch bumped (T11). */
export interface EndSessionChange {
  readonly change: 'endSession'
  readonly user: UserId
}

export type Change =
  | EnqueueChange
  | CompleteChange
  | DropChange
  | PurgeChange
  | CancelChange
  | BuryChange
  | ReviveChange
  | DiscardChange
  | EnvelopeChange
  | SoloChange
  | DeadlineChange
  | IdentityChange
  | RequirementChange
  | TokenChange
  | RefuseTokenChange
  | LeaveChange
  | EndSessionChange

/** An operation that a change moved or removed. */
export interface Affected {
  readonly id: OperationId
  readonly lane: LaneId
  readonly place: number
  readonly kind: string
  readonly user: UserId | null
}

export type Answer =
  | {
      readonly applied: true
      /** The operations it concerns, where the caller cannot know them. */
      readonly affected: readonly Affected[]
      /** Where the operations were: among the pending, or among the dead letters. */
      readonly from?: 'pending' | 'dead'
    }
  | { readonly applied: false }
