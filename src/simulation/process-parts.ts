/** The parts of one process of the simulated app, and the view that it has of the world around it. */
import type { Receipt } from '../api/receipts.ts'
import type { Machines } from '../engine/engine.ts'
import type { JournalSink } from '../journal/lines.ts'
import type { AnyOperationKind } from '../operations/define-operation.ts'
import type { Vault } from '../ports/vault.ts'
import type { ProcessName } from './process-name.ts'
import type { Recorder } from './recorder.ts'
import type { Scenario } from './scenario.ts'
import type { ScenarioTokens } from './scenario-tokens.ts'
import type { ScriptedServer } from './scripted-server.ts'
import type { ScriptedSources } from './scripted-sources.ts'
import type { SeededRandom } from './seeded-random.ts'
import type { SeenEvent } from './seen.ts'
import type { SimulatedDisk } from './simulated-disk.ts'
import type { Life, VirtualTime } from './virtual-time.ts'

export interface ProcessParts {
  readonly name: ProcessName
  readonly world: Surroundings
  readonly recorder: Recorder
  readonly random: SeededRandom
  readonly journal: JournalSink
  readonly machines: Machines | undefined
}

/** The part of the world that a process uses. */
export interface Surroundings {
  readonly scenario: Scenario
  readonly config: NonNullable<Scenario['config']>
  readonly time: VirtualTime
  readonly disk: SimulatedDisk
  readonly tokens: ScenarioTokens
  readonly server: ScriptedServer
  readonly sources: ScriptedSources
  /** Null: the app has none. */
  readonly vault: Vault | null
  readonly events: SeenEvent[]
  /** The present state of each read, by the step's id. */
  readonly reads: Map<string, ReadState>
  /** The answer to each `look`, by the step's id. */
  readonly looks: Map<string, unknown>
  /** The receipt of each enqueue, by the step's id. */
  readonly enqueued: Map<string, Promise<Receipt>>
  /** True if the platform says that the network is up. */
  readonly isSaidToBeOnline: boolean
  /** The kinds of the app's present release. */
  readonly kinds: readonly AnyOperationKind[]
  /** The same, for a process that begins to live. */
  kindsFor(life: Life): readonly AnyOperationKind[]
  /** Salvages a damaged database before a process starts. */
  heal(): void
}

export type ReadState = 'waiting' | 'completed' | 'deferred' | 'cancelled' | 'failed'
