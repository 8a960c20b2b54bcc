/** Computes how long a token counts as valid, and from when on the next token is asked for (T9). */
import type { Instant } from '../../model.ts'
import type { TokenFacts } from './token.ts'

/**
 * A token is about to expire when less than this time is left, or less than a tenth of its life, if that is shorter
 * (T9).
 */
const MARGIN_MS = 30_000

export interface Span {
  readonly expiresAt: Instant | null
  readonly refreshAt: Instant | null
}

/** A token that looks expired on arrival is sent all the same, and never refreshed ahead (T9). */
export function spanOf({ expiresAt, issuedAt }: TokenFacts, now: Instant): Span {
  if (expiresAt === null || expiresAt <= now) return { expiresAt: null, refreshAt: null }
  const lifeMs = Math.max(0, expiresAt - (issuedAt ?? now))
  return { expiresAt, refreshAt: expiresAt - Math.min(MARGIN_MS, Math.floor(lifeMs / 10)) }
}
