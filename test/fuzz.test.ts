/** The search itself: plans are data, a failing one becomes small, and every mark is reached. */
import { describe, expect, it, vi } from 'vitest'
import { stringify } from 'yaml'
import { parseScenario } from '../src/simulation/parse-scenario.ts'
import type { Scenario } from '../src/simulation/scenario.ts'
import { play } from '../src/simulation/play.ts'
import { fuzz, smallestOf } from '../src/simulation/search/fuzz.ts'
import { makePlan } from '../src/simulation/search/make-plan.ts'
import { shrink } from '../src/simulation/search/shrink.ts'
import { fromSource } from './support/command.ts'

// Some tests start a process.
vi.setConfig({ testTimeout: 60_000 })

describe('a plan', () => {
  it('is a scenario file: written and read again it is the same', () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const plan = makePlan(seed)
      const text = stringify(plan)
      expect(parseScenario(text, `seed-${seed}.yaml`)).toEqual(JSON.parse(JSON.stringify(plan)))
    }
  })

  it('is the same for the same seed, and another for another', () => {
    expect(makePlan(7)).toEqual(makePlan(7))
    expect(makePlan(7)).not.toEqual(makePlan(8))
  })
})

describe('shrinking', () => {
  const isCrashed = ({ steps }: Scenario) => steps.some((step) => 'crash' in step)
  const isPaused = ({ steps }: Scenario) =>
    steps.some((step) => 'queue' in step && step.queue === 'pause')

  it('leaves what the failure needs, and nothing else', async () => {
    const seed = seedOf((plan) => isCrashed(plan) && isPaused(plan))
    const smallest = await shrink(makePlan(seed), async (plan) => isCrashed(plan) && isPaused(plan))
    expect(smallest.steps).toHaveLength(2)
    expect(smallest.steps.map(({ at }) => at)).toEqual([0, 0])
    expect(smallest).toMatchObject({
      config: {},
      tokens: {},
      server: { replies: [], latencies: [] },
    })
  })

  it('gives back the plan as it is where nothing smaller fails', async () => {
    const plan = makePlan(3)
    expect(await shrink(plan, async () => false)).toEqual(plan)
  })

  it('ends with the smallest plan so far once its time is over', async () => {
    const failure = { seed: 3, what: 'invariant no-loss', expected: null, seen: null }
    let tries = 0
    const { steps } = await smallestOf(failure, () => {
      tries += 1
      return false
    })
    expect(steps).toEqual(makePlan(3).steps)
    expect(tries).toBeGreaterThan(steps.length)
  })
})

describe('isolation', () => {
  it('two engines in one process know nothing of each other: each decides as it does alone', async () => {
    for (const [one, other] of [
      [11, 12],
      [13, 14],
      [15, 16],
    ] as const) {
      const alone = [await play(makePlan(one)), await play(makePlan(other))]
      const together = await Promise.all([play(makePlan(one)), play(makePlan(other))])
      for (const [index, { journals, record }] of together.entries()) {
        expect(journals).toEqual(alone[index]?.journals)
        expect(Buffer.compare(record.bytes(), alone[index]?.record.bytes() ?? Buffer.of())).toBe(0)
      }
    }
  })
})

describe('the search', () => {
  it('counts in how many of its runs each mark was reached', async () => {
    const goesOn = (count: number) => count < 6
    const { seeds, failures, coverage } = await fuzz({ from: 501, jobs: 2, goesOn })
    expect({ seeds, failures }).toEqual({ seeds: 6, failures: [] })
    const hits = [...coverage.values()]
    expect(hits.length).toBeGreaterThanOrEqual(100)
    expect(hits.filter((count) => count > 0).length).toBeGreaterThan(10)
    expect(Math.max(...hits)).toBeLessThanOrEqual(6)
  })
})

describe('holdfast fuzz', () => {
  it('says what happened, what never did, how many seeds it ran, and how fast', async () => {
    const { status, stdout } = await fromSource('fuzz', '--seeds', '3')
    expect({ status, stdout }).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(
        /^what happened, in how many runs:\n[^]*\nnever happened: .*\n3 seeds, [\d.]+ a second, 0 do not hold\n$/,
      ),
    })
  })

  it('runs one seed only', async () => {
    const { status, stdout } = await fromSource('fuzz', '--seed', '12', '--json')
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ seeds: 1, failures: [], saved: [] })
  })

  it('refuses what is no number', async () => {
    const { status, stderr } = await fromSource('fuzz', '--seeds', 'many')
    expect(status).toBe(2)
    expect(stderr).toContain("argument 'many' is invalid. it must be a whole number.")
  })
})

function seedOf(isMeant: (plan: Scenario) => boolean): number {
  for (let seed = 1; ; seed += 1) if (isMeant(makePlan(seed))) return seed
}
