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
  /**
   * Aborted when the time for the reply is over (the reason is a `TimeoutError` then), or the engine closes. The
   * transport should settle at once then: with the cut reply, if it has a status, or with the error that is true.
   */
  readonly signal: AbortSignal
}

export interface Reply {
  readonly status: number
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** True if this is only the beginning of the body, or the headers are not whole: the status decides (Q6). Default: false. */
  readonly isCut?: boolean
}

/**
 * Sends one request, once. Resolves with any reply of the server whose status has arrived, also if the rest of it could
 * not be read (`isCut`). Rejects with `NotSentError` if no byte of the request has left; with any other error if there
 * was no reply (Q6).
 */
export interface Transport {
  /** Scheme, host and port: deadlines that a server sets hold for all of it. */
  readonly origin: string
  send(request: OutgoingRequest, options: SendOptions): Promise<Reply>
  /**
   * The machine was asleep, or the network was gone: connections that are open and idle may be dead. Called before the next
   * `send()`, which should go over a new connection. Requests in flight are left alone: they end by themselves. It must
   * return at once. Left out: the transport keeps no connection open, or looks after that itself.
   */
  renewConnections?(): void
}
