/** Makes the random draws of the engine. Each draw is on the record of the boundary. */
import { appCodeFailed, atOnce } from '../app-code.ts'
import { plain } from './boundary/boundary.ts'
import type { Context } from './context.ts'
import { backoffMs, type Series } from './backoff.ts'

type Draws = Pick<Context, 'boundary' | 'ports' | 'report' | 'settings'>

/** The random factor of a wait with full jitter. Without jitter it is 1, and nothing is drawn. */
export function jitter({ boundary, ports, report, settings }: Draws): number {
  if (!settings.backoff.jitter) return 1
  try {
    return boundary.pull('random', plain<number>(), () => atOnce(ports.random.fraction()))
  } catch (error) {
    report('error', { error: appCodeFailed('fraction() of the option random', error) })
    // The whole wait is used: without a factor the lane would never go on.
    return 1
  }
}

/** The factor of the random part that is added to a wait which a server asks for (Q7). Without jitter it is 0. */
export function askedFraction(draws: Draws): number {
  return draws.settings.backoff.jitter ? jitter(draws) : 0
}

/** The n-th wait of a series, or of the option `backoff` itself, with full jitter where the option has it (Q7). */
export function jitteredMs(draws: Draws, n: number, series: Series): number {
  const { baseMs, capMs } = series
  const { jitter: isJittered } = draws.settings.backoff
  return backoffMs(n, jitter(draws), { baseMs, capMs, jitter: isJittered })
}

export function nonce({ boundary, ports }: Pick<Context, 'boundary' | 'ports'>): string {
  return boundary.pull('nonce', plain<string>(), () => atOnce(ports.random.nonce()))
}
