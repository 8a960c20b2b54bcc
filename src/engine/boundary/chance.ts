/** Random draws, each of them on the record. */
import { plain } from './boundary.ts'
import type { Core } from '../core.ts'
import { backoffMs } from '../sending/judge.ts'

type Chance = Pick<Core, 'boundary' | 'ports' | 'settings'>

/** For a wait with full jitter; not drawn where there is none. */
export function jitter({ boundary, ports, settings }: Chance): number {
  if (!settings.backoff.jitter) return 1
  return boundary.pull('random', plain<number>(), () => ports.random.fraction())
}

/** The n-th wait of a doubling series, with full jitter where waits are jittered at all. */
export function jitteredMs(
  chance: Chance,
  n: number,
  { base, cap }: { readonly base: number; readonly cap: number },
): number {
  const { jitter: isJittered } = chance.settings.backoff
  return backoffMs(n, jitter(chance), { base, cap, jitter: isJittered })
}

export function nonce({ boundary, ports }: Chance): string {
  return boundary.pull('nonce', plain<string>(), () => ports.random.nonce())
}
