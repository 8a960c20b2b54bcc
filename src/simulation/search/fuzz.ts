/** The search: plan after plan, in several processes at once, until there are enough. */
import type { Mismatch } from '../mismatch.ts'
import type { Scenario } from '../scenario.ts'
import { wrongNames } from '../scenario-names.ts'
import { THE_RUN } from './check-plan.ts'
import { type Coverage, CoverageCount } from './coverage.ts'
import { makePlan } from './make-plan.ts'
import { PlanPlayer } from './plan-player.ts'
import { shrink } from './shrink.ts'

export interface FuzzOptions {
  /** The first seed; the next ones follow. Default: 1. */
  readonly from?: number
  /** How many plans are played at once, each in a process of its own. Default: 1. */
  readonly jobs?: number
  /** Asked before each plan: how many have been begun? Answers whether to go on. */
  readonly goesOn: (begun: number) => boolean
  /** Told of each seed before its plan is played. */
  readonly onSeed?: (seed: number) => void
  readonly onProgress?: (progress: FuzzProgress) => void
}

interface FuzzProgress {
  /** The one that has just been played. */
  readonly seed: number
  /** How many plans have been played. */
  readonly seeds: number
  /** In the order of their ends. */
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

export interface FuzzResult {
  readonly seeds: number
  /** In the order of their seeds. */
  readonly failures: readonly Failure[]
  /** How many runs have hit each mark. */
  readonly coverage: Coverage
}

export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  const { from = 1, jobs = 1, goesOn, onSeed, onProgress } = options
  const coverage = new CoverageCount()
  const failures: Failure[] = []
  let begun = 0
  let seeds = 0
  const search = async (player: PlanPlayer) => {
    while (goesOn(begun)) {
      const seed = from + begun
      begun += 1
      onSeed?.(seed)
      const { wrong, marks } = await player.play(seed)
      coverage.add(marks)
      const [first] = wrong
      if (first !== undefined) failures.push({ seed, ...first })
      seeds += 1
      onProgress?.({ seed, seeds, failures })
    }
  }
  const players = Array.from({ length: jobs }, () => new PlanPlayer())
  try {
    await Promise.all(players.map(search))
  } finally {
    for (const player of players) player.close()
  }
  return {
    seeds,
    failures: failures.toSorted((one, other) => one.seed - other.seed),
    coverage: coverage.hits(),
  }
}

/**
 * The smallest plan in which the same thing does not hold: the smallest so far, once `goesOn` answers false. One that broke
 * off stays as it is: each try may take as long.
 */
export async function smallestOf(
  { seed, what }: Failure,
  goesOn: () => boolean,
): Promise<Scenario> {
  const name = `seed ${seed}: ${what}`
  const plan = makePlan(seed)
  if (what === THE_RUN) return { ...plan, name }
  const player = new PlanPlayer()
  const isIt = (mismatch: Mismatch) => mismatch.what === what
  try {
    const smallest = await shrink(plan, async (smaller) => {
      // What no file may say is no smaller plan: nobody could run it again.
      if (!goesOn() || wrongNames(smaller) !== null) return false
      const { wrong } = await player.play(smaller)
      return wrong.some(isIt)
    })
    return { ...smallest, name }
  } finally {
    player.close()
  }
}
