/** Random draws, each of them on the record. */
import { plain } from './boundary.ts'
import type { Core } from './core.ts'

type Chance = Pick<Core, 'boundary' | 'ports' | 'settings'>

/** For a wait with full jitter; not drawn where there is none. */
export function jitter({ boundary, ports, settings }: Chance): number {
  if (!settings.backoff.jitter) return 1
  return boundary.pull('random', plain<number>(), () => ports.random.fraction())
}

export function nonce({ boundary, ports }: Chance): string {
  return boundary.pull('nonce', plain<string>(), () => ports.random.nonce())
}
