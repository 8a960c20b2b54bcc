/** Random draws, each of them on the record. */
import { appCodeFailed, atOnce } from '../../app-code.ts'
import { plain } from './boundary.ts'
import type { Core } from '../core.ts'
import { backoffMs } from '../sending/judge.ts'

type Draws = Pick<Core, 'boundary' | 'ports' | 'report' | 'settings'>

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

/** The n-th wait of a doubling series, with full jitter where waits are jittered at all. */
export function jitteredMs(
  draws: Draws,
  n: number,
  { base, cap }: { readonly base: number; readonly cap: number },
): number {
  const { jitter: isJittered } = draws.settings.backoff
  return backoffMs(n, jitter(draws), { base, cap, jitter: isJittered })
}

export function nonce({ boundary, ports }: Pick<Core, 'boundary' | 'ports'>): string {
  return boundary.pull('nonce', plain<string>(), () => atOnce(ports.random.nonce()))
}
