/**
 * Time. Nothing else in Holdfast reads a clock or arms a timer, so that a run can be repeated: a test
 * enforces it.
 */
// The global of this name is a getter, which takes longer than the clock itself.
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
  after: inParts((delayMs, run) => {
    const handle = setTimeout(run, delayMs)
    return { cancel: () => clearTimeout(handle) }
  }),
  atTurnEnd: (run) => {
    setImmediate(run)
  },
}
