/**
 * One process of the simulated app: it lives, dies, and starts again on the same disk. What its steps call is in
 * `AppCalls`.
 */
import type { Database } from 'better-sqlite3'
import { LiveHoldfast } from '../api/live-holdfast.ts'
import { HoldfastError } from '../errors.ts'
import { EVENT_NAMES } from '../events.ts'
import type { Requirement } from '../model.ts'
import {
  type BackoffOptions,
  type HoldfastOptions,
  resolveOptions,
  type Settings,
} from '../options.ts'
import type { PlatformEvent } from '../ports/platform.ts'
import { AppCalls } from './app-calls.ts'
import type { Inhabitant, TransactionEnd } from './simulated-disk.ts'
import type { ProcessParts } from './process-parts.ts'
import type { Scenario, ScenarioStep } from './scenario.ts'
import { whileAlive } from './living-journal.ts'
import { seenEvent, type SeenLife } from './seen.ts'
import type { Life } from './virtual-time.ts'
import { withoutUndefined } from './without-undefined.ts'

/** Why a process closes. */
export type Ending = 'exit' | 'restart'

export class AppProcess {
  /** Who is logged in, and what the server demands, by what the app has called. */
  identity: string | null = null
  requirement: Requirement = 'unknown'
  isPaused = false
  /** Did it die of itself, and has not been started since? */
  hasDied = false
  /** Was it told that only a new opening of the storage helps, and has waited since? Then it starts again. */
  isBroken = false
  /** True from the moment in which it begins to close with a deadline: it takes no further step. */
  isClosing = false
  /** What comes after that close; null: it has not ended. */
  closedFor: Ending | null = null
  /** Which of the recorded lives is the present one. */
  lifeIndex = -1
  #isStarting = false
  readonly #parts: ProcessParts
  readonly #calls: AppCalls
  readonly #platformListeners = new Set<(event: PlatformEvent) => void>()
  #life: Life = { isAlive: false }
  #holdfast: LiveHoldfast | null = null
  #inhabitant: Inhabitant | null = null
  #settings: Settings | null = null

  constructor(parts: ProcessParts) {
    this.#parts = parts
    this.#calls = new AppCalls(this, parts)
  }

  get life(): Life {
    return this.#life
  }

