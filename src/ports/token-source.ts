/** Where fresh tokens come from, if the app lets Holdfast ask (T6). */
import type { TokenNeedReason } from '../model.ts'

export interface TokenRequest {
  readonly user: string
  readonly reason: TokenNeedReason
  /** Aborted when the session ends or the engine closes. */
  readonly signal: AbortSignal
}

/**
 * Answers with a token; or with `null`, or throws {@link TokenDeniedError}, where only the user can
 * help; or throws anything else where none is to be had just now.
 */
export type TokenSource = (request: TokenRequest) => string | null | Promise<string | null>
