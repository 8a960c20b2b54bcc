/** The search: plan after plan, until something does not hold or there is enough. */
import type { Mismatch } from '../compare.ts'
import type { Scenario } from '../scenario.ts'
import { checkPlan } from './check-plan.ts'
import { type Coverage, CoverageCount } from './coverage.ts'
import { wrongNames } from '../scenario-names.ts'
import { makePlan } from './make-plan.ts'
import { shrink } from './shrink.ts'

export interface FuzzOptions {
  /** The first seed; the next ones follow. Default: 1. */
  readonly from?: number
  /** Asked before each plan: how many have been run? Answers whether to go on. */
  readonly goesOn: (seeds: number) => boolean
  readonly onProgress?: (progress: FuzzProgress) => void
}

interface FuzzProgress {
  /** How many plans have been run. */
  readonly seeds: number
  readonly failures: readonly Failure[]
}

/** A plan that does not hold. */
export interface Failure {
  readonly seed: number
  /** What did not hold: the first of it. */
  readonly what: string
  readonly expected: unknown
  readonly seen: unknown
}

export interface FuzzResult extends FuzzProgress {
  /** How many runs have hit each mark. */
  readonly coverage: Coverage
}

export async function fuzz({ from = 1, goesOn, onProgress }: FuzzOptions): Promise<FuzzResult> {
  const coverage = new CoverageCount()
  const failures: Failure[] = []
  let seeds = 0
  while (goesOn(seeds)) {
    const seed = from + seeds
    const { wrong, played } = await checkPlan(makePlan(seed))
    if (played !== null) coverage.look(played.record)
    const [first] = wrong
    if (first !== undefined) failures.push({ seed, ...first })
    seeds += 1
    onProgress?.({ seeds, failures })
  }
  return { seeds, failures, coverage: coverage.hits() }
}

/** The smallest plan in which the same thing does not hold. */
export async function smallestOf({ seed, what }: Failure): Promise<Scenario> {
  const isIt = (mismatch: Mismatch) => mismatch.what === what
  const smallest = await shrink(makePlan(seed), async (plan) => {
    // What no file may say is no smaller plan: nobody could run it again.
    if (wrongNames(plan) !== null) return false
    const { wrong } = await checkPlan(plan)
    return wrong.some(isIt)
  })
  return { ...smallest, name: `seed ${seed}: ${what}` }
}
