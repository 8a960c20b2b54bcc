/** The messages to and from a process that plays runs. */
import type { Edit } from './edit.ts'

/** The seed of a plan, or the file of a scenario from the root of the tree. */
export type Run = number | string

/** Names of findings that no check reports. */
export const A_HANG = 'a hang'
export const A_CRASH = 'a crash'
/** A run that broke off with an exception, as in the search (`check-plan.ts`). */
export const THE_RUN = 'the run'

/** The first message. */
export interface Setting {
  /** The root of the tree. */
  readonly tree: string
  /** The edit that the process has; null: none. */
  readonly edit: Edit | null
  /** Each verdict names those of these edits whose places the run has reached. */
  readonly watched: readonly Edit[]
  /** The folder of Node's compile cache; null: no cache, because cached code makes the counters of places inexact. */
  readonly cache: string | null
}

/** Every later message. */
export interface Asked {
  readonly run: Run
}

export interface Verdict {
  /** The first check that failed, or one of the names above; null: all is well. */
  readonly by: string | null
  /** The numbers of the watched edits whose places were reached: by the run, or by loading the engine. */
  readonly reached: readonly number[]
}
