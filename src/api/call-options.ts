/** What the calls of a Holdfast engine take beside their subject, and what some of them answer. */
import type { ReadRequestInput } from '../engine/reads/read.ts'
import type { LaneStatus } from '../engine/status.ts'
import type { RequestSpec } from '../operations/define-operation.ts'

export interface LoginOptions {
  /** The user's token; left out: it is asked for when there is something to send. */
  readonly token?: string
}

export interface LogoutOptions {
  /**
   * What becomes of the user's operations (I7): `keep` sends them later under that user's token,
   * `flush` tries to send them first, `discard` drops them. Default: `keep`.
   */
  readonly pending?: 'keep' | 'flush' | 'discard'
  /** How long `flush` may take, in milliseconds. Default: 5000. */
  readonly deadlineMs?: number
}

export interface DeadlineOptions {
  /** In milliseconds. Default: 5000. */
  readonly deadlineMs?: number
}

export interface ReadOptions {
  /** Makes the request, at the moment of sending. `position`: what it must name to see what was written. */
  readonly request: (input: ReadRequestInput) => RequestSpec
  /** The ids of the operations to wait for. Default: all that the owner has pending. */
  readonly after?: readonly string[]
  /** Which reading positions it uses (R2). Default: those without a key. */
  readonly key?: string
  /**
   * The body of a 2xx, as in `defineOperation()` (Q6). `json`: any other body rejects. `any`: an HTML page is an answer
   * too. Left out: only an HTML page rejects, because it is a captive portal's.
   */
  readonly reply?: 'json' | 'any'
}

/** What is still pending, and why. */
export interface FlushResult {
  readonly pending: number
  readonly lanes: readonly LaneStatus[]
}
