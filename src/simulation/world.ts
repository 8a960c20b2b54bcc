/**
 * The simulated world of one scenario: a process that may die and start again, the database that
 * outlives it, the scripted server and source, and a record of everything that was seen.
 */
import SqliteDatabase, { type Database } from 'better-sqlite3'
import { SqliteStorage } from '../../storage/sqlite/sqlite-storage.ts'
import { Holdfast } from '../client.ts'
import { TokenDeniedError } from '../errors.ts'
import type { EventName, HoldfastEvents } from '../events.ts'
import type { Machines } from '../holdfast.ts'
import type { JournalSink } from '../journal/lines.ts'
import type { Requirement } from '../model.ts'
import { type BackoffOptions, type HoldfastOptions, resolveOptions } from '../options.ts'
import type { PlatformEvent } from '../ports/platform.ts'
import type { TokenSource } from '../ports/token-source.ts'
import type { Receipt } from '../receipts.ts'
import type { Scenario, ScenarioStep } from './scenario.ts'
import { scenarioKinds } from './scenario-kinds.ts'
import { ScenarioTokens } from './scenario-tokens.ts'
import { scenarioVault } from './scenario-vault.ts'
import { ScriptedServer } from './scripted-server.ts'
import { SeededRandom } from './seeded-random.ts'
import { type Life, VirtualTime } from './virtual-time.ts'

/** An event as the app heard it. */
export interface SeenEvent {
  readonly at: number
  readonly event: EventName
  readonly id: string | null
  readonly user: string | null
  readonly kind: string | null
  readonly reason: string | null
  readonly code: string | null
  readonly suspected: boolean | null
}

export interface SourceCall {
  readonly at: number
  readonly user: string
  readonly reason: string
}

const EVENTS: readonly EventName[] = [
  'operation.enqueued',
  'operation.sent',
  'operation.retrying',
  'operation.completed',
  'operation.dropped',
  'operation.cancelled',
  'operation.dead',
  'token.needed',
  'token.updated',
  'token.refused',
  'token.refreshFailed',
  'identity.changed',
  'requirement.changed',
  'lane.held',
  'lane.released',
  'queue.paused',
  'queue.resumed',
  'queue.drained',
  'error',
]

export class World {
  readonly time = new VirtualTime()
  readonly tokens: ScenarioTokens
  readonly server: ScriptedServer
  readonly events: SeenEvent[] = []
  readonly sourceCalls: SourceCall[] = []
  /** Calls that rejected, by the step's id. */
  readonly rejects = new Map<string, string>()
  /** The operations whose `enqueue()` resolved, by name. */
  readonly acknowledged: string[] = []
  readonly #scenario: Scenario
  readonly #journal: JournalSink | null
  readonly #machines: Machines | undefined
  readonly #random: SeededRandom
  readonly #enqueued = new Map<string, Promise<Receipt>>()
  readonly #platformListeners = new Set<(event: PlatformEvent) => void>()
  #database: Database
  #life: Life = { isAlive: true }
  #holdfast: Holdfast | null = null
  #isOnline = true

  constructor(scenario: Scenario, journal: JournalSink | null, machines?: Machines) {
    this.#scenario = scenario
    this.#journal = journal
    this.#machines = machines
    this.#random = new SeededRandom(1)
    this.#database = new SqliteDatabase(':memory:')
    this.tokens = new ScenarioTokens(scenario)
    this.server = new ScriptedServer(scenario, this.time, this.tokens, nameOf)
  }

