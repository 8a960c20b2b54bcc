/** Names and codes of errors, which anybody may have given them: only a plain word leaves the engine (E6). */

/** No digits: a word of letters alone is long before it is a secret. */
const PLAIN = /^[A-Za-z_]{1,64}$/

/** The word; null: the value is no plain word. */
export function plainWord(value: unknown): string | null {
  return typeof value === 'string' && PLAIN.test(value) ? value : null
}

/** The name of an error, or `Error`. */
export function plainName(name: unknown): string {
  return plainWord(name) ?? 'Error'
}
