/** Fixed seeds, each twice: every invariant holds, and the same seed gives the same run, byte by byte. */
import { afterAll, describe, expect, it } from 'vitest'
import { PlanPlayer } from '../../src/simulation/search/plan-player.ts'

/** So many seeds are one test. */
const PORTION = 25

export function describeSeeds(from: number, to: number): void {
  // In processes of their own: nothing that one has in memory is known to the other, and one that never ends is killed.
  const one = new PlanPlayer()
  const other = new PlanPlayer()
  afterAll(() => {
    one.close()
    other.close()
  })

  describe.each(portions(from, to))('seeds %i to %i', (first, last) => {
    it('hold, replay, and come out the same again', { timeout: 90_000 }, async () => {
      for (let seed = first; seed <= last; seed += 1) {
        const [{ wrong, digest }, again] = await Promise.all([one.play(seed), other.play(seed)])
        expect(wrong, `holdfast fuzz --seed ${seed}`).toEqual([])
        expect(again.digest, `the journals and the database of seed ${seed}`).toBe(digest)
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
