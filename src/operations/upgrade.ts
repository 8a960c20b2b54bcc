/** Brings a stored payload of an older version to the kind's version (Q14). */
import { atOnce } from '../app-code.ts'
import type { Upgrade, UpgradeSteps } from './define-operation.ts'

/** @throws whatever the kind's code throws, and an error if the map of a kind has no step for a version. */
export function upgraded(
  upgrade: Upgrade | UpgradeSteps | undefined,
  payload: unknown,
  from: number,
  to: number,
): unknown {
  if (typeof upgrade === 'function') return atOnce(upgrade(payload, from))
  let value = payload
  for (let version = from; version < to; version += 1) {
    const step = upgrade?.[version]
    if (step === undefined) throw new Error(`upgrade has no step for version ${version}`)
    value = atOnce(step(value))
  }
  return value
}
