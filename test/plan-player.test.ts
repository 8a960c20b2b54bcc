/** Plans are played in another process, so that none of them can stop the search. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { plainMismatch } from '../src/simulation/search/evidence.ts'
import { makePlan } from '../src/simulation/search/make-plan.ts'
import { PlanPlayer } from '../src/simulation/search/plan-player.ts'

const SPOILT = new URL('./support/children/spoilt-player.ts', import.meta.url)
const SHORT_MS = 2000

// Each starts processes.
vi.setConfig({ testTimeout: 60_000 })

const players: PlanPlayer[] = []

afterEach(() => {
  for (const player of players.splice(0)) player.close()
})

function playerOf(...args: ConstructorParameters<typeof PlanPlayer>): PlanPlayer {
  const player = new PlanPlayer(...args)
  players.push(player)
  return player
}

describe('a plan', () => {
  it.each([
    [1, 'loops for ever', 'it had not ended after 2 s, and was killed'],
    [4, 'makes microtasks for ever', 'it had not ended after 2 s, and was killed'],
    [2, 'ends its process', 'its process ended with exit status 3'],
    [
      3,
      'crashes its process',
      expect.stringMatching(/^its process ended with (?:SIGABRT|exit status 134)$/),
    ],
  ])('that %i: %s is found, and the next one is played', async (seed, _what, seen) => {
    const player = playerOf(SHORT_MS, SPOILT)
    const first = await player.play(9)
    expect(await player.play(seed)).toEqual({
      wrong: [{ what: 'the run', expected: 'to come to its end', seen }],
      marks: [],
      digest: '',
    })
    const next = await player.play(9)
    expect(next.wrong).toEqual([])
    expect(next.digest).not.toBe(first.digest)
  })

  it('that cannot be played because there is no such program is found too', async () => {
    const missing = new URL('./support/children/no-such-file.ts', import.meta.url)
    const { wrong } = await playerOf(SHORT_MS, missing).play(9)
    expect(wrong).toMatchObject([{ what: 'the run', seen: 'its process ended with exit status 1' }])
  })

  it('of a seed and the plan that the seed makes come to the same, in any process', async () => {
    const one = playerOf()
    const bySeed = await one.play(7)
    const byPlan = await playerOf().play(makePlan(7))
    expect(bySeed.digest).not.toBe('')
    expect(byPlan).toEqual(bySeed)
    expect(await one.play(7)).toEqual(bySeed)
    expect((await one.play(8)).digest).not.toBe(bySeed.digest)
  })
})

describe('what did not hold crosses to the other process', () => {
  it('with the name, the code and the cause of errors', () => {
    const error = Object.assign(new RangeError('outer', { cause: new Error('inner') }), {
      code: 'SOME_CODE',
    })
    expect(plainMismatch({ what: 'w', expected: 'e', seen: { error } })).toEqual({
      what: 'w',
      expected: 'e',
      seen: {
        error: {
          name: 'RangeError',
          code: 'SOME_CODE',
          message: 'outer',
          cause: { name: 'Error', message: 'inner' },
        },
      },
    })
  })

  it('also sets, maps, functions, large numbers, cycles, and nothing', () => {
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    const seen = (value: unknown) => plainMismatch({ what: '', expected: null, seen: value }).seen
    expect(seen(new Set([1, 2]))).toEqual([1, 2])
    expect(seen(new Map([['a', 1]]))).toEqual([['a', 1]])
    expect(seen([5n, Math.max])).toEqual(['5', String(Math.max)])
    expect(seen(cycle)).toContain('[Circular')
    expect(seen(undefined)).toBeNull()
  })
})
