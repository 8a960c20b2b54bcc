/** Random draws, each of them on the record. */
import { appCodeFailed, atOnce } from '../app-code.ts'
import { plain } from './boundary/boundary.ts'
import type { Context } from './context.ts'
import { backoffMs, type Series, waitOf } from './backoff.ts'

type Draws = Pick<Context, 'boundary' | 'ports' | 'report' | 'settings'>

/** For a wait with full jitter; not drawn where there is none. */
export function jitter({ boundary, ports, report, settings }: Draws): number {
  if (!settings.backoff.jitter) return 1
  try {
    return boundary.pull('random', plain<number>(), () => atOnce(ports.random.fraction()))
  } catch (error) {
    report('error', { error: appCodeFailed('fraction() of the option random', error) })
    // The whole wait: without one the lane would never go on.
    return 1
  }
}

/** For the random part that is added to a wait which a server asks for (Q7); none without jitter. */
export function askedFraction(draws: Draws): number {
  return draws.settings.backoff.jitter ? jitter(draws) : 0
}

/** The n-th wait of a series of the engine, with full jitter where the option `backoff` has it. */
export function jitteredMs(draws: Draws, n: number, series: Series): number {
  const fraction = jitter(draws)
  const waitMs = waitOf(series, n)
  return draws.settings.backoff.jitter ? Math.round(waitMs * fraction) : waitMs
}

/** The n-th wait of the option `backoff` (Q7). */
export function drawnBackoffMs(draws: Draws, n: number): number {
  return backoffMs(n, jitter(draws), draws.settings.backoff)
}

export function nonce({ boundary, ports }: Pick<Context, 'boundary' | 'ports'>): string {
  return boundary.pull('nonce', plain<string>(), () => atOnce(ports.random.nonce()))
}
