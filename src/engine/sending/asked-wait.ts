/** The wait that a server asks for with `Retry-After` (Q7). Pure. */

/** The maximum random part. More than a minute spreads many clients no better, and only makes them late. */
const MOST_RANDOM_MS = 60_000

/**
 * Adds the random part, so that many clients that were told the same moment do not return together. `fraction`: at
 * least 0, less than 1.
 */
export function withRandomPart(askedMs: number, fraction: number): number {
  return askedMs + Math.round(Math.min(askedMs, MOST_RANDOM_MS) * fraction)
}
