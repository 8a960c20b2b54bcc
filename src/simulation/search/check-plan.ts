/** Plays a plan and says what is wrong: of the invariants, of its replay, of the run itself. */
import { HoldfastError, ReplayDivergedError } from '../../errors.ts'
import { replay } from '../../journal/replay.ts'
import type { Mismatch } from '../compare.ts'
import { type Played, play } from '../play.ts'
import type { Scenario } from '../scenario.ts'

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
    const wrong = [{ what: 'the run', expected: 'to come to its end', seen: String(error) }]
    return { wrong, played: null }
  }
  const diverged: Mismatch[] = []
  for (const journal of played.journals) diverged.push(...(await divergenceOf(journal)))
  return { wrong: [...played.violations, ...diverged], played }
}

/** Replaying a run's journal gives the same decisions. */
async function divergenceOf(journal: readonly string[]): Promise<Mismatch[]> {
  try {
    await replay(journal.join('\n'))
    return []
  } catch (error) {
    const what = 'invariant replays'
    if (error instanceof ReplayDivergedError) {
      const { line, expected, actual } = error
      return [{ what, expected, seen: { line, actual } }]
    }
    if (error instanceof HoldfastError) return [{ what, expected: 'to run', seen: error.message }]
    throw error
  }
}
