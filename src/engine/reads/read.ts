/**
 * A read: a request whose answer must reflect the writes made before it (R). It stands outside lanes
 * and slots, and ends with the process. It goes through these phases:
 *
 * - `storing`: operations that the app was enqueueing at the call are not stored yet.
 * - `settling`: the writes that the read must see, or the creations of the records that it needs, have not all settled
 *   (R1, Q12).
 * - `delaying`: these writes have settled; the server asked for a delay before they can be seen.
 * - `parked`: the read cannot be sent now: there is no usable token, or the requirement is unknown (R3).
 * - `fetching`: its request is in flight.
 * - `deferred`: its token was refused; it is sent again with a newer generation (R3).
 */
import type { HoldfastError } from '../../errors.ts'
import type { OperationId, UserId } from '../../model.ts'
import type {
  DeclaredReply,
  RecordLookups,
  RequestSpec,
} from '../../operations/define-operation.ts'
import type { RecordLookup } from '../../operations/record-lookups.ts'
import type { ReadInterpret } from '../../operations/read-interpretation.ts'
import type { NeededRecords } from '../../operations/record-use.ts'
import type { Reply } from '../../ports/transport.ts'
import type { TokenFacts } from '../tokens/token.ts'
import type { Codec, Settle } from '../boundary/boundary.ts'
import type { Barrier } from '../lanes/lane.ts'
import type { Credential } from '../sending/attempt.ts'

export interface ReadRequestInput extends RecordLookups {
  readonly owner: { readonly user: UserId | null }
  /** The reading position that the request must name to see the writes; null: there is none. */
  readonly position: string | null
}

export interface ReadArgs {
  /** The operations to wait for; null: all operations of the owner's lane. */
  readonly after: readonly OperationId[] | null
  readonly key: string
  readonly reply: DeclaredReply
  /** The records that its request names (Q12); null: none. */
  readonly needs: NeededRecords | null
  /** How long the read may take from its call, in milliseconds; null: as long as its waits do (R5). */
  readonly deadlineMs: number | null
  /** True if code of the app judges its reply (R5). */
  readonly interprets: boolean
  /** The app's code; a replay has none. */
  readonly request: ((input: ReadRequestInput) => RequestSpec) | null
  /** The same. Null: there is none, or it is not there. */
  readonly interpret: ReadInterpret | null
}

const NO_OPTIONS = { needs: null, deadlineMs: null, interprets: false }
const NO_CODE = { request: null, interpret: null }

/** A journal has nothing of the app's code. It has an option only if the read has that option. */
export const readCodec: Codec<ReadArgs> = {
  write: ({ after, key, reply, needs, deadlineMs, interprets }) => ({
    after,
    key,
    reply,
    ...(needs === null ? {} : { needs }),
    ...(deadlineMs === null ? {} : { deadlineMs }),
    ...(interprets ? { interprets } : {}),
  }),
  read: (json) => ({ ...NO_OPTIONS, ...(json as unknown as WrittenArgs), ...NO_CODE }),
}

/** The arguments of a read as a journal has them. */
export type WrittenArgs = Pick<ReadArgs, 'after' | 'key' | 'reply'> & Partial<ReadArgs>

type Phase = 'storing' | 'settling' | 'delaying' | 'parked' | 'fetching' | 'deferred'

/** The request of a read. */
export interface Sending {
  /** The number of the question. */
  ask: number
  readonly credential: Credential | null
  /** True if the time for the reply is over, though the reply may still come. */
  isLate: boolean
  isOver: boolean
}

/** A read in the summary of a journal. */
export interface SavedRead {
  readonly call: number
  readonly id: OperationId
  readonly user: UserId | null
  readonly args: WrittenArgs
  readonly awaited: readonly OperationId[]
  /** `isWatched`: true if the lane has the barrier. */
  readonly barrier: { readonly through: number; readonly isWatched: boolean } | null
  readonly phase: Phase
  readonly waitedFor: string | null
  readonly isLastTry: boolean
  readonly wasRefused: boolean
  readonly refused: number | null
  readonly isDoubted?: true
  readonly isSourceOwed?: true
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
  /** The last place that the lane held at the call; null: the read does not wait for the lane. */
  barrier: Barrier | null
  phase: Phase
  /** The records that it needs, as they were when storage was last asked. */
  lookup: RecordLookup
  /** The position whose delay is over. */
  waitedFor: string | null
  /** True after 425, 429 or an outcome `retry`: the read has one more try, without the position (R5). */
  isLastTry: boolean
  firstRefusal: HoldfastError | null
  /** The generation that was refused last; null: none was, or the read was unsigned. */
  refused: number | null
  /** True if `interpret` has judged a reply that was no 401 as a refused token: a second refusal ends the read (R3). */
  isDoubted: boolean
  /** True if the token source is still to be asked for a newer token. */
  isSourceOwed: boolean
  abort: AbortController
  /** The last request of the read; null: it has had no request. */
  sending: Sending | null
}

/** The reads that have not ended. Each part does its own work on a read, and hands the read back here. */
export interface ReadBook {
  has(read: Read): boolean
  /** All waits of the read are over: it may be sent, with this position. */
  ready(read: Read, position: string | null): void
  /** The read begins anew after the wait for its writes: with the newest position and the state of that moment. */
  look(read: Read): void
  /** Does the same as `look()`, after this delay. */
  lookLater(read: Read, delayMs: number): void
  /** Each read that waits for a token checks whether there is one. */
  retryParked(): void
  complete(read: Read, reply: Reply): void
  fail(read: Read, error: Error): void
}
