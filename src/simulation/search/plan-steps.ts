/** What the app does in a plan, and what happens to its machine: bursts of steps at virtual times. */
import type { ScenarioStep } from '../scenario.ts'
import type { Dice } from './dice.ts'
import type { Features } from './features.ts'
import { chaserOf, stormAfter } from './plan-chasers.ts'
import { type Chaser, login, loginWell, makersOf, type Step, type Told } from './plan-makers.ts'

const MINUTE_MS = 60_000

export interface PlannedSteps {
  readonly steps: readonly ScenarioStep[]
  readonly operations: readonly string[]
  readonly endedAt: number
}

/** The share of plans that begin with a user who is logged in, with a token that the server takes for ever. */
const GOOD_START_SHARE = 0.85

/** Something else comes between two steps of a story: it ends as it ends. */
const DIGRESSION_SHARE = 0.08

/** `stories`: the steps of each, which begin somewhere among the others. */
export function planSteps(told: Told, stories: readonly (readonly Chaser[])[]): PlannedSteps {
  const { dice, features } = told
  const makers = makersOf(dice, features)
  const count = dice.of([16, 24, 32, 44])
  const eagerness = dice.of([0.2, 0.4, 0.6])
  const begins = stories.map((story) => [dice.between(0, count - 1), story] as const)
  const steps: ScenarioStep[] = []
  let at = 0
  let before: Step | null = dice.chance(GOOD_START_SHARE) ? loginWell(told) : login(told)
  if (before !== null) steps.push({ at, ...before } as ScenarioStep)
  if (features.has('second') && dice.chance(0.5)) {
    steps.push({ at, process: 'second', start: true })
  }
  for (let n = 0; n < count || told.next.length > 0; n += 1) {
    for (const [index, story] of begins) {
      if (index !== n) continue
      // What was begun before has mostly come to its end.
      at += dice.of([0, 3000, 3000, 20_000])
      told.next.push(...story)
    }
    const isChased = before !== null && dice.chance(eagerness)
    const mayDigress = n < count && told.next.length > 0 && told.next[0]?.isOfStory === true
    const chaser =
      mayDigress && dice.chance(DIGRESSION_SHARE)
        ? null
        : (told.next.shift() ??
          (isChased && before !== null ? chaserOf(dice, features, before) : null))
    at += chaser === null ? gap(dice) : (chaser.gap ?? soon)(dice)
    const step: Step | null = (chaser?.make ?? dice.weighted(makers))?.(told) ?? null
    before = step
    if (step !== null) {
      const taken = chaser?.isOfStory === true ? step : inSomeProcess(dice, features, step)
      steps.push({ at, ...taken } as ScenarioStep)
      // What comes next comes after the waking.
      if ('sleep' in step) at += step.sleep
    }
    const storm = step === null ? [] : stormAfter(told, step)
    const stormGap = dice.of([0, 20, 300, 300])
    for (const pushed of storm) {
      at += stormGap
      steps.push({ at, ...inSomeProcess(dice, features, pushed) } as ScenarioStep)
    }
  }
  return { steps, operations: told.operations, endedAt: at }
}

/** While the request of the step before is on its way. */
const soon = (dice: Dice) => dice.between(0, 9)

/** Much happens at once, some things long after. */
function gap(dice: Dice): number {
  return (
    dice.weighted<() => number>([
      [8, () => 0],
      [6, () => dice.between(1, 30)],
      [3, () => dice.between(100, 3000)],
      [1.5, () => dice.between(10_000, MINUTE_MS)],
      [0.5, () => dice.between(MINUTE_MS, 120 * MINUTE_MS)],
    ])?.() ?? 0
  )
}

const OF_THE_MACHINE = [
  'network',
  'power',
  'sleep',
  'wall',
  'disk',
  'release',
  'process',
  'sideFile',
  'scanner',
]

function inSomeProcess(dice: Dice, features: Features, step: Step): Step {
  if (!features.has('second') || OF_THE_MACHINE.some((name) => name in step)) return step
  return dice.chance(0.4) ? ({ process: 'second', ...step } as Step) : step
}
