/** The options of the calls of a Holdfast engine, and the results of some calls. */
import type { AttemptSummary } from '../engine/lifecycle/send-nows.ts'
import type { ReadRequestInput } from '../engine/reads/read.ts'
import type { LaneStatus } from '../engine/status.ts'
import type { RecordNeeds, RequestSpec } from '../operations/define-operation.ts'
import type { ReadInterpret } from '../operations/read-interpretation.ts'

export interface LoginOptions {
  /** The user's token. Left out: the engine asks for it when there is an operation to send. */
  readonly token?: string
}

export interface LogoutOptions {
  /**
   * The treatment of the user's operations that have not been sent (I7): `keep` sends them later under that user's
   * token, `flush` tries to send them first, `discard` drops them. Default: `keep`.
   */
  readonly unsent?: 'keep' | 'flush' | 'discard'
  /** How long `flush` may take, in milliseconds. Default: 5000. */
  readonly deadlineMs?: number
}

export interface DeadlineOptions {
  /** In milliseconds. Default: 5000. */
  readonly deadlineMs?: number
}

export interface RetryOptions {
  /**
   * Takes the place of the payload (Q9). The schema checks it, `creates` and `needs` are called again, and the operation
   * gets a new idempotency key. Default: the payload stays.
   */
  readonly payload?: unknown
}

export interface SendNowOptions {
  /** Only the operations of this user; null: of the anonymous identity. Default: of every owner. */
  readonly user?: string | null
  /** How long to wait for what the attempts come to, in milliseconds. Default: 5000. */
  readonly deadlineMs?: number
}

export interface ReadOptions {
  /** Makes the request, at the moment of sending. `position`: the reading position to name, to see the writes. */
  readonly request: (input: ReadRequestInput) => RequestSpec
  /** The ids of the operations to wait for. Default: all pending operations of the owner. */
  readonly after?: readonly string[]
  /** The key of the reading positions that the read uses (R2). Default: the positions without a key. */
  readonly key?: string
  /**
   * The records that the request names, by local id (Q12). The read waits for the creations of these records that are
   * pending, and rejects if the creation of a required record failed. Default: none.
   */
  readonly needs?: RecordNeeds
  /**
   * The body of a 2xx, as in `defineOperation()` (Q6). `json`: any other body rejects. `any`: an HTML page is an answer
   * too. Left out: only an HTML page rejects, because it is a captive portal's.
   */
  readonly reply?: 'json' | 'any'
  /**
   * How long the read may take from this call to its answer, in milliseconds of the monotonic clock. Then it rejects with
   * `READ_FAILED`, whatever it waits for, and its request in flight is aborted (R5). Default: no deadline.
   */
  readonly deadlineMs?: number
  /**
   * Judges each reply of the server, in place of the rules of reads (R5). It must be pure. `interpretReply` may judge the
   * replies that it leaves. It is not asked about the reply of a captive portal.
   *
   * - `accepted`: the read resolves with the reply, whatever its status and body.
   * - `retry`: the read waits for `Retry-After` (without the header: 1 s), then makes one last try without the position.
   * - `refused-token`: the read is sent again with a newer token. Only a 401 marks the token as refused and parks the
   *   lanes of the user. After any other status, nothing but the read waits, the token source is asked once, and a second
   *   refusal rejects with `AUTH_REFRESH_FAILED` (R3).
   * - `rejected`: the read rejects with `READ_FAILED`.
   *
   * If it throws, or answers anything else, the read rejects with `APP_CODE_FAILED`.
   */
  readonly interpret?: ReadInterpret
}

/** What `sendNow()` has started, and what is left of it. */
export interface SendNowResult extends FlushResult {
  /** The attempts that have ended, in the order of their ends. */
  readonly attempts: readonly AttemptSummary[]
}

/** The number of operations that are still pending, and the lanes, which say why. */
export interface FlushResult {
  readonly pending: number
  readonly lanes: readonly LaneStatus[]
}
