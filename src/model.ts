/**
 * The plain nouns that every part of Holdfast speaks of. This file imports nothing and holds no
 * behaviour; `machines/` and `storage/` may import its types, and only these.
 */

declare const brand: unique symbol

/** A string that is one kind of id and not another. */
type Id<Name extends string> = string & { readonly [brand]: Name }

/** Names one operation for ever; also its `Idempotency-Key` when it is sent alone. */
export type OperationId = Id<'OperationId'>

/** The app's own id of a user (`externalId` in a JWT's subject claim, say). */
export type UserId = Id<'UserId'>

/** Storage's number for a lane. 0 is the anonymous lane of this device. */
export type LaneId = number & { readonly [brand]: 'LaneId' }

/** A point in wall-clock time, in milliseconds since 1970-01-01T00:00:00Z. */
export type Instant = number

/** Who made an operation: a user, or (`user: null`) the anonymous identity of this device. */
export interface Owner {
  readonly user: UserId | null
}

/** Does the server demand identity verification? (I2) */
export type Requirement = 'unknown' | 'required' | 'off'

/** What an attempt came to (Q6). */
export type Outcome = 'accepted' | 'retry' | 'refused-token' | 'rejected' | 'unsent' | 'unknown'

/** Why a user needs a fresh token (T5). */
export type TokenNeedReason = 'missing' | 'expiring' | 'expired' | 'refused' | 'unreadable'

/** Why an operation became a dead letter. */
export type DeadReason =
  | 'rejected'
  | 'attempts-exhausted'
  | 'unreadable'
  | 'conflict'
  | 'dependency-dead'
  | 'outcome-unknown'

/** Why an operation was dropped. */
export type DropReason =
  'anonymous' | 'expired' | 'logout' | 'superseded' | 'forgotten' | 'discarded'
