/** A wait that doubles with each failure in a row, without its random part. */

interface Series {
  readonly baseMs: number
  readonly capMs: number
}

/** The wait after the nth failure, counted from 1, in milliseconds. */
export function doublingWait({ baseMs, capMs }: Series, n: number): number {
  return Math.min(capMs, baseMs * 2 ** (n - 1))
}

/** The waits after refused tokens (T8). */
export const AFTER_REFUSED_TOKENS: Series = { baseMs: 30_000, capMs: 900_000 }
