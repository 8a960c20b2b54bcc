/** The plans of the search: most of them do much, and each story leads to the pair of marks that it is there for. */
import { describe, expect, it, test } from 'vitest'
import type { Scenario, ScenarioStep } from '../src/simulation/scenario.ts'
import { play } from '../src/simulation/play.ts'
import { PAIRS } from '../src/simulation/search/coverage-pairs.ts'
import { Dice } from '../src/simulation/search/dice.ts'
import { makePlan } from '../src/simulation/search/make-plan.ts'
import type { Told } from '../src/simulation/search/plan-makers.ts'
import { promisedSends } from '../src/simulation/search/plan-promise.ts'
import { STORIES } from '../src/simulation/search/plan-stories.ts'
import { goodToken, planTokens } from '../src/simulation/search/plan-tokens.ts'
import { Tale } from '../src/simulation/search/plan-tale.ts'
import type { Story } from '../src/simulation/search/story.ts'

const SEEDS = Array.from({ length: 300 }, (_, index) => index + 1)

describe('the plans of the search', () => {
  it('begin four times of five with a logged-in user and a token that the server takes', () => {
    const good = SEEDS.filter((seed) => {
      const [first] = makePlan(seed).steps
      if (first === undefined || !('login' in first)) return false
      return first.login.token === goodToken(first.login.user)
    })
    expect(good.length).toBeGreaterThanOrEqual(SEEDS.length * 0.8)
  })

  it('promise to send several operations, each of them', () => {
    const promised = SEEDS.map((seed) => promisedSends(makePlan(seed).steps))
    expect(Math.min(...promised)).toBeGreaterThanOrEqual(5)
  })

  it(
    'send at least 12 requests in the median, and none of them nothing',
    { timeout: 60_000 },
    async () => {
      const counts: number[] = []
      for (const seed of SEEDS.slice(0, 40)) {
        const { record } = await play(makePlan(seed))
        counts.push(record.requests.length)
      }
      counts.sort((a, b) => a - b)
      expect(counts[0]).toBeGreaterThan(0)
      expect(counts[counts.length / 2]).toBeGreaterThanOrEqual(12)
    },
  )
})

/** So often a story is told, each time otherwise. */
const TELLINGS = 12

const USERS = ['alice', 'bob', 'carol']

/** A plan of one story and nothing else, with an end at which all faults stop. */
function planOf(story: Story, seed: number): Scenario {
  const dice = new Dice(seed)
  const tokens = planTokens(dice, new Map(), USERS, true)
  const told: Told = {
    dice,
    features: new Map(),
    tokens,
    users: USERS,
    kinds: ['note'],
    operations: [],
    reads: [],
    looks: [],
    current: null,
    former: null,
    last: null,
    next: [],
  }
  const rules = { replies: [], latencies: [], demands: [] }
  const tale = new Tale(told, rules, 1)
  story.tell(tale)
  const steps: ScenarioStep[] = []
  let at = 0
  for (const { gap, make } of tale.steps) {
    at += gap?.(dice) ?? 0
    const step = make(told)
    if (step !== null) steps.push({ at, ...step } as ScenarioStep)
  }
  const end = at + 20_000
  steps.push({ at: end, disk: 'works' }, { at: end, network: 'up' }, { at: end, power: 'resume' })
  for (const user of USERS) {
    steps.push({ at: end + 20_000, updateToken: { user, token: goodToken(user) } })
  }
  const demands = story.needs === 'requirementSource' ? rules.demands : undefined
  return {
    scenario: 1,
    name: `a story of seed ${seed}`,
    config: story.config,
    tokens: tokens.tokens,
    ...(demands === undefined ? {} : { requirementSource: demands }),
    server: { replies: rules.replies, latencies: rules.latencies },
    steps,
  }
}

test.each(Object.entries(STORIES))(
  'the story %s leads to each mark that it is there for',
  { timeout: 30_000 },
  async (_name, story) => {
    const left = new Set(story.steersTo)
    for (let seed = 1; seed <= TELLINGS && left.size > 0; seed += 1) {
      const { record, violations } = await play(planOf(story, seed))
      expect(violations).toEqual([])
      for (const mark of left) if (PAIRS[mark]?.(record) === true) left.delete(mark)
    }
    expect([...left]).toEqual([])
  },
)
