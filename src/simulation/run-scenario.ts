/** Runs one scenario and says what did not hold: of what it expects, and of what holds in every run. */
import { compare } from './compare.ts'
import type { Mismatch } from './mismatch.ts'
import type { Observation } from './observe.ts'
import { play, type PlayOptions } from './play.ts'
import type { Scenario } from './scenario.ts'

export interface ScenarioResult {
  readonly name: string
  readonly ok: boolean
  readonly mismatches: readonly Mismatch[]
  readonly seen: Observation
  /** The run's journal, a line each, the header first. */
  readonly journal: readonly string[]
}

export async function runScenario(
  scenario: Scenario,
  options: PlayOptions = {},
): Promise<ScenarioResult> {
  const { seen, violations, journal } = await play(scenario, options)
  const mismatches = [...compare(scenario.expect, seen), ...violations]
  return { name: scenario.name, ok: mismatches.length === 0, mismatches, seen, journal }
}
