/** Fixed seeds, each twice: every invariant holds, and the same seed gives the same run, byte by byte. */
import { describe, expect, it } from 'vitest'
import { checkPlan } from '../../src/simulation/search/check-plan.ts'
import { makePlan } from '../../src/simulation/search/make-plan.ts'
import { play } from '../../src/simulation/play.ts'

/**
 * A known gap: at these seeds the named invariant speaks though the engine is right. `refusal-waits.ts` does not see that
 * an accepted token ends a wait before its time, so it overlooks the wait after that (T8).
 */
const KNOWN_FAULTS: ReadonlyMap<number, string> = new Map([[195, 'invariant wakes']])

/** So many seeds are one test. */
const PORTION = 25

export function describeSeeds(from: number, to: number): void {
  describe.each(portions(from, to))('seeds %i to %i', (first, last) => {
    it('hold, replay, and come out the same again', { timeout: 60_000 }, async () => {
      for (let seed = first; seed <= last; seed += 1) {
        const { wrong, played } = await checkPlan(makePlan(seed))
        const known = KNOWN_FAULTS.get(seed)
        const others = wrong.filter(({ what }) => what !== known)
        expect(others, `holdfast fuzz --seed ${seed}`).toEqual([])
        const isStill = known === undefined || wrong.length > 0
        expect(isStill, `seed ${seed} holds by now: it is no known gap any more`).toBe(true)
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
