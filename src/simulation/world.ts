/**
 * The simulated world of one scenario: the processes of an app, the disk that outlives them, the network
 * and the power of their machine, the scripted server and source, and a record of everything that was
 * seen.
 */
import type { Machines } from '../engine/engine.ts'
import type { JournalSink } from '../journal/lines.ts'
import type { Requirement } from '../model.ts'
import type { AnyOperationKind } from '../operations/define-operation.ts'
import type { PlatformEvent } from '../ports/platform.ts'
import type { Vault } from '../ports/vault.ts'
import type { Receipt } from '../api/receipts.ts'
import { factsOf, recordedKindsOf } from '../operations/kind-facts.ts'
import { isStorageError } from '../../storage/storage-error.ts'
import { AppProcess, type Ending } from './app-process.ts'
import { DatabaseFiles } from './database-files.ts'
import type { ReadState, Surroundings } from './process-parts.ts'
import { Recorder } from './recorder.ts'
import type { ProcessName } from './process-name.ts'
import type { Scenario, ScenarioStep } from './scenario.ts'
import { counter, kindsOf, kindsOfProcess } from './scenario-kinds.ts'
import { scenarioVault } from './scenario-vault.ts'
import { ScenarioTokens } from './scenario-tokens.ts'
import { ScriptedServer } from './scripted-server.ts'
import { ScriptedSources } from './scripted-sources.ts'
import type { SeenEvent, SeenTurn } from './seen.ts'
import { SeededRandom } from './seeded-random.ts'
import { SimulatedDisk } from './simulated-disk.ts'
import { type Life, VirtualTime } from './virtual-time.ts'

export interface WorldParts {
  /** Where each process writes its journal. */
  readonly journals: Readonly<Record<ProcessName, JournalSink>>
  /** Kinds beside the built-in ones. */
  readonly operations: readonly AnyOperationKind[]
  readonly machines?: Machines | undefined
}

export class World implements Surroundings {
  readonly scenario: Scenario
  readonly time = new VirtualTime()
  readonly files: DatabaseFiles
  readonly disk: SimulatedDisk
  readonly tokens: ScenarioTokens
  readonly server: ScriptedServer
  readonly sources: ScriptedSources
  /** Null: the app has none. */
  readonly vault: Vault | null
  readonly recorder: Recorder
  readonly events: SeenEvent[] = []
  /** What became of each read. */
  readonly reads = new Map<string, ReadState>()
  /** What each `look` saw, by the step's id. */
  readonly looks = new Map<string, unknown>()
  /** What each enqueue came to, by the step's id. */
  readonly enqueued = new Map<string, Promise<Receipt>>()
  isOnline = true
  /** What the platform says. */
  isSaidToBeOnline = true
  isAwake = true
  /** True once every process has looked for commits that it was not told of, since anything else happened. */
  hasLooked = false
  readonly #processes: Readonly<Record<ProcessName, AppProcess>>
  readonly #operations: readonly AnyOperationKind[]
  /** What the code of kinds draws: the same in every run. */
  readonly #draw = counter()
  #release = 1
  /** Of this release; null: not made yet. */
  #kinds: readonly AnyOperationKind[] | null = null
  readonly #checks = new WeakMap<Life, number>()

