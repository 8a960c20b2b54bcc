/** The text of a token, wherever it enters: from the app, the token source or the vault (T2). */

/** A header can carry more, but no token has any of it. */
const VISIBLE_ASCII = /^[\x21-\x7e]+$/

/** The token without the white space around it; null: no request can carry this as a token. */
export function tokenTextOf(value: unknown): string | null {
  if (typeof value !== 'string') return null
  const text = value.trim()
  return VISIBLE_ASCII.test(text) ? text : null
}
