/** Where fresh tokens come from, if the app lets Holdfast ask (T6). */
import type { TokenNeedReason } from '../model.ts'

export interface TokenRequest {
  readonly user: string
  readonly reason: TokenNeedReason
  /** Aborted when the session of the user ends, at `close()`, and without an answer for 60 s. */
  readonly signal: AbortSignal
}

/**
 * Answers with a token; or with `null`, or throws {@link TokenDeniedError}, where only the user can
 * help; or throws anything else where none is to be had just now. An answer is used, also a late one, unless a newer
 * token has come since the call began (T6).
 */
export type TokenSource = (request: TokenRequest) => string | null | Promise<string | null>
