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
import type { EnvelopeRow, PositionRow } from './rows.ts'
import type { StorageErrorCode } from './storage-error.ts'

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
  /** Records it creates, by their local ids (Q12). Default: none. */
  readonly creates?: readonly string[]
  /** I8. Default: false. */
  readonly deviceScoped?: boolean
  /** Another user has taken the device since the call: it is never sent (I8). Default: not so. */
  readonly superseded?: true
}

/** An operation that a reply yielded (Q13). */
export interface FollowUp {
  /** Made of its parent's id, so that the same reply makes the same ones. */
  readonly id: OperationId
  readonly kind: string
  readonly version: number
  readonly payload: string
  readonly enqueuedAt: Instant
  readonly expiresAt: Instant | null
  readonly creates: readonly string[]
  readonly deviceScoped: boolean
}

/**
 * Stores a payload in the version of today, at the same place and under the same id (Q14). Missed unless the
 * operation is pending there in the version `from`.
 */
export interface UpgradeChange extends Member {
  readonly change: 'upgrade'
  readonly lane: LaneId
  readonly from: number
  readonly version: number
  readonly payload: string
}

/** Removes operations the server has taken, and what is known of their envelope. */
export interface CompleteChange {
  readonly change: 'complete'
  readonly lane: LaneId
  readonly members: readonly Member[]
  readonly at?: Instant
  /** The records they created, and what the server calls them (Q12). */
  readonly made?: readonly { readonly local: string; readonly remote: string }[]
  /** Stored directly behind them, in order (Q13); answered as `affected`. */
  readonly followUps?: readonly FollowUp[]
  /** Reading positions of the owner (R1, R2). */
  readonly positions?: readonly PositionRow[]
  /** Are their ids retained, so that somebody can ask? Default: false. */
  readonly retain?: boolean
  /** What came of them, as JSON text (Q23): of an operation with a result the id is always retained. Default: none. */
  readonly results?: readonly { readonly id: OperationId; readonly result: string }[]
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
  /** Only up to this place. Default: all. */
  readonly through?: number
  /** Only those that are marked as superseded (I8). Default: all. */
  readonly superseded?: true
  readonly reason: DropReason
  readonly at: Instant
}

/**
 * Marks all that a user has pending: whoever dispatches is to drop it, but for what the server takes before
 * (I7). The mark lasts until nothing of theirs is pending, or (`discarding: false`) it is taken back. Never missed.
 */
interface DiscardLaneChange {
  readonly change: 'discardLane'
  readonly user: UserId
  readonly discarding: boolean
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
  /** With a reason where a member has one of its own. */
  readonly members: readonly (Member & { readonly reason?: DeadReason })[]
  readonly reason: DeadReason
  readonly status: number | null
  readonly excerpt: string | null
  readonly at: Instant
  readonly attempts: number
  readonly envelopeKey: string | null
  /** Since when the outcome is unknown, if it is. */
  readonly unknownSince?: Instant | null
  /** The records whose creations failed, where that is why they are dead (Q12). */
  readonly dependsOn?: readonly string[]
}

/**
 * Puts a dead letter (with its whole envelope, if its outcome is unknown) back at its place (Q9). What
 * lies behind it may be moved back to make room, so places known of there are out of date.
 */
export interface ReviveChange {
  readonly change: 'revive'
  readonly id: OperationId
  /** Never at or before these places: envelopes up to there have been sent. */
  readonly behind: readonly { readonly lane: LaneId; readonly place: number }[]
  /** When; an outcome that was given up as unknown is unknown anew from here. */
  readonly at?: Instant
  /** Takes the place of its payload (Q9). Missed while its outcome is unknown. Default: the payload stays. */
  readonly replacement?: Replacement
}

/** A payload that the app has given instead of the stored one, and what its kind says of it. */
export interface Replacement {
  readonly payload: string
  readonly version: number
  /** The records that the operation creates now (Q12). */
  readonly creates: readonly string[]
}

/** Removes a dead letter, or a pending operation, with its whole envelope if its outcome is unknown (Q9). */
export interface DiscardChange {
  readonly change: 'discard'
  readonly id: OperationId
  readonly at: Instant
}

