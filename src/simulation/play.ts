/** Plays a scenario in its simulated world, on a fresh engine and in virtual time, every invariant looked at. */
import type { Machines } from '../engine/engine.ts'
import type { JournalSink } from '../journal/lines.ts'
import type { AnyOperationKind } from '../operations/define-operation.ts'
import type { Mismatch } from './mismatch.ts'
import { watchHost } from './host-watch.ts'
import { InvariantChecks } from './invariant-checks.ts'
import type { Moment } from './invariants/invariant.ts'
import type { RunRecord } from './invariants/run-record.ts'
import { observe, type Observation } from './observe.ts'
import { recordOf } from './record-of.ts'
import { Recordings } from './recordings.ts'
import type { Scenario } from './scenario.ts'
import { World } from './world.ts'

/** A run that is not told when to end ends here at the latest. */
const LONGEST_MS = 7 * 24 * 60 * 60 * 1000

/**
 * Nothing that comes to an end takes so many: a look for a waking every 30 s makes 20,160 in the longest run, and so do the
 * looks for commits of each of two processes.
 */
const MOST_ALARMS = 100_000

/** So late at most a process notices a commit of another: its watch is found not to work, and it looks (Q17). */
const LONGEST_UNNOTICED_MS = 32_000

export interface PlayOptions {
  /** @internal The machines to run; tests put others in their place. */
  readonly machines?: Machines
  /** Kinds of the app, beside the built-in ones; one of the same name takes the other's place. */
  readonly operations?: readonly AnyOperationKind[]
  /** Where to record the run. Default: in memory, whole, for `journal` of the result. */
  readonly journal?: JournalSink
}

export interface Played {
  readonly seen: Observation
  /** What the invariants found. */
  readonly violations: readonly Mismatch[]
  /** The run's journal, a line each, the header first. */
  readonly journal: readonly string[]
  /** That, those of other releases, and those of the second process. */
  readonly journals: readonly (readonly string[])[]
  readonly record: RunRecord
}

export async function play(
  scenario: Scenario,
  { machines, operations = [], journal: sink }: PlayOptions = {},
): Promise<Played> {
  const own = new Recordings()
  const second = new Recordings()
  const main = sink === undefined ? own : both(own, sink)
  const world = new World(scenario, { journals: { main, second }, operations, machines })
  const host = watchHost()
  try {
    const record = recordOf(world, { journal: own.lines, faults: host.faults })
    const checks = new InvariantChecks(record)
    await world.start(scenario.config?.requirement ?? 'required')
    const look = (moment: Moment) => {
      world.look()
      checks.look(moment)
    }
    const isBroken = () => checks.mismatches.length > 0
    await run(world, scenario, () => look('rest'), isBroken)
    look('end')
    const seen = observe(world)
    const [journal = [], ...journals] = [...own.journals(), ...second.journals()]
    await world.end()
    look('closed')
    return {
      seen,
      violations: checks.mismatches,
      journal,
      journals: [journal, ...journals],
      record,
    }
  } finally {
    host.stop()
  }
}

/** A run in which an invariant is broken need not come to its end. */
async function run(
  world: World,
  { steps, until }: Scenario,
  rested: () => void,
  isBroken: () => boolean,
): Promise<void> {
  const left = [...steps].sort((a, b) => a.at - b.at)
  const endAt = until ?? LONGEST_MS
  let alarmCount = 0
  /** Since when nothing happens any more but looks for commits; null: other things happen still. */
  let quietSince: number | null = null
  for (;;) {
    while (world.time.runNext()) {
      alarmCount += 1
      if (alarmCount > MOST_ALARMS && isBroken()) return
      if (alarmCount > MOST_ALARMS) throw new Error(`${MOST_ALARMS} alarms, and no end`)
      await world.rest()
      rested()
    }
    const due = left.filter((step) => step.at <= world.time.now)
    if (due.length > 0) {
      left.splice(0, due.length)
      await world.issueAll(due)
      rested()
      continue
    }
    const nextAt = Math.min(
      world.time.nextAt() ?? Number.POSITIVE_INFINITY,
      left[0]?.at ?? Number.POSITIVE_INFINITY,
    )
    if (nextAt !== Number.POSITIVE_INFINITY) quietSince = null
    else quietSince ??= world.time.now
    const goesTo = quietSince === null ? nextAt : quietSince + LONGEST_UNNOTICED_MS
    const inBackgroundAt = world.time.nextOfAllAt() ?? Number.POSITIVE_INFINITY
    const goesOnAt = Math.min(nextAt, inBackgroundAt)
    world.hasLooked = quietSince !== null && inBackgroundAt > goesTo
    if (world.hasLooked || goesOnAt > endAt) return
    world.time.now = Math.max(world.time.now, goesOnAt)
  }
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
    noSummary: (why) => wanted.noSummary?.(why),
  }
}
