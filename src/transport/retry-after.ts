/** Reads how long a reply asks to wait: its header `Retry-After` (Q7). Pure. */
import type { Instant } from '../model.ts'
import { parseHttpDate } from './http-date.ts'

/** Longest wait that a server may ask for, 1 h (Q7): a wrong value must not stop an app for days. */
const CAP_MS = 3_600_000

/** A number of seconds. */
const SECONDS = /^\d+(\.\d+)?$/

/**
 * The wait in milliseconds, at most 1 h; null: the reply asks for no wait that can be understood. A date is compared
 * with the reply's own `Date`; without a `Date`, with `now`, which is the time by the corrected clock (T9).
 */
export function retryAfterMs(
  headers: Readonly<Record<string, string>>,
  now: Instant,
): number | null {
  const value = headers['retry-after']?.trim() ?? ''
  const seconds = secondsAskedFor(value)
  if (seconds !== null) return seconds * 1000
  const until = parseHttpDate(value, now)
  if (until === null) return null
  const from = parseHttpDate(headers.date?.trim() ?? '', now) ?? now
  return Math.min(CAP_MS, Math.max(0, until - from))
}

/** The wait in whole seconds, a fraction rounded up, at most 1 h; null: the value is no number of seconds. */
export function secondsAskedFor(value: string): number | null {
  const text = value.trim()
  return SECONDS.test(text) ? Math.min(CAP_MS / 1000, Math.ceil(Number(text))) : null
}