  constructor(scenario: Scenario, { journals, operations, machines }: WorldParts) {
    this.scenario = scenario
    this.#operations = operations
    this.tokens = new ScenarioTokens(scenario)
    const mayBeDamaged = scenario.steps.some((step) => 'disk' in step && step.disk === 'damaged')
    const told = (turn: SeenTurn['turn']) => this.recorder.turn(turn)
    const { system = 'linux', watch = 'works' } = this.config
    this.files = new DatabaseFiles(system, { time: this.time, watches: watch, told })
    this.disk = new SimulatedDisk(this.files, told, mayBeDamaged)
    this.recorder = new Recorder(this.time)
    this.sources = new ScriptedSources(scenario, this.time, this.tokens)
    this.server = new ScriptedServer({
      scenario,
      time: this.time,
      tokens: this.tokens,
      forgetsAfterMs: (kind) =>
        this.kinds.find((known) => known.kind === kind)?.spec.idempotencyWindowMs ?? null,
      look: (life, user, count) => ({
        life,
        wall: this.time.wall(),
        head: this.recorder.head(life, user, count),
        token: this.recorder.rows.tokens.get(user ?? '') ?? null,
      }),
    })
    const { vault = true } = this.config
    this.vault = vault === false ? null : scenarioVault(vault === true ? {} : vault)
    const process = (name: ProcessName, random: SeededRandom) =>
      new AppProcess({
        name,
        world: this,
        recorder: this.recorder,
        random,
        journal: journals[name],
        machines,
      })
    this.#processes = {
      main: process('main', new SeededRandom(1)),
      second: process('second', new SeededRandom(2, 'm')),
    }
  }

  get config(): NonNullable<Scenario['config']> {
    return this.scenario.config ?? {}
  }

  /** True if nothing more happens by itself. */
  get isQuiet(): boolean {
    return this.time.nextAt() === null && (this.hasLooked || this.time.nextOfAllAt() === null)
  }

  /** True if the process that dispatches has to look before it can know of commits of others (Q17). */
  get isUnaware(): boolean {
    const { life } = this.acting
    return !this.hasLooked && this.disk.commits.hasNewsFor(life) && this.files.isDeaf(life)
  }

  /** The kinds of the app's present release. */
  get kinds(): readonly AnyOperationKind[] {
    return (this.#kinds ??= this.#makeKinds())
  }

  /** The same, for a process that begins to live. */
  kindsFor(life: Life): readonly AnyOperationKind[] {
    return kindsOfProcess(this.kinds, (delayMs, run) => {
      this.#checks.set(life, this.checkCount(life) + 1)
      this.time.after(delayMs, () => {
        this.#checks.set(life, this.checkCount(life) - 1)
        if (life.isAlive) run()
      })
    })
  }

  /** How many payloads the schemas of this process have not answered yet. */
  checkCount(life: Life): number {
    return this.#checks.get(life) ?? 0
  }

  #makeKinds(): readonly AnyOperationKind[] {
    const own = new Set(this.#operations.map(({ kind }) => kind))
    const builtIn = kindsOf(this.#release, this.config.farewell === true, this.#draw)
    return [...builtIn.filter(({ kind }) => !own.has(kind)), ...this.#operations]
  }

  /** The process that dispatches; where none does, `main`, if that lives. */
  get acting(): AppProcess {
    const { main, second } = this.#processes
    if (!main.life.isAlive && second.life.isAlive) return second
    return second.life.isAlive && this.disk.holder === second.life ? second : main
  }

  async start(requirement: Requirement): Promise<void> {
    await this.#processes.main.start(requirement, 'start')
  }

  async end(): Promise<void> {
    const { main, second } = this.#processes
    for (const process of [second, main]) if (process.life.isAlive) await process.exit()
  }

  /** The steps of one instant are issued back to back, before any engine runs on. */
  async issueAll(steps: readonly ScenarioStep[]): Promise<void> {
    for (const step of steps) {
      const done = this.#issue(step)
      // Not even a microtask passes where nothing is waited for.
      if (done !== null) await done
    }
    await this.rest()
  }

  /** Lets everything run on; whoever dies in the course of it starts again. */
  async rest(): Promise<void> {
    await this.time.rest()
    while (await this.#reviveAny()) await this.time.rest()
  }

  /** Takes in what is in the tables by now. */
  look(): void {
    this.recorder.look(this.acting.lifeIndex)
  }

  /** Null: it is done already. */
  #issue(step: ScenarioStep): Promise<void> | null {
    if ('network' in step) this.#setNetwork(step.network, step.silent === true)
    else if ('power' in step) {
      this.isAwake = step.power === 'resume'
      this.#tell(this.isAwake ? 'resumed' : 'suspended')
    } else if ('sleep' in step) {
      this.time.sleep(step.sleep, this.config.system ?? 'linux')
      this.recorder.turn('slept', step.sleep)
    } else if ('wall' in step) {
      this.time.wallShift += step.wall
      this.recorder.turn('wall', step.wall)
    } else if ('disk' in step && step.disk === 'damaged') {
      this.look()
      this.disk.damage(step.rows, step.page ?? 1)
      this.recorder.turn('disk')
    } else if ('disk' in step && step.disk === 'no-room') this.disk.limitRoom(true)
    else if ('disk' in step) {
      if (step.disk === 'works') this.disk.limitRoom(false)
      this.disk.fail(step.disk === 'works' ? null : step.disk, step.times ?? 1)
    } else if ('sideFile' in step) {
      if (step.sideFile === 'removed') this.files.removeSideFile()
      else this.files.failWatches()
    } else if ('scanner' in step) {
      this.files.hold(step.scanner.file, step.scanner.tries)
    } else if ('release' in step) {
      this.#release = step.release
      this.#kinds = null
    } else return this.#issueTo(this.#processes[step.process ?? 'main'], step)
    return null
  }

  #issueTo(process: AppProcess, step: ScenarioStep): Promise<void> | null {
    if ('start' in step) return process.life.isAlive ? null : process.start('unknown', 'start')
    // Who does not live takes no step.
    if (!process.life.isAlive) return null
    if (process.isClosing && !('crash' in step)) return null
    if ('restart' in step) return this.#close(process, step.restart, 'restart')
    if ('exit' in step) {
      return this.#isLast(process) ? null : this.#close(process, step.exit, 'exit')
    }
    if ('crash' in step) {
      if (step.crash === true) return this.#crash(process)
      this.disk.dieAt(process.life, step.crash)
    } else process.issue(step)
    return null
  }

  #isLast(process: AppProcess): boolean {
    return Object.values(this.#processes).every(
      (one) => one === process || !one.life.isAlive || one.isClosing,
    )
  }

  #close(process: AppProcess, closing: true | number, ending: Ending): Promise<void> | null {
    if (closing === true) return ending === 'exit' ? process.exit() : this.#restart(process)
    process.beginClosing(closing, ending)
    return null
  }

  async #restart(process: AppProcess): Promise<void> {
    await process.exit()
    // Who has died of it starts again as such.
    if (!process.hasDied) await process.start('unknown', 'restart')
  }

  async #crash(process: AppProcess): Promise<void> {
    process.die()
    await this.#revive(process)
  }

  /** The process starts again at once. */
  async #revive(process: AppProcess): Promise<void> {
    const others = Object.values(this.#processes).filter(({ life }) => life.isAlive)
    if (others.length === 0) this.disk.remount()
    await process.start('unknown', 'crash')
  }

  /** A damaged database is salvaged before a process starts: until then every other one has died, and starts after it. */
  heal(): void {
    if (!this.disk.isDamaged) return
    for (const process of Object.values(this.#processes)) {
      if (!process.life.isAlive) continue
      process.die()
      process.hasDied = true
    }
    this.#setAside()
    const { rows } = this.recorder
    const spots = [...rows.pending.values(), ...rows.letters.values()]
    const kinds = recordedKindsOf(factsOf(this.kinds))
    const salvaged = this.disk.salvage(spots, kinds, this.time.wall())
    if (salvaged !== null) this.recorder.salvaged(salvaged)
  }

  /** A start fails while another program has a file of the database open, and the app starts again. */
  #setAside(): void {
    for (let tries = 1; ; tries += 1) {
      const tried = this.files.setAside(this.time.wall())
      this.recorder.setAsides.push({ at: this.time.now, ...tried })
      const { error } = tried
      if (error === null) return
      if (!isBusy(error) || tries === MOST_STARTS) throw error
      this.time.pass(START_AGAIN_MS)
    }
  }

  /** Answers whether a process had died of itself, has closed, or was told that only a new opening helps. */
  async #reviveAny(): Promise<boolean> {
    for (const process of Object.values(this.#processes)) {
      const { closedFor } = process
      if (closedFor !== null && process.life.isAlive) {
        process.endClosed()
        if (closedFor === 'restart') await process.start('unknown', 'restart')
        return true
      }
      if (process.hasDied) {
        await this.#revive(process)
        return true
      }
      if (process.isBroken && process.life.isAlive) {
        await this.#restart(process)
        return true
      }
    }
    return false
  }

  #setNetwork(state: 'up' | 'down', isSilent: boolean): void {
    this.isOnline = state === 'up'
    this.server.setNetwork(state)
    if (isSilent) return
    this.isSaidToBeOnline = this.isOnline
    this.#tell(this.isOnline ? 'online' : 'offline')
  }

  #tell(event: PlatformEvent): void {
    this.recorder.turn(event)
    for (const process of Object.values(this.#processes)) process.tell(event)
  }
}

/** How long the app waits after a start that has failed. */
const START_AGAIN_MS = 1000

/** No program of a scenario has a file open for so long. */
const MOST_STARTS = 100

function isBusy(error: Error): boolean {
  return isStorageError(error) && error.code === 'STORAGE_BUSY'
}
