/** What a process that plays plans is asked, and what it answers. */
import type { Mismatch } from '../mismatch.ts'
import type { Scenario } from '../scenario.ts'

/** The seed of a plan, or the plan itself. */
export type PlanOrSeed = number | Scenario

export interface PlanVerdict {
  /** What did not hold, the first of it first. */
  readonly wrong: readonly Mismatch[]
  /** The marks that the run has hit. */
  readonly marks: readonly string[]
  /** Of the journals and the bytes of the database: the same whenever the plan is played. Empty: it broke off. */
  readonly digest: string
}
