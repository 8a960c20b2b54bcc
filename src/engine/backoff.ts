/**
 * Computes every wait that grows from each failure to the next: the option `backoff`, and the series of the engine
 * itself. Pure.
 */
import type { Settings } from '../options.ts'

/** A series of waits: `baseMs`, doubling up to `capMs`. */
export interface Series {
  readonly baseMs: number
  readonly capMs: number
}

/**
 * The series of the engine. Only the series that wait for code of the app have jitter, where the option `backoff` has
 * it.
 */
export const SERIES = {
  /** A change that could not be stored is stored again (Q11). */
  storing: { baseMs: 1000, capMs: 60_000 },
  /** Rows that could not be read are read again: storage tells of a commit only once (E2). */
  reading: { baseMs: 1000, capMs: 60_000 },
  /** A process that waits tries to take over (Q17). */
  takingOver: { baseMs: 30_000, capMs: 300_000 },
  /** A vault that is not available is asked again (T1). */
  vault: { baseMs: 1000, capMs: 300_000 },
  /** A token source that failed is asked again; with jitter (T6). */
  tokenSource: { baseMs: 1000, capMs: 300_000 },
  /** After two refused tokens in a row the source is asked again (T8). */
  refusedTokens: { baseMs: 30_000, capMs: 900_000 },
  /** A requirement source that failed is asked again; with jitter (I2, I10). */
  requirementSource: { baseMs: 1000, capMs: 300_000 },
} as const satisfies Readonly<Record<string, Series>>

/** The n-th wait of a series, in milliseconds; n is at least 1. */
export function waitOf({ baseMs, capMs }: Series, n: number): number {
  return Math.min(capMs, baseMs * 2 ** (n - 1))
}

/** `min(capMs, baseMs × 2^(n-1))`, in milliseconds, with full jitter where wanted (Q7). */
export function backoffMs(n: number, fraction: number, backoff: Settings['backoff']): number {
  const waitMs = waitOf(backoff, n)
  return backoff.jitter ? Math.round(waitMs * fraction) : waitMs
}
