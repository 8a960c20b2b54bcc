/** Fixed seeds, each twice: every invariant holds, and the same seed gives the same run, byte by byte. */
import { describe, expect, it } from 'vitest'
import { checkPlan } from '../../src/simulation/search/check-plan.ts'
import { makePlan } from '../../src/simulation/search/make-plan.ts'
import { play } from '../../src/simulation/play.ts'

/** So many seeds are one test. */
const PORTION = 25

export function describeSeeds(from: number, to: number): void {
  describe.each(portions(from, to))('seeds %i to %i', (first, last) => {
    it('hold, replay, and come out the same again', { timeout: 60_000 }, async () => {
      for (let seed = first; seed <= last; seed += 1) {
        const { wrong, played } = await checkPlan(makePlan(seed))
        expect(wrong, `holdfast fuzz --seed ${seed}`).toEqual([])
        const again = await play(makePlan(seed))
        expect(again.journals, `the journals of seed ${seed}`).toEqual(played?.journals)
        const bytes = played?.record.bytes() ?? Buffer.of()
        const areSame = Buffer.compare(again.record.bytes(), bytes) === 0
        expect(areSame, `the database of seed ${seed}, byte by byte`).toBe(true)
      }
    })
  })
}

function portions(from: number, to: number): [number, number][] {
  const count = Math.ceil((to - from + 1) / PORTION)
  return Array.from({ length: count }, (_, nth) => {
    const first = from + nth * PORTION
    return [first, Math.min(to, first + PORTION - 1)]
  })
}
