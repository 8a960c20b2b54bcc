/** The input and the output of a hunt. */

/** Stands for no mutant: whether a seed is quiet without one. */
export const NO_MUTANT = 'none'

/** The name of the check that a run fails if it breaks off or does not end, as in the search (`check-plan.ts`). */
export const THE_RUN = 'the run'

/** What is played under which mutant: the plans of some seeds, or a scenario. */
export type Hunt = SeedHunt | ScenarioHunt

interface SeedHunt {
  readonly mutant: string
  readonly from: number
  readonly count: number
}

interface ScenarioHunt {
  readonly mutant: string
  /** Its file, from the root of the project. */
  readonly scenario: string
}

export interface Caught {
  readonly mutant: string
  /** What has failed: an invariant, an expectation of the scenario, or `THE_RUN`; null: nothing has. */
  readonly by: string | null
  /** The seed, or the file; null: none. */
  readonly at: number | string | null
  readonly triedCount: number
  readonly ms: number
}

/** A line of `hunt.ts`, written before a run begins: what does not end has no other way to say its seed. */
export interface Playing {
  readonly playing: number | string
}

/** As an argument of `hunt.ts`. */
export function writeHunt(hunt: Hunt): string {
  const { mutant } = hunt
  return 'scenario' in hunt ? `${mutant}:${hunt.scenario}` : `${mutant}:${hunt.from}:${hunt.count}`
}

export function readHunt(text: string): Hunt {
  const [mutant = '', scenario = '', count] = text.split(':')
  if (count === undefined) return { mutant, scenario }
  return { mutant, from: Number(scenario), count: Number(count) }
}
