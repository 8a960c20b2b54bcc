/** What a power cut may leave of what was not synced: less, nothing, or anything. */
import type { Dice } from '../../src/simulation/search/dice.ts'

type Damage = 'cut' | 'zeros' | 'noise' | 'sectors'

export interface Torn {
  readonly bytes: Buffer
  readonly damage: Damage
  /** What is before it is as it was. */
  readonly intactUntil: number
}

const SECTOR = 512

export function tear(bytes: Buffer, from: number, dice: Dice): Torn {
  const damage = dice.of<Damage>(['cut', 'zeros', 'noise', 'sectors'])
  if (damage === 'cut') return { bytes: bytes.subarray(0, from), damage, intactUntil: from }
  const torn = Buffer.from(bytes)
  if (damage === 'zeros') torn.fill(0, from)
  else if (damage === 'noise') makeNoise(torn, from, torn.length, dice)
  else {
    // Sectors reach the disk in any order, each whole or not.
    for (let at = from; at < torn.length; at = (Math.floor(at / SECTOR) + 1) * SECTOR) {
      const end = Math.min(torn.length, (Math.floor(at / SECTOR) + 1) * SECTOR)
      const fate = dice.of(['kept', 'kept', 'zeros', 'noise'])
      if (fate === 'zeros') torn.fill(0, at, end)
      if (fate === 'noise') makeNoise(torn, at, end, dice)
    }
  }
  return { bytes: torn, damage, intactUntil: firstDifference(bytes, torn, from) }
}

/** The same bytes again and again: any will do, and there are many. */
function makeNoise(bytes: Buffer, from: number, to: number, dice: Dice): void {
  const noise = Buffer.from(Array.from({ length: 61 }, () => dice.between(0, 255)))
  bytes.fill(noise, from, to)
}

function firstDifference(before: Buffer, after: Buffer, from: number): number {
  for (let at = from; at < before.length; at += 1) if (before[at] !== after[at]) return at
  return before.length
}
