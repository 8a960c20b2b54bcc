/** The first thing that is wrong with a run. */
import type { ScenarioResult } from '../../src/simulation/run-scenario.ts'
import { THE_RUN } from './hunts.ts'

/** The first check that fails, or null. A run that breaks off fails too. */
export async function brokenIn(
  run: () => Promise<Pick<ScenarioResult, 'mismatches'>>,
): Promise<string | null> {
  try {
    const { mismatches } = await run()
    return mismatches[0]?.what.replace('invariant ', '') ?? null
  } catch {
    return THE_RUN
  }
}
