/**
 * Time. Nothing else in Holdfast reads a clock or arms a timer, so that a run can be repeated: a test
 * enforces it.
 */
// The global of this name is a getter, which takes longer than the clock itself.
import { uptime as bootedFor } from 'node:os'
import { performance } from 'node:perf_hooks'
import type { Instant } from '../model.ts'

/** An armed timer. */
export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Wall-clock time, in milliseconds since 1970; a fraction is cut off. It may jump. */
  wall(): Instant
  /** Milliseconds since some moment. It never jumps. */
  monotonic(): number
  /**
   * Milliseconds since some moment, the sleep of the machine included. It never jumps, and is exact to 0.1 s. Needed where
   * `monotonic()` stands still in sleep, for `expiresInMs` (Q8). Default: `monotonic()`, and each noticed wake adds what
   * the wall clock is ahead; then a sleep that nothing notices does not count.
   */
  uptime?(): number
  /** Calls `run` once, after so many milliseconds of monotonic time; any length is fine. */
  after(delayMs: number, run: () => void): Timer
  /** Calls `run` once, at the end of this turn of the event loop. */
  atTurnEnd(run: () => void): void
}

/** Node fires a longer timer at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Timers of any length, made of timers that are not too long for Node. */
export function inParts(after: Clock['after']): Clock['after'] {
  return (delayMs, run) => {
    let timer: Timer
    const arm = (leftMs: number) => {
      const partMs = Math.min(leftMs, LONGEST_TIMER_MS)
      timer = after(partMs, () => (leftMs > partMs ? arm(leftMs - partMs) : run()))
    }
    arm(Math.max(0, delayMs))
    return { cancel: () => timer.cancel() }
  }
}

/** The clock of the machine. */
export const systemClock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  // CLOCK_BOOTTIME on Linux. The monotonic clock of other systems goes on in sleep, and their uptime follows the wall clock.
  ...(process.platform === 'linux' && { uptime: () => bootedFor() * 1000 }),
  after: inParts((delayMs, run) => {
    const handle = setTimeout(run, delayMs)
    return { cancel: () => clearTimeout(handle) }
  }),
  atTurnEnd: (run) => {
    setImmediate(run)
  },
}
