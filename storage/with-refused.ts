/** The tokens of a user that the server refused last, by fingerprint, the oldest first: enough to know one again (T2). */

/** So many are remembered; one before these costs one more 401. */
const MOST_REMEMBERED = 8

export function withRefused(known: readonly string[], fingerprint: string): readonly string[] {
  return [...known.filter((other) => other !== fingerprint), fingerprint].slice(-MOST_REMEMBERED)
}
