/** One sending of an envelope, from the choice of its members to the commit of what it came to. */
import type { OperationRow } from '../../../storage/rows.ts'
import type { Instant } from '../../model.ts'
import type { Token } from '../tokens/token.ts'

/** The token a send captured, with its generation: the reply is judged against it (T3). */
export interface Credential {
  readonly token: Token
  readonly generation: number
}

export interface Attempt {
  readonly members: readonly OperationRow[]
  /** Its idempotency key. */
  readonly key: string
  /** Null: it goes unsigned. */
  readonly credential: Credential | null
  readonly sentAt: Instant
  /** Ends the waiting for its reply. */
  readonly abort: AbortController
  /** The number of the question that its reply answers. */
  ask: number
  /** Has its end been heard of, though not all that follows from it has been done? */
  isAnswered: boolean
  /** True if the time for its reply is over. */
  isLate: boolean
}
