/** The way to the server: one request out, one reply back. */
import type { OperationId, UserId } from '../model.ts'

/** One request. It carries no credential: that comes beside it, so that logging a request is safe. */
export interface OutgoingRequest {
  readonly method: string
  /** From the root of the origin, with the query: `/users/alice/notes?draft=1`. */
  readonly path: string
  /** Lower-case names; with `idempotency-key`, without `authorization`. */
  readonly headers: Readonly<Record<string, string>>
  /** JSON text, or null: no body. */
  readonly body: string | null
  readonly kind: string
  readonly user: UserId | null
  /** The operations it carries, in order. */
  readonly operations: readonly OperationId[]
}

export interface SendOptions {
  /** The bearer token, or null: the request goes unsigned. */
  readonly token: string | null
  /** Aborted when nobody waits for the reply any more. */
  readonly signal: AbortSignal
}

export interface Reply {
  readonly status: number
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Is this only the beginning of it? Default: false. */
  readonly isCut?: boolean
}

/** Sends one request. Resolves with any reply the server gave; rejects where there was none. */
export interface Transport {
  /** Scheme, host and port: deadlines that a server sets hold for all of it. */
  readonly origin: string
  send(request: OutgoingRequest, options: SendOptions): Promise<Reply>
}
