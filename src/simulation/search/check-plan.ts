/** Plays a plan and says what is wrong: of the invariants, of its replay, of the run itself. */
import { ReplayDivergedError } from '../../errors.ts'
import { replay } from '../../journal/replay.ts'
import { errorOf } from '../../thrown.ts'
import type { Mismatch } from '../mismatch.ts'
import { type Played, play } from '../play.ts'
import type { Scenario } from '../scenario.ts'

/** What is wrong of a run that broke off, or had no end. */
export const THE_RUN = 'the run'

export interface Checked {
  /** What did not hold, the first of it first. */
  readonly wrong: readonly Mismatch[]
  /** Null: it did not come to its end. */
  readonly played: Played | null
}

export async function checkPlan(plan: Scenario): Promise<Checked> {
  let played: Played
  try {
    played = await play(plan)
  } catch (error) {
    const wrong = [{ what: THE_RUN, expected: 'to come to its end', seen: String(error) }]
    return { wrong, played: null }
  }
  const diverged: Mismatch[] = []
  const isAlone = !plan.steps.some((step) => 'process' in step)
  for (const journal of played.journals) diverged.push(...(await divergenceOf(journal, isAlone)))
  return { wrong: [...played.violations, ...diverged], played }
}

/**
 * Replaying a run's journal gives the same decisions. That says only that they depend on nothing but what came from outside:
 * a fault of the engine is in both runs.
 */
async function divergenceOf(journal: readonly string[], isAlone: boolean): Promise<Mismatch[]> {
  const what = 'invariant replays'
  try {
    await replay(journal.join('\n'), { isAlone })
    return []
  } catch (error) {
    if (error instanceof ReplayDivergedError) {
      const { line, expected, actual } = error
      return [{ what, expected, seen: { line, actual } }]
    }
    const { name, message } = errorOf(error)
    return [{ what, expected: 'to run', seen: `${name}: ${message}` }]
  }
}