  get holdfast(): Holdfast {
    if (this.#holdfast === null) throw new Error('the engine has not been started')
    return this.#holdfast
  }

  get database(): Database {
    return this.#database
  }

  /** Starts a process on the database as it is. */
  async start(requirement: Requirement): Promise<void> {
    this.#life = { isAlive: true }
    const holdfast = new Holdfast(resolveOptions(this.#options(requirement)), this.#machines)
    this.#holdfast = holdfast
    this.#listen(holdfast, this.#life)
    const failures: Error[] = []
    holdfast.start().catch((error: Error) => {
      failures.push(error)
    })
    await this.time.rest()
    const [failure] = failures
    if (failure !== undefined) throw failure
  }

  /** The process dies at this moment and starts again at once; what was in flight is never answered. */
  async crash(): Promise<void> {
    this.#die()
    this.#database = new SqliteDatabase(this.#database.serialize())
    await this.start('unknown')
  }

  async restart(): Promise<void> {
    const closed = this.holdfast.close({ deadlineMs: 0 })
    await this.#settleNow(closed)
    this.#die()
    await this.start('unknown')
  }

  async end(): Promise<void> {
    const closed = this.holdfast.close({ deadlineMs: 0 })
    await this.#settleNow(closed)
    this.#die()
  }

  /** Takes one step, without letting the engine run on. */
  issue(step: ScenarioStep): void {
    const { holdfast } = this
    if ('login' in step) {
      const { user, token } = step.login
      const options = token === undefined ? {} : { token: this.tokens.secret(token) }
      this.#note(null, holdfast.login(user, options))
    } else if ('logout' in step) this.#note(null, holdfast.logout({ pending: step.logout }))
    else if ('updateToken' in step) {
      const { user, token } = step.updateToken
      this.#note(null, holdfast.updateToken(user, this.tokens.secret(token)))
    } else if ('requirement' in step) {
      this.server.requirement = step.requirement
      this.#note(null, holdfast.setRequirement(step.requirement))
    } else if ('enqueue' in step) this.#enqueue(step.enqueue)
    else if ('cancel' in step) this.#onOperation(step.cancel, (id) => this.holdfast.cancel(id))
    else if ('retry' in step) this.#onOperation(step.retry, (id) => this.holdfast.retry(id))
    else if ('discard' in step) this.#onOperation(step.discard, (id) => this.holdfast.discard(id))
    else if ('network' in step) this.#setNetwork(step.network)
    else if ('power' in step) this.#tell(step.power === 'suspend' ? 'suspended' : 'resumed')
    else if ('queue' in step) {
      if (step.queue === 'pause') holdfast.pause()
      else holdfast.resume()
    } else if ('wall' in step) this.time.wallShift += step.wall
    else if ('read' in step) throw new Error('reads are not simulated yet')
  }

  #enqueue({
    id,
    kind,
    payload = {},
    expiresInMs,
  }: Extract<ScenarioStep, { enqueue: unknown }>['enqueue']): void {
    this.#random.nextNonce = id
    const draft = { kind, payload, ...(expiresInMs === undefined ? {} : { expiresInMs }) }
    const enqueued = this.holdfast.enqueue(draft)
    this.#random.nextNonce = null
    this.#enqueued.set(id, enqueued)
    const { isAlive } = this.#life
    this.#note(
      id,
      enqueued.then(() => {
        if (isAlive) this.acknowledged.push(id)
      }),
    )
  }

  #onOperation(name: string, act: (id: string) => Promise<void>): void {
    const enqueued = this.#enqueued.get(name)
    const id =
      enqueued === undefined ? Promise.resolve(name) : enqueued.then((receipt) => receipt.id)
    this.#note(name, id.then(act))
  }

  #setNetwork(state: 'up' | 'down'): void {
    this.#isOnline = state === 'up'
    this.server.setNetwork(state)
    this.#tell(state === 'up' ? 'online' : 'offline')
  }

  #tell(event: PlatformEvent): void {
    for (const listener of this.#platformListeners) listener(event)
  }

  #note(id: string | null, promise: Promise<unknown>): void {
    const life = this.#life
    promise.catch((error: unknown) => {
      if (id === null || !life.isAlive) return
      const code = (error as { readonly code?: unknown }).code
      this.rejects.set(id, typeof code === 'string' ? code : (error as Error).name)
    })
  }

  #die(): void {
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
      this.sourceCalls.push({ at: this.time.now, user, reason })
      const answer = this.#scenario.source?.[this.sourceCalls.length - 1]
      return new Promise((resolve, reject) => {
        if (answer === undefined) return
        this.time.after(answer.after ?? 0, () => {
          if (!life.isAlive) return
          if ('token' in answer) resolve(this.tokens.secret(answer.token))
          else if ('none' in answer) resolve(null)
          else if ('denied' in answer) reject(new TokenDeniedError())
          else reject(new Error('the scripted source threw'))
        })
      })
    }
  }

  #listen(holdfast: Holdfast, life: Life): void {
    for (const event of EVENTS) {
      holdfast.on(event, (detail) => {
        if (life.isAlive) this.events.push(seenEvent(this.time.now, event, detail))
      })
    }
  }
}

/** The simulation's ids end in the name that the scenario gives the operation. */
export function nameOf(id: string): string {
  return id.split('.').slice(2).join('.')
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
