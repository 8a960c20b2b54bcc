/** Fixed seeds, each twice: every invariant holds, and the same seed gives the same run, byte by byte. */
import { expect, test } from 'vitest'
import { checkPlan } from '../../src/simulation/search/check-plan.ts'
import { makePlan } from '../../src/simulation/search/make-plan.ts'
import { play } from '../../src/simulation/play.ts'

/** So many seeds are one test. */
const PORTION = 25

export function testSeeds(from: number, to: number): void {
  for (let first = from; first <= to; first += PORTION) {
    const last = Math.min(to, first + PORTION - 1)
    test(
      `seeds ${first} to ${last} hold, replay, and come out the same again`,
      { timeout: 60_000 },
      async () => {
        for (let seed = first; seed <= last; seed += 1) await testSeed(seed)
      },
    )
  }
}

async function testSeed(seed: number): Promise<void> {
  const { wrong, played } = await checkPlan(makePlan(seed))
  expect(wrong, `holdfast fuzz --seed ${seed}`).toEqual([])
  const again = await play(makePlan(seed))
  expect(again.journals, `the journals of seed ${seed}`).toEqual(played?.journals)
  const areSame = Buffer.compare(again.record.bytes(), played?.record.bytes() ?? Buffer.of()) === 0
  expect(areSame, `the database of seed ${seed}, byte by byte`).toBe(true)
}
