/**
 * A read: a request whose answer must reflect the writes made before it (R). It stands outside lanes
 * and slots, and ends with the process. It goes through these phases:
 *
 * - `storing`: what its owner was enqueueing at the call is not stored yet.
 * - `settling`: the writes it is to see have not all settled (R1).
 * - `delaying`: they have; the server asked to wait before what they wrote can be seen.
 * - `parked`: it cannot be sent now: no usable token, or nobody knows what the server demands (R3).
 * - `fetching`: its request is in flight.
 * - `deferred`: it was answered 401; it is sent again with a newer generation (R3).
 */
import type { HoldfastError } from '../../errors.ts'
import type { OperationId, UserId } from '../../model.ts'
import type { DeclaredReply, RequestSpec } from '../../operations/define-operation.ts'
import type { Reply } from '../../ports/transport.ts'
import type { TokenFacts } from '../tokens/token.ts'
import type { Codec, Settle } from '../boundary/boundary.ts'
import type { Barrier } from '../lanes/lane.ts'
import type { Credential } from '../sending/attempt.ts'

export interface ReadRequestInput {
  readonly owner: { readonly user: UserId | null }
  /** What the request must name to see what was written; null: nothing. */
  readonly position: string | null
}

export interface ReadArgs {
  /** The operations to wait for; null: all of the owner's lane. */
  readonly after: readonly OperationId[] | null
  readonly key: string
  readonly reply: DeclaredReply
  /** The app's code; a replay has none. */
  readonly request: ((input: ReadRequestInput) => RequestSpec) | null
}

/** Of the app's code a journal knows nothing. */
export const readCodec: Codec<ReadArgs> = {
  write: ({ after, key, reply }) => ({ after, key, reply }),
  read: (json) => ({ ...(json as unknown as Omit<ReadArgs, 'request'>), request: null }),
}

type Phase = 'storing' | 'settling' | 'delaying' | 'parked' | 'fetching' | 'deferred'

/** The request of a read. */
export interface Sending {
  /** The number of the question. */
  ask: number
  readonly credential: Credential | null
  /** True if nobody waits for the reply any more, though it may still come. */
  isLate: boolean
  isOver: boolean
}

/** A read as a journal's summary has it. */
export interface SavedRead {
  readonly call: number
  readonly id: OperationId
  readonly user: UserId | null
  readonly args: Omit<ReadArgs, 'request'>
  readonly awaited: readonly OperationId[]
  /** `isWatched`: the lane knows of it. */
  readonly barrier: { readonly through: number; readonly isWatched: boolean } | null
  readonly phase: Phase
  readonly waitedFor: string | null
  readonly isLastTry: boolean
  readonly wasRefused: boolean
  readonly refused: number | null
  readonly sending: {
    readonly ask: number
    readonly credential: { readonly token: TokenFacts; readonly generation: number } | null
  } | null
}

export interface Read extends ReadArgs {
  readonly id: OperationId
  readonly user: UserId | null
  readonly settle: Settle<Reply>
  /** Operations that have not settled yet. */
  readonly awaited: Set<OperationId>
  /** The end of what the lane held at the call; null: that is not awaited. */
  barrier: Barrier | null
  phase: Phase
  /** The position whose delay is over. */
  waitedFor: string | null
  /** After 425 or 429: one more try, without the position (R5). */
  isLastTry: boolean
  firstRefusal: HoldfastError | null
  /** The generation that was refused last. */
  refused: number | null
  abort: AbortController
  /** Its last request; null: it has had none. */
  sending: Sending | null
}

/** The reads that have not ended. Each part does its own with a read, and hands it back here. */
export interface ReadBook {
  has(read: Read): boolean
  /** All that it waited for is there: it may be sent, with this position. */
  ready(read: Read, position: string | null): void
  /** It begins anew, behind its writes: with the newest position, and as things are by then. */
  look(read: Read): void
  /** The same after this long. */
  lookLater(read: Read, delayMs: number): void
  /** Whoever waits for a token looks whether there is one. */
  retryParked(): void
  complete(read: Read, reply: Reply): void
  fail(read: Read, error: Error): void
}
