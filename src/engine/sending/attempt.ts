/** One sending of an envelope, from the choice of its members to the commit of its outcome. */
import type { OperationRow } from '../../../storage/rows.ts'
import type { Instant } from '../../model.ts'
import type { Token } from '../tokens/token.ts'
import type { AttemptWatch } from './attempt-watch.ts'

/** The token a send captured, with its generation: the reply is judged against it (T3). */
export interface Credential {
  readonly token: Token
  readonly generation: number
}

export interface Attempt {
  readonly members: readonly OperationRow[]
  /** The idempotency key of the envelope. */
  readonly key: string
  /** Null: the request is unsigned. */
  readonly credential: Credential | null
  readonly sentAt: Instant
  /** Ends the wait for the reply. */
  readonly abort: AbortController
  /** Tells tracing tools and the log of it. */
  readonly watch: AttemptWatch
  /** The number of the question that its reply answers. */
  ask: number
  /** True if the end of the attempt has been heard. Its consequences may not be done yet. */
  isAnswered: boolean
  /** True if the time for its reply is over. */
  isLate: boolean
}
