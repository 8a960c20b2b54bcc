/**
 * The simulated world of one scenario: a process that may die and start again, the database that
 * outlives it, the scripted server and source, and a record of everything that was seen.
 */
import SqliteDatabase, { type Database } from 'better-sqlite3'
import { SqliteStorage } from '../../storage/sqlite/sqlite-storage.ts'
import { Holdfast } from '../client.ts'
import { TokenDeniedError } from '../errors.ts'
import { EVENT_NAMES, type EventName, type HoldfastEvents } from '../events.ts'
import type { Machines } from '../holdfast.ts'
import type { JournalSink } from '../journal/lines.ts'
import type { Requirement } from '../model.ts'
import {
  type BackoffOptions,
  type HoldfastOptions,
  resolveOptions,
  type Settings,
} from '../options.ts'
import type { PlatformEvent } from '../ports/platform.ts'
import type { TokenSource } from '../ports/token-source.ts'
import type { Receipt } from '../receipts.ts'
import type { RunRecord } from './invariants/run-record.ts'
import { type Outside, recordOf } from './record-of.ts'
import type { Scenario, ScenarioStep, SourceAnswer } from './scenario.ts'
import { scenarioKinds } from './scenario-kinds.ts'
import { ScenarioTokens } from './scenario-tokens.ts'
import { scenarioVault } from './scenario-vault.ts'
import { type ClientSide, ScriptedServer } from './scripted-server.ts'
import { Recorder } from './recorder.ts'
import type { SeenCall, SeenEvent, SeenLife, SourceCall, SourceOutcome } from './seen.ts'
import { SeededRandom } from './seeded-random.ts'
import { type Life, VirtualTime } from './virtual-time.ts'

export type ReadState = 'waiting' | 'completed' | 'deferred' | 'cancelled' | 'failed'

export class World {
  readonly time = new VirtualTime()
  readonly tokens: ScenarioTokens
  readonly server: ScriptedServer
  readonly events: SeenEvent[] = []
  readonly sourceCalls: SourceCall[] = []
  readonly recorder: Recorder
  /** Calls that rejected, by the step's id. */
  readonly rejects = new Map<string, string>()
  /** What became of each read. */
  readonly reads = new Map<string, ReadState>()
  readonly #scenario: Scenario
  readonly #journal: JournalSink | null
  readonly #machines: Machines | undefined
  readonly #random: SeededRandom
  readonly #enqueued = new Map<string, Promise<Receipt>>()
  readonly #platformListeners = new Set<(event: PlatformEvent) => void>()
  #database: Database
  #life: Life = { isAlive: true }
  #holdfast: Holdfast | null = null
  #settings: Settings | null = null
  #isOnline = true
  #isAwake = true
  #isPaused = false
  /** Who is logged in, and what the server demands, by what the app has called. */
  #identity: string | null = null
  #requirement: Requirement = 'unknown'

  constructor(scenario: Scenario, journal: JournalSink | null, machines?: Machines) {
    this.#scenario = scenario
    this.#journal = journal
    this.#machines = machines
    this.#random = new SeededRandom(1)
    this.#database = new SqliteDatabase(':memory:')
    this.tokens = new ScenarioTokens(scenario)
    this.recorder = new Recorder(this.time)
    this.server = new ScriptedServer(
      scenario,
      this.time,
      this.tokens,
      nameOf,
      (user, count): ClientSide => ({
        life: this.recorder.life,
        wall: this.time.wall(),
        requirement: this.#requirement,
        head: this.recorder.head(user, count),
        token: this.recorder.rows.tokens.get(user ?? '') ?? null,
      }),
    )
  }

