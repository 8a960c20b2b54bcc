/** What the app hears, each after the commit that made it true. */
import type { HoldName } from '../machines/holds.ts'
import type { SalvageReport } from '../storage/storage.ts'
import type { HoldfastError } from './errors.ts'
import type { Failure } from './failure.ts'
import type {
  DeadReason,
  DropReason,
  Instant,
  OperationId,
  Requirement,
  TokenNeedReason,
  UserId,
} from './model.ts'

interface OperationDetail {
  readonly id: OperationId
  /** Its owner; null: the anonymous identity. */
  readonly user: UserId | null
  readonly kind: string
}

interface LaneDetail {
  readonly user: UserId | null
  readonly hold: HoldName
}

export interface HoldfastEvents {
  'operation.enqueued': OperationDetail
  'operation.sent': OperationDetail
  /** It will be sent again, not before `retryAt`. */
  'operation.retrying': OperationDetail & {
    /** `unsent`: no byte of the request has left; `unknown`: the request may have arrived. */
    readonly outcome: 'retry' | 'unknown' | 'unsent'
    /** The status of the reply; null: there was none. */
    readonly status: number | null
    /** Why there was no reply; null: there was one. */
    readonly error: Failure | null
    readonly attempts: number
    readonly retryAt: Instant
  }
  'operation.completed': OperationDetail & {
    /** What the kind's `interpret` made of the reply (Q23). Left out: nothing. */
    readonly result?: unknown
  }
  'operation.dropped': OperationDetail & { readonly reason: DropReason }
  'operation.cancelled': OperationDetail
  'operation.dead': OperationDetail & {
    readonly reason: DeadReason
    readonly status: number | null
  }
  /**
   * This user needs a fresh token, and the app itself must act: answer with `updateToken()`. It is told to late
   * listeners too, and told again by a login, the return of the network, a wake from sleep, and work of the user (T5).
   */
  'token.needed': {
    readonly user: UserId
    readonly reason: TokenNeedReason
    /** The generation that the server refused, where it did. */
    readonly generation: number | null
  }
  'token.updated': { readonly user: UserId; readonly generation: number }
  'token.refused': { readonly user: UserId; readonly generation: number }
  'token.refreshFailed': { readonly user: UserId; readonly error: HoldfastError }
  'identity.changed': { readonly user: UserId | null; readonly former: UserId | null }
  'requirement.changed': { readonly requirement: Requirement; readonly suspected: boolean }
  'lane.held': LaneDetail & { readonly cause: string; readonly since: Instant }
  'lane.released': LaneDetail
  'queue.paused': Record<never, never>
  'queue.resumed': Record<never, never>
  /** Nothing is pending any more. */
  'queue.drained': Record<never, never>
  /** The token of the read was refused, and the read is sent again with a newer one (R3). */
  'read.deferred': { readonly id: OperationId; readonly user: UserId | null }
  'read.completed': { readonly id: OperationId; readonly user: UserId | null }
  error: {
    readonly error: HoldfastError
    /** After a damaged database was set aside: which rows were kept, and which are missing. */
    readonly salvaged?: SalvageReport
  }
}

export type EventName = keyof HoldfastEvents

/** Every event there is. */
export const EVENT_NAMES: readonly EventName[] = Object.keys({
  'operation.enqueued': true,
  'operation.sent': true,
  'operation.retrying': true,
  'operation.completed': true,
  'operation.dropped': true,
  'operation.cancelled': true,
  'operation.dead': true,
  'token.needed': true,
  'token.updated': true,
  'token.refused': true,
  'token.refreshFailed': true,
  'identity.changed': true,
  'requirement.changed': true,
  'lane.held': true,
  'lane.released': true,
  'queue.paused': true,
  'queue.resumed': true,
  'queue.drained': true,
  'read.deferred': true,
  'read.completed': true,
  error: true,
} satisfies Record<EventName, true>) as EventName[]