/** Gives what the anonymous identity has pending to a user, behind what that user has (I3). */
export interface AdoptChange {
  readonly change: 'adopt'
  readonly user: UserId
  /** Places of the anonymous lane that stay: they are in flight. */
  readonly except: readonly number[]
}

/** Drops the device-scoped operations of every other user (I8). */
export interface SupersedeChange {
  readonly change: 'supersede'
  /** Who logged in. */
  readonly user: UserId
  /**
   * Operations in flight, which are left until their outcome is known, and marked: they are not sent again.
   * `all`: only whoever dispatches knows which these are, and drops the others.
   */
  readonly except: readonly OperationId[] | 'all'
  readonly at: Instant
}

/** Erases all that is stored of a user (I12). */
export interface ForgetChange {
  readonly change: 'forget'
  readonly user: UserId
  readonly at: Instant
}

/** Records what is known of an envelope. Missed unless its first member is pending. */
interface EnvelopeChange {
  readonly change: 'envelope'
  readonly envelope: EnvelopeRow
}

/** Dissolves a rejected envelope: operations up to this place are sent one by one (Q4). */
interface SoloChange {
  readonly change: 'solo'
  readonly lane: LaneId
  readonly place: number
  readonly through: number
}

/**
 * The process that dispatches closes, and says what it leaves behind: the lanes whose head it, or one
 * before it, may have sent (Q10). Never missed.
 */
interface LeaveBehindChange {
  readonly change: 'leaveBehind'
  readonly lanes: readonly LaneId[]
}

/** A process begins to dispatch, and is told once what the last one left behind. Missed if that said nothing. */
interface TakeUpChange {
  readonly change: 'takeUp'
}

/** A deadline that covers all lanes of an origin; null lifts it. */
export interface DeadlineChange {
  readonly change: 'deadline'
  readonly origin: string
  readonly until: Instant | null
  readonly waitMs: number
}

/**
 * Gives the database to another origin, and erases the tokens that were stored for the former one (E6). Missed unless the
 * database belongs to `former`.
 */
export interface OriginChange {
  readonly change: 'origin'
  readonly former: string
  readonly origin: string
}

interface IdentityChange {
  readonly change: 'identity'
  readonly user: UserId | null
}

interface RequirementChange {
  readonly change: 'requirement'
  readonly requirement: Requirement
}

/** A new generation of a user's token. Missed unless the stored one is `expected`. */
export interface TokenChange {
  readonly change: 'token'
  readonly user: UserId
  readonly expected: number
  /** Missed too unless this is the stored epoch: a session that has ended is not resurrected (T11). Default: any. */
  readonly epoch?: number
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
  /** Missed unless this is the stored epoch: another process has ended that session. Default: any. */
  readonly epoch?: number
}

export type Change =
  | EnqueueChange
  | UpgradeChange
  | CompleteChange
  | DropChange
  | PurgeChange
  | DiscardLaneChange
  | CancelChange
  | BuryChange
  | ReviveChange
  | DiscardChange
  | AdoptChange
  | SupersedeChange
  | ForgetChange
  | EnvelopeChange
  | SoloChange
  | LeaveBehindChange
  | TakeUpChange
  | DeadlineChange
  | OriginChange
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

/** Operations of a lane moved back, to make room: those behind this place, by so much. */
export interface Shift {
  readonly lane: LaneId
  readonly after: number
  readonly by: number
}

export type Answer =
  | {
      readonly applied: true
      /** The operations it concerns, where the caller cannot know them. */
      readonly affected: readonly Affected[]
      /** After an `enqueue`: nothing else of that lane is pending. */
      readonly isFirst?: true
      /** Where the operations were: among the pending, or among the dead letters. */
      readonly from?: 'pending' | 'dead'
      /** After a `revive` or an `adopt`: what is known now of the envelopes of these lanes, if there are any. */
      readonly envelopes?: readonly EnvelopeRow[]
      /** What moved to make room, in the order it did, if anything did. */
      readonly shifts?: readonly Shift[]
      /** After a `takeUp`. */
      readonly leftBehind?: readonly LaneId[]
    }
  | {
      readonly applied: false
      /** Of a change that stands for itself: why it could not be stored. Left out: it missed. */
      readonly failed?: StorageErrorCode
      /** After a `token` that missed: what is stored of this user; 0 and 0: nothing. */
      readonly stored?: { readonly generation: number; readonly epoch: number }
    }
