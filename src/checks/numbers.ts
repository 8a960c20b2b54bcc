/**
 * Numbers that come from outside (Q21). Storage has whole milliseconds, and every instant must be one that a
 * `Date` can have. A call with any other number is refused; a number in a reply is cut.
 */
import type { Instant } from '../model.ts'
import { show } from './show.ts'

/** The last instant of a `Date`, in epoch milliseconds. It is a safe integer. */
const LAST_INSTANT = 8_640_000_000_000_000

/**
 * The longest duration, about 253,000 years. It leaves room for the present: an instant until the year 22,000 and
 * this duration make an instant again.
 */
export const LONGEST_MS = 8_000_000_000_000_000

/** The instant so long after another, rounded up to a whole one; never later than the last. */
export function instantAfter(instant: Instant, durationMs: number): Instant {
  return Math.min(LAST_INSTANT, instant + Math.ceil(durationMs))
}

/** True if the value is a number of milliseconds of more than 0, of any size. */
export function isPositive(value: unknown): value is number {
  return typeof value === 'number' && value > 0
}

/** A duration, cut to the longest one: `Infinity` means "never", and that is as long. */
export function cutMs(durationMs: number, longestMs: number = LONGEST_MS): number {
  return Math.min(durationMs, longestMs)
}

/**
 * How long something lasts that is stored.
 *
 * @throws TypeError unless the value is a number of more than 0; RangeError if it is longer than storage can hold.
 */
export function lifetimeOf(what: string, value: unknown): number {
  if (!isPositive(value)) {
    throw new TypeError(`${what} must be a number of milliseconds, more than 0, not ${show(value)}`)
  }
  if (value <= LONGEST_MS) return value
  throw new RangeError(`${what} must be at most ${LONGEST_MS} milliseconds, not ${show(value)}`)
}

/**
 * How long a call waits at most. `Infinity` is cut.
 *
 * @throws TypeError unless the value is a number of 0 or more.
 */
export function deadlineOf(what: string, value: unknown): number {
  if (typeof value === 'number' && value >= 0) return cutMs(value)
  throw new TypeError(`${what} must be 0 or more milliseconds, not ${show(value)}`)
}

/** @throws RangeError unless the value is a whole number from `least` to `most`. */
export function wholeNumberOf(
  what: string,
  value: unknown,
  least: number,
  most: number = Number.MAX_SAFE_INTEGER,
): number {
  const isWhole = Number.isSafeInteger(value)
  if (isWhole && (value as number) >= least && (value as number) <= most) return value as number
  const range = most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`
  throw new RangeError(`${what} must be a whole number ${range}, not ${show(value)}`)
}

/**
 * A number that decides something.
 *
 * @throws TypeError unless the value is a number; RangeError if it is less than `least`.
 */
export function numberOf(what: string, value: unknown, least: number): number {
  if (typeof value !== 'number' || Number.isNaN(value)) {
    throw new TypeError(`${what} must be a number, not ${show(value)}`)
  }
  if (value >= least) return value
  throw new RangeError(`${what} must be at least ${least}, not ${show(value)}`)
}
