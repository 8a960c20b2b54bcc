/** What the app does in a plan, and what happens to its machine: bursts of steps at virtual times. */
import type { ScenarioStep } from '../scenario.ts'
import type { Dice } from './dice.ts'
import type { Features } from './features.ts'
import { chaserOf, stormAfter } from './plan-chasers.ts'
import { login, makersOf, type Step, type Told } from './plan-makers.ts'

const MINUTE_MS = 60_000

export interface PlannedSteps {
  readonly steps: readonly ScenarioStep[]
  readonly operations: readonly string[]
  readonly endedAt: number
}

export function planSteps(
  dice: Dice,
  features: Features,
  { users, kinds, tokens }: Pick<Told, 'users' | 'kinds' | 'tokens'>,
): PlannedSteps {
  const told: Told = {
    dice,
    features,
    tokens,
    users,
    kinds,
    operations: [],
    reads: [],
    current: null,
    former: null,
    last: null,
    next: [],
  }
  const makers = makersOf(dice, features)
  const count = dice.of([6, 12, 20, 35])
  const eagerness = dice.of([0.2, 0.5, 0.8])
  const steps: ScenarioStep[] = []
  let at = 0
  // Without a login a plan of few steps sends nothing.
  let before: Step | null = dice.chance(0.6) ? login(told) : null
  if (before !== null) steps.push({ at, ...before } as ScenarioStep)
  if (features.has('second') && dice.chance(0.5)) {
    steps.push({ at, process: 'second', start: true })
  }
  for (let n = 0; n < count; n += 1) {
    const isChased = before !== null && dice.chance(eagerness)
    const chaser =
      told.next.shift() ?? (isChased && before !== null ? chaserOf(dice, features, before) : null)
    at += chaser === null ? gap(dice) : (chaser.gap ?? soon)(dice)
    const step: Step | null = (chaser?.make ?? dice.weighted(makers))?.(told) ?? null
    before = step
    if (step !== null) {
      steps.push({ at, ...inSomeProcess(dice, features, step) } as ScenarioStep)
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
