/**
 * The clock and the randomness that an app gives, with answers that storage can hold (Q21). A storage takes
 * whole milliseconds only, and a nonce becomes part of an id and of the header `Idempotency-Key`.
 */
import { atOnce } from '../app-code.ts'
import type { Clock } from '../ports/clock.ts'
import { type Random, systemRandom } from '../ports/random.ts'

/** A clock whose answer is no time stands still. */
export function checkedClock(clock: Clock): Clock {
  return {
    wall: lastGood(() => Math.floor(atOnce(clock.wall()))),
    monotonic: lastGood(() => clock.monotonic()),
    after: (delayMs, run) => clock.after(delayMs, run),
    atTurnEnd: (run) => clock.atTurnEnd(run),
    // What does not tell is not asked, and what is no time is not used.
    ...(typeof clock.uptime === 'function' && { uptime: () => clock.uptime?.() ?? Number.NaN }),
  }
}

/** The last answer that was a time. */
function lastGood(read: () => number): () => number {
  let last = 0
  return () => {
    const now: unknown = atOnce(read())
    if (typeof now === 'number' && Math.abs(now) <= Number.MAX_SAFE_INTEGER) last = now
    return last
  }
}

const HEADER_SAFE = /^[\x21-\x7e]+$/

export function checkedRandom(random: Random): Random {
  const own = systemRandom()
  return {
    fraction: () => {
      const drawn: unknown = atOnce(random.fraction())
      return typeof drawn === 'number' && drawn >= 0 && drawn < 1 ? drawn : own.fraction()
    },
    nonce: () => {
      const drawn: unknown = atOnce(random.nonce())
      return typeof drawn === 'string' && HEADER_SAFE.test(drawn) ? drawn : own.nonce()
    },
  }
}