  get holdfast(): LiveHoldfast {
    if (this.#holdfast === null) throw new Error('the process has not been started')
    return this.#holdfast
  }

  get settings(): Settings {
    if (this.#settings === null) throw new Error('the process has not been started')
    return this.#settings
  }

  get timerCount(): number {
    return this.#parts.world.time.countArmed(this.#life)
  }

  get listenerCount(): number {
    return this.#platformListeners.size
  }

  /** The app tries again where the disk fails it. */
  async start(requirement: Requirement, beganBy: SeenLife['beganBy']): Promise<void> {
    for (;;) {
      const failure = await this.#begin(requirement, beganBy)
      if (failure === null) return
      if (!(failure instanceof HoldfastError && failure.retryable)) throw failure
      this.die()
    }
  }

  async #begin(requirement: Requirement, beganBy: SeenLife['beganBy']): Promise<Error | null> {
    const { name, world, recorder, machines } = this.#parts
    world.heal()
    const life = { isAlive: true }
    this.#life = life
    const options = resolveOptions(this.#options(requirement, life))
    this.#settings = options.settings
    this.lifeIndex = recorder.begin(name, beganBy, world.disk.database, world.kinds)
    this.isPaused = false
    this.hasDied = false
    this.isBroken = false
    this.isClosing = false
    this.closedFor = null
    const holdfast = new LiveHoldfast(options, machines)
    this.#holdfast = holdfast
    this.#listen(holdfast, life)
    this.#isStarting = true
    const failures: Error[] = []
    holdfast.start().catch((error: Error) => failures.push(error))
    await world.time.rest()
    this.#isStarting = false
    const [failure] = failures
    if (failure !== undefined && life.isAlive) {
      this.#rejected('start', failure)
      return failure
    }
    recorder.begun(world.disk.database, this.lifeIndex)
    return null
  }

  /** What was in flight is never answered, and nothing more comes of what it had begun. */
  die(): void {
    if (!this.#life.isAlive) return
    const { recorder, world } = this.#parts
    recorder.look(this.lifeIndex)
    this.#life.isAlive = false
    this.#platformListeners.clear()
    world.server.forgetInFlight(this.#life)
    world.disk.leave(this.#life)
    recorder.ended(this.lifeIndex)
  }

  /** Closes with a deadline of 0, which takes no virtual time: only what is due now. */
  async exit(): Promise<void> {
    const { world } = this.#parts
    let isDone = false
    void this.#close(0).finally(() => {
      isDone = true
    })
    do {
      await world.time.rest()
    } while (!isDone && this.#life.isAlive && world.time.runNext())
    this.endClosed()
  }

  /** Begins to close. What is in flight may end within the deadline, and the world goes on meanwhile. */
  beginClosing(deadlineMs: number, ending: Ending): void {
    const life = this.#life
    this.isClosing = true
    this.#parts.recorder.turn('closing')
    void this.#close(deadlineMs).finally(() => {
      if (life.isAlive) this.closedFor = ending
    })
  }

  /** It has closed, and ends. */
  endClosed(): void {
    const { recorder, world } = this.#parts
    if (!this.#life.isAlive) return
    // Those of the storage too.
    const timers = world.time.countAllArmed(this.#life)
    recorder.closed(this.lifeIndex, { timers, listeners: this.listenerCount })
    this.die()
  }

  async #close(deadlineMs: number): Promise<void> {
    this.#parts.recorder.closing(this.lifeIndex)
    try {
      await this.holdfast.close({ deadlineMs })
    } catch (error) {
      // What cannot be stored any more is lost with the process.
      if (this.#life.isAlive) this.#rejected('close', error)
    }
  }

  /** A call of the process that no step makes. */
  #rejected(name: 'start' | 'close', error: unknown): void {
    const { recorder } = this.#parts
    recorder.reject(recorder.call(this.lifeIndex, { name, user: null }), error)
  }

  tell(event: PlatformEvent): void {
    for (const listener of this.#platformListeners) listener(event)
  }

  /**
   * A transaction of the app on the connection that Holdfast uses too. It ends in this instant, as the app wants or as the
   * disk and death have it.
   */
  transaction<T>(
    end: TransactionEnd,
    run: (database: Database) => T,
  ): { readonly value: T; readonly isCommitted: boolean } {
    if (this.#inhabitant === null) throw new Error('the process has not been started')
    return this.#parts.world.disk.transaction(this.#inhabitant, end, run)
  }

  /** Takes one step, without letting the engine run on. */
  issue(step: ScenarioStep): void {
    this.#calls.issue(step)
  }

  #options(requirement: Requirement, life: Life): HoldfastOptions {
    const { world, random, journal, recorder } = this.#parts
    const { vault: _v, backoff, farewell: _f, system: _s, watch: _w, ...config } = world.config
    const index = recorder.lives.length
    this.#inhabitant = this.#asInhabitant(life, index, requirement)
    return {
      ...(withoutUndefined(config) as Partial<HoldfastOptions>),
      requirement,
      storage: world.disk.storage(this.#inhabitant),
      transport: world.server.transport(life, index, () => this.requirement),
      operations: world.kindsFor(life),
      backoff: backoffOf(backoff ?? {}),
      clock: world.time.clock(life),
      random,
      platform: {
        isOnline: () => world.isSaidToBeOnline,
        subscribe: (listener) => {
          this.#platformListeners.add(listener)
          return () => this.#platformListeners.delete(listener)
        },
      },
      ...(world.vault === null ? {} : { vault: world.vault }),
      ...(world.scenario.source === undefined
        ? {}
        : { tokenSource: world.sources.tokens(life, index) }),
      ...(world.scenario.requirementSource !== undefined && {
        requirementSource: world.sources.requirement(life, index, (learned) => {
          this.requirement = learned
        }),
      }),
      journal: whileAlive(journal, life),
    }
  }

  #asInhabitant(life: Life, index: number, requirement: Requirement): Inhabitant {
    const { recorder } = this.#parts
    return {
      life,
      died: (at) => {
        recorder.turn(`death-${at}`)
        this.die()
        this.hasDied = true
      },
      committed: () => recorder.look(index),
      found: (stored) => {
        // Later it has an identity of its own (Q17).
        if (!this.#isStarting) return
        this.identity = stored.identity
        this.requirement = requirement === 'unknown' ? stored.requirement : requirement
      },
    }
  }

  #startAgainSoon(life: Life): void {
    // A commit of this instant has failed, and is not repeated.
    this.#parts.recorder.turn('disk')
    this.#parts.world.time.after(RESTART_MS, () => {
      if (life.isAlive) this.isBroken = true
    })
  }

  #listen(holdfast: LiveHoldfast, life: Life): void {
    const { world, recorder } = this.#parts
    for (const event of EVENT_NAMES) {
      holdfast.on(event, (detail) => {
        if (!life.isAlive) return
        const seen = seenEvent(world.time.now, event, detail)
        world.events.push(seen)
        if (event === 'error' && seen.code === 'STORAGE_CORRUPT' && !('salvaged' in detail)) {
          this.#startAgainSoon(life)
        }
        if (event === 'read.deferred') world.reads.set(seen.id ?? '', 'deferred')
        recorder.hear(this.lifeIndex, event, detail)
      })
    }
  }
}

/** How long an app takes to start again after it was told of damage. */
const RESTART_MS = 1000

/** The scenario format has its own words. */
function backoffOf(
  backoff: NonNullable<NonNullable<Scenario['config']>['backoff']>,
): BackoffOptions {
  const { base, cap, jitter = false } = backoff
  return {
    jitter,
    ...(base === undefined ? {} : { baseMs: base }),
    ...(cap === undefined ? {} : { capMs: cap }),
  }
}
