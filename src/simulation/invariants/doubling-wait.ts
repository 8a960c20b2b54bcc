/** A wait that doubles with each failure in a row, without its random part. */

interface Series {
  readonly base: number
  readonly cap: number
}

/** The wait after the nth failure, counted from 1, in milliseconds. */
export function doublingWait({ base, cap }: Series, n: number): number {
  return Math.min(cap, base * 2 ** (n - 1))
}

/** The waits after refused tokens (T8). */
export const AFTER_REFUSED_TOKENS: Series = { base: 30_000, cap: 900_000 }