  get holdfast(): Holdfast {
    if (this.#holdfast === null) throw new Error('the engine has not been started')
    return this.#holdfast
  }

  get database(): Database {
    return this.#database
  }

  /** What the invariants look at; `journal`: the lines written so far, and those to come. */
  record(journal: readonly string[], faults: readonly unknown[]): RunRecord {
    return recordOf(this, { journal, faults })
  }

  /** As the app and the machine have it. */
  get outside(): Outside {
    return {
      identity: this.#identity,
      requirement: this.#requirement,
      isOnline: this.#isOnline,
      isAwake: this.#isAwake,
      isPaused: this.#isPaused,
    }
  }

  /** The options that the process decides by. */
  get settings(): Settings {
    if (this.#settings === null) throw new Error('the engine has not been started')
    return this.#settings
  }

  get timerCount(): number {
    return this.time.countArmed(this.#life)
  }

  get listenerCount(): number {
    return this.#platformListeners.size
  }

  /** Starts a process on the database as it is. */
  async start(requirement: Requirement, beganBy: SeenLife['beganBy'] = 'start'): Promise<void> {
    this.#life = { isAlive: true }
    const options = resolveOptions(this.#options(requirement))
    this.#settings = options.settings
    this.recorder.begin(beganBy, this.#database, scenarioKinds)
    this.#identity = this.recorder.rows.identity
    const stored = this.recorder.rows.requirement as Requirement
    this.#requirement = requirement === 'unknown' ? stored : requirement
    this.#isPaused = false
    const holdfast = new Holdfast(options, this.#machines)
    this.#holdfast = holdfast
    this.#listen(holdfast, this.#life)
    const failures: Error[] = []
    holdfast.start().catch((error: Error) => {
      failures.push(error)
    })
    await this.time.rest()
    const [failure] = failures
    if (failure !== undefined) throw failure
    this.recorder.begun(this.#database)
  }

  /** The process dies at this moment and starts again at once; what was in flight is never answered. */
  async crash(): Promise<void> {
    this.#die()
    this.#database = new SqliteDatabase(this.#database.serialize())
    await this.start('unknown', 'crash')
  }

  async restart(): Promise<void> {
    await this.end()
    await this.start('unknown', 'restart')
  }

  async end(): Promise<void> {
    const closed = this.holdfast.close({ deadlineMs: 0 })
    await this.#settleNow(closed)
    const { timerCount: timers, listenerCount: listeners } = this
    this.recorder.closed({ timers, listeners })
    this.#die()
  }

  /** Takes one step, without letting the engine run on. */
  issue(step: ScenarioStep): void {
    const { holdfast } = this
    if ('login' in step) {
      const { user, token } = step.login
      const options = token === undefined ? {} : { token: this.tokens.secret(token) }
      const call = this.recorder.call({ name: 'login', user, token: token ?? null })
      this.#identity = user
      this.#note(call, holdfast.login(user, options))
    } else if ('logout' in step) {
      const call = this.recorder.call({ name: 'logout', user: this.#identity })
      this.#identity = null
      this.#note(call, holdfast.logout({ pending: step.logout }))
    } else if ('updateToken' in step) {
      const { user, token } = step.updateToken
      const call = this.recorder.call({ name: 'updateToken', user, token })
      this.#note(call, holdfast.updateToken(user, this.tokens.secret(token)))
    } else if ('requirement' in step) {
      const call = this.recorder.call({ name: 'setRequirement', user: this.#identity })
      this.server.requirement = step.requirement
      this.#requirement = step.requirement
      this.#note(call, holdfast.setRequirement(step.requirement))
    } else if ('enqueue' in step) this.#enqueue(step.enqueue)
    else if ('cancel' in step) this.#onOperation('cancel', step.cancel)
    else if ('retry' in step) this.#onOperation('retry', step.retry)
    else if ('discard' in step) this.#onOperation('discard', step.discard)
    else if ('network' in step) this.#setNetwork(step.network)
    else if ('power' in step) {
      this.#isAwake = step.power === 'resume'
      this.#tell(this.#isAwake ? 'resumed' : 'suspended')
    } else if ('queue' in step) {
      this.#isPaused = step.queue === 'pause'
      if (this.#isPaused) holdfast.pause()
      else holdfast.resume()
    } else if ('wall' in step) {
      this.time.wallShift += step.wall
      this.recorder.turn('wall', step.wall)
    } else if ('read' in step) this.#read(step.read)
  }

  #enqueue({
    id,
    kind,
    payload = {},
    expiresInMs,
  }: Extract<ScenarioStep, { enqueue: unknown }>['enqueue']): void {
    const user = this.#identity
    const call = this.recorder.call({ name: 'enqueue', step: id, user, draft: { kind, payload } })
    this.#random.nextNonce = id
    const draft = { kind, payload, ...(expiresInMs === undefined ? {} : { expiresInMs }) }
    const enqueued = this.holdfast.enqueue(draft)
    this.#random.nextNonce = null
    this.#enqueued.set(id, enqueued)
    const life = this.#life
    this.#note(
      call,
      enqueued.then((receipt) => {
        if (life.isAlive) this.recorder.acknowledge(call, receipt.id)
      }),
    )
  }

  #onOperation(name: 'cancel' | 'retry' | 'discard', step: string): void {
    const { holdfast } = this
    const life = this.#life
    const act = (id: string) => {
      // Whoever has died meanwhile has not called.
      if (!life.isAlive) return
      const call = this.recorder.call({ name, step, user: this.#identity })
      this.#note(call, holdfast[name](id))
    }
    const enqueued = this.#enqueued.get(step)
    if (enqueued === undefined) act(step)
    else enqueued.then(({ id }) => act(id), ignore)
  }

  #read({ id, after }: Extract<ScenarioStep, { read: unknown }>['read']): void {
    const life = this.#life
    this.reads.set(id, 'waiting')
    const begin = (ids: readonly string[] | undefined) => {
      if (!life.isAlive) return
      const call = this.recorder.call({ name: 'read', step: id, user: this.#identity })
      this.#random.nextNonce = id
      const read = this.holdfast.read({
        request: ({ owner, position }) => ({
          method: 'GET',
          path: owner.user === null ? '/anonymous/read' : `/users/${owner.user}/read`,
          query: position === null ? {} : { position },
        }),
        ...(ids === undefined ? {} : { after: ids }),
      })
      this.#random.nextNonce = null
      this.#note(call, read)
      read.then(
        () => this.#readEnded(id, 'completed', life),
        (error: { readonly code?: unknown }) =>
          this.#readEnded(id, error.code === 'READ_CANCELLED' ? 'cancelled' : 'failed', life),
      )
    }
    if (after === undefined || after.length === 0) {
      begin(after)
      return
    }
    const receipts = after.map(async (name) => (await this.#enqueued.get(name))?.id ?? '')
    const ids = Promise.all(receipts)
    void ids.then(begin, ignore)
  }

  #readEnded(id: string, state: ReadState, life: Life): void {
    if (life.isAlive) this.reads.set(id, state)
  }

  #setNetwork(state: 'up' | 'down'): void {
    this.#isOnline = state === 'up'
    this.server.setNetwork(state)
    this.#tell(state === 'up' ? 'online' : 'offline')
  }

  #tell(event: PlatformEvent): void {
    this.recorder.turn(event)
    for (const listener of this.#platformListeners) listener(event)
  }

  #note(call: SeenCall, promise: Promise<unknown>): void {
    const life = this.#life
    promise.then(
      () => {
        if (life.isAlive) this.recorder.settle(call)
      },
      (error: unknown) => {
        if (!life.isAlive) return
        this.recorder.settle(call, error)
        if (call.step === null) return
        const code = (error as { readonly code?: unknown }).code
        this.rejects.set(call.step, typeof code === 'string' ? code : (error as Error).name)
      },
    )
  }

  #die(): void {
    this.recorder.look()
    this.#life.isAlive = false
    this.#platformListeners.clear()
    this.server.forgetInFlight()
  }

  /** Closing with a deadline of 0 takes no virtual time: only what is due now. */
  async #settleNow(closed: Promise<void>): Promise<void> {
    let isDone = false
    closed.then(
      () => {
        isDone = true
      },
      () => {
        isDone = true
      },
    )
    do {
      await this.time.rest()
    } while (!isDone && this.time.runNext())
  }

  #options(requirement: Requirement): HoldfastOptions {
    const { vault = true, backoff, ...config } = this.#scenario.config ?? {}
    const life = this.#life
    return {
      ...(withoutUndefined(config) as Partial<HoldfastOptions>),
      requirement,
      storage: new SqliteStorage({ database: this.#database }),
      transport: this.server.transport(life),
      operations: scenarioKinds,
      backoff: { jitter: false, ...withoutUndefined(backoff ?? {}) } as BackoffOptions,
      clock: this.time.clock(life),
      random: this.#random,
      platform: {
        isOnline: () => this.#isOnline,
        subscribe: (listener) => {
          this.#platformListeners.add(listener)
          return () => this.#platformListeners.delete(listener)
        },
      },
      ...(vault ? { vault: scenarioVault } : {}),
      ...(this.#scenario.source === undefined ? {} : { tokens: this.#source(life) }),
      ...(this.#journal === null ? {} : { journal: whileAlive(this.#journal, life) }),
    }
  }

  /** The n-th call, over all users and lives, gets the n-th answer; past the end it never answers. */
  #source(life: Life): TokenSource {
    return ({ user, reason }) => {
      const call: SourceCall = {
        at: this.time.now,
        user,
        reason,
        life: this.recorder.life,
        answer: null,
      }
      this.sourceCalls.push(call)
      const answer = this.#scenario.source?.[this.sourceCalls.length - 1]
      return new Promise((resolve, reject) => {
        if (answer === undefined) return
        this.time.after(answer.after ?? 0, () => {
          if (!life.isAlive) return
          call.answer = sourceOutcome(this.time, answer)
          if ('token' in answer) resolve(this.tokens.secret(answer.token))
          else if ('none' in answer) resolve(null)
          else if ('denied' in answer) reject(new TokenDeniedError())
          else reject(new Error('the scripted source threw'))
        })
      })
    }
  }

  #listen(holdfast: Holdfast, life: Life): void {
    for (const event of EVENT_NAMES) {
      holdfast.on(event, (detail) => {
        if (!life.isAlive) return
        const seen = seenEvent(this.time.now, event, detail)
        this.events.push(seen)
        if (event === 'read.deferred') this.reads.set(seen.id ?? '', 'deferred')
        this.recorder.hear(event, detail)
      })
    }
  }
}

/** The simulation's ids end in the name that the scenario gives the operation. */
export function nameOf(id: string): string {
  return id.split('.').slice(2).join('.')
}

/** Whoever enqueued has been told already. */
function ignore(): void {}

function sourceOutcome(time: VirtualTime, answer: SourceAnswer): SourceOutcome {
  const at = { at: time.now, wall: time.wall() }
  if ('token' in answer) return { ...at, outcome: 'token', token: answer.token }
  if ('none' in answer) return { ...at, outcome: 'none', token: null }
  return { ...at, outcome: 'denied' in answer ? 'denied' : 'throws', token: null }
}

function seenEvent(at: number, event: EventName, detail: HoldfastEvents[EventName]): SeenEvent {
  const { id, user, kind, reason, error, suspected } = detail as {
    readonly id?: string
    readonly user?: string | null
    readonly kind?: string
    readonly reason?: string
    readonly error?: { readonly code: string }
    readonly suspected?: boolean
  }
  return {
    at,
    event,
    id: id === undefined ? null : nameOf(id),
    user: user ?? null,
    kind: kind ?? null,
    reason: reason ?? null,
    code: error?.code ?? null,
    suspected: suspected ?? null,
  }
}

/** A dead process writes nothing. */
function whileAlive(sink: JournalSink, life: Life): JournalSink {
  return {
    header: (header) => {
      if (life.isAlive) sink.header(header)
    },
    write: (line, t, wall) => {
      if (life.isAlive) sink.write(line, t, wall)
    },
    wantsSummary: () => life.isAlive && sink.wantsSummary?.() === true,
  }
}

function withoutUndefined<T extends object>(object: T): Partial<T> {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as Partial<T>
}
