/**
 * Time. Nothing else in Holdfast reads a clock or arms a timer, so that a run can be repeated: a test
 * enforces it.
 */
import type { Instant } from '../model.ts'

/** An armed timer. */
export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Wall-clock time, in milliseconds since 1970. It may jump. */
  wall(): Instant
  /** Milliseconds since some moment. It never jumps. */
  monotonic(): number
  /** Calls `run` once, after so many milliseconds of monotonic time; any length is fine. */
  after(delayMs: number, run: () => void): Timer
  /** Calls `run` once, at the end of this turn of the event loop. */
  atTurnEnd(run: () => void): void
}

/** Node fires a longer timer at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** The clock of the machine. */
export const systemClock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, run) => {
    let handle: NodeJS.Timeout
    const arm = (leftMs: number) => {
      const partMs = Math.min(leftMs, LONGEST_TIMER_MS)
      handle = setTimeout(() => (leftMs > partMs ? arm(leftMs - partMs) : run()), partMs)
    }
    arm(Math.max(0, delayMs))
    return { cancel: () => clearTimeout(handle) }
  },
  atTurnEnd: (run) => {
    setImmediate(run)
  },
}
