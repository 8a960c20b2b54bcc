/** Runs one scenario on a fresh engine, in virtual time, and says what did not hold. */
import type { Machines } from '../holdfast.ts'
import type { JournalSink } from '../journal/lines.ts'
import { MemoryJournal } from '../journal/memory-journal.ts'
import { compare, type Mismatch } from './compare.ts'
import { watchHost } from './host-watch.ts'
import { InvariantChecks } from './invariant-checks.ts'
import type { Moment } from './invariants/invariant.ts'
import { observe, type Observation } from './observe.ts'
import type { Scenario, ScenarioStep } from './scenario.ts'
import { World } from './world.ts'

/** A run that is not told when to end ends here at the latest. */
const LONGEST_MS = 7 * 24 * 60 * 60 * 1000

export interface ScenarioResult {
  readonly name: string
  readonly ok: boolean
  readonly mismatches: readonly Mismatch[]
  readonly seen: Observation
  /** The run's journal, a line each, the header first. */
  readonly journal: readonly string[]
}

export interface RunOptions {
  /** @internal The machines to run; tests put others in their place. */
  readonly machines?: Machines
  /** Where to record the run. Default: in memory, whole, for `journal` of the result. */
  readonly journal?: JournalSink
}

export async function runScenario(
  scenario: Scenario,
  { machines, journal: sink }: RunOptions = {},
): Promise<ScenarioResult> {
  const journal = new MemoryJournal()
  const world = new World(scenario, sink === undefined ? journal : both(journal, sink), machines)
  const host = watchHost()
  try {
    const checks = new InvariantChecks(world.record(journal.lines(), host.faults))
    await world.start(scenario.config?.requirement ?? 'required')
    const look = (moment: Moment) => {
      world.recorder.look()
      checks.look(moment)
    }
    await run(world, scenario, () => look('rest'))
    look('end')
    const seen = observe(world)
    const lines = [...journal.lines()]
    await world.end()
    look('closed')
    const mismatches = [...compare(scenario.expect ?? {}, seen), ...checks.mismatches]
    return { name: scenario.name, ok: mismatches.length === 0, mismatches, seen, journal: lines }
  } finally {
    host.stop()
  }
}

async function run(world: World, { steps, until }: Scenario, rested: () => void): Promise<void> {
  const left = [...steps].sort((a, b) => a.at - b.at)
  const endAt = until ?? LONGEST_MS
  for (;;) {
    while (world.time.runNext()) {
      await world.time.rest()
      rested()
    }
    const due = left.filter((step) => step.at <= world.time.now)
    if (due.length > 0) {
      left.splice(0, due.length)
      await issueAll(world, due)
      rested()
      continue
    }
    const nextAt = Math.min(
      world.time.nextAt() ?? Number.POSITIVE_INFINITY,
      left[0]?.at ?? Number.POSITIVE_INFINITY,
    )
    if (nextAt > endAt) return
    world.time.now = Math.max(world.time.now, nextAt)
  }
}

/** The steps of one instant are issued back to back, before the engine runs on. */
async function issueAll(world: World, steps: readonly ScenarioStep[]): Promise<void> {
  for (const step of steps) {
    if ('crash' in step) await world.crash()
    else if ('restart' in step) await world.restart()
    else world.issue(step)
  }
  await world.time.rest()
}

function both(whole: JournalSink, wanted: JournalSink): JournalSink {
  return {
    header: (header) => {
      whole.header(header)
      wanted.header(header)
    },
    write: (line, t, wall) => {
      // Where the one that was asked for begins anew, the whole one just goes on.
      if (!('in' in line) || line.in !== 'summary') whole.write(line, t, wall)
      wanted.write(line, t, wall)
    },
    wantsSummary: () => wanted.wantsSummary?.() === true,
  }
}
