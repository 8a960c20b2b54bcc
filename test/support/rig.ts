/**
 * An engine in the hands of a test: virtual time, a server that says what the test says, and a SQLite
 * database that outlives the engine. After each test every engine is closed, and must have left no timer.
 */
import SqliteDatabase, { type Database } from 'better-sqlite3'
import { afterEach } from 'vitest'
import { z } from 'zod'
import { createHoldfast } from '../../src/create-holdfast.ts'
import type { Holdfast } from '../../src/holdfast.ts'
import { EVENT_NAMES, type EventName, type HoldfastEvents } from '../../src/events.ts'
import { MemoryJournal } from '../../src/journal/memory-journal.ts'
import { type AnyOperationKind, defineOperation } from '../../src/operations/define-operation.ts'
import type { HoldfastOptions } from '../../src/options.ts'
import type { PlatformEvent } from '../../src/ports/platform.ts'
import type { OutgoingRequest, Reply, SendOptions, Transport } from '../../src/ports/transport.ts'
import { SeededRandom } from '../../src/simulation/seeded-random.ts'
import { VirtualTime } from '../../src/simulation/virtual-time.ts'
import { path } from '../../src/operations/path.ts'
import { sqliteStorage } from '../../src/sqlite-storage.ts'

export const note = defineOperation({
  kind: 'note',
  payload: z.object({ text: z.string() }),
  request: ({ payload, owner }) => ({
    method: 'POST',
    path: path`/users/${owner.user ?? 'anonymous'}/notes`,
    body: payload,
  }),
})

/** Neighbours merge: the numbers add up. */
export const count = defineOperation({
  kind: 'count',
  payload: z.object({ by: z.number() }),
  request: ({ payload }) => ({ method: 'POST', path: '/counts', body: payload }),
  merge: {
    key: () => '',
    combine: (payloads) => ({
      method: 'POST',
      path: '/counts',
      body: { by: payloads.reduce((sum, { by }) => sum + by, 0) },
    }),
  },
})

/** One request, as it left the engine. */
export interface Sent {
  readonly at: number
  readonly request: OutgoingRequest
  readonly token: string | null
  readonly signal: AbortSignal
  /** Answers it, now. */
  readonly reply: (status: number, more?: Partial<Reply>) => void
  /** Ends it without a reply: with this error of the transport. Default: the connection broke. */
  readonly fail: (error?: Error) => void
}

export interface Heard {
  readonly at: number
  readonly name: EventName
  readonly detail: HoldfastEvents[EventName]
}

export type RigOptions = Partial<HoldfastOptions> & {
  readonly database?: Database
  readonly time?: VirtualTime
  /** Answers each request; left out, or answering nothing: the test answers it. */
  readonly answer?: (sent: Sent, index: number) => void
}

export const JSON_REPLY: Partial<Reply> = {
  headers: { 'content-type': 'application/json' },
  body: '{"ok":true}',
}

export const HTML_REPLY: Partial<Reply> = {
  headers: { 'content-type': 'text/html' },
  body: '<!doctype html><title>Welcome</title>',
}

const rigs: Rig[] = []

afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.end()
})

export class Rig {
  readonly time: VirtualTime
  readonly database: Database
  readonly sent: Sent[] = []
  readonly heard: Heard[] = []
  readonly journal = new MemoryJournal()
  readonly transport: Transport
  /** What the platform says of the network at the start. */
  isOnline = true
  answer: (sent: Sent, index: number) => void
  readonly #options: Partial<HoldfastOptions>
  readonly #platformListeners = new Set<(event: PlatformEvent) => void>()
  #lifeCount = 0
  #life = { isAlive: true }
  #hasCrashed = false
  #holdfast: Holdfast | null = null

  private constructor({ database, time, answer, ...options }: RigOptions) {
    this.time = time ?? new VirtualTime()
    this.database = database ?? new SqliteDatabase(':memory:')
    this.answer = answer ?? (() => undefined)
    this.#options = options
    this.transport = {
      origin: 'https://server.test',
      send: (request, sending) => this.#send(request, sending),
    }
    rigs.push(this)
  }

  static async start(options: RigOptions = {}): Promise<Rig> {
    const rig = new Rig(options)
    await rig.open()
    return rig
  }

  /** One whose engine is opened by the test. */
  static prepare(options: RigOptions = {}): Rig {
    return new Rig(options)
  }

  get holdfast(): Holdfast {
    if (this.#holdfast === null) throw new Error('the engine is not open')
    return this.#holdfast
  }

  /** Opens an engine; the options say in what it differs from the first one. */
  async open(options: Partial<HoldfastOptions> = {}): Promise<void> {
    await this.whileResting(this.begin(options))
  }

  /** The same, with time in the hands of the test. */
  async begin(options: Partial<HoldfastOptions> = {}): Promise<void> {
    this.#life = { isAlive: true }
    const life = this.#life
    const holdfast = await createHoldfast({
      storage: sqliteStorage({ database: this.database }),
      transport: this.transport,
      operations: [note, count] as readonly AnyOperationKind[],
      requirement: 'required',
      backoff: { jitter: false },
      clock: this.time.clock(life),
      // No two processes draw the same.
      random: new SeededRandom(1, 'n'.repeat((this.#lifeCount += 1))),
      journal: this.journal,
      platform: {
        isOnline: () => this.isOnline,
        subscribe: (listener) => {
          this.#platformListeners.add(listener)
          return () => this.#platformListeners.delete(listener)
        },
      },
      ...this.#options,
      ...options,
    })
    this.#holdfast = holdfast
    for (const name of EVENT_NAMES) {
      holdfast.on(name, (detail) => {
        if (life.isAlive) this.heard.push({ at: this.time.now, name, detail })
      })
    }
  }

  /** The process dies: nothing it has begun ends, and nothing of it is heard any more. */
  crash(): void {
    this.#life.isAlive = false
    this.#hasCrashed = true
    this.#holdfast = null
    this.#platformListeners.clear()
  }

  async close(deadlineMs = 0): Promise<void> {
    const closed = this.holdfast.close({ deadlineMs })
    await this.whileResting(closed)
    this.#holdfast = null
  }

  /** Closes what is open, and sees that nothing is left of it. */
  async end(): Promise<void> {
    if (this.#holdfast === null) return
    await this.close()
    // The timers of a process that died are still in the simulated time, but do nothing.
    if (this.#hasCrashed) return
    if (this.time.nextAt() !== null) throw new Error('a timer outlived its engine')
    if (this.#platformListeners.size > 0) throw new Error('a listener outlived its engine')
  }

  tell(event: PlatformEvent): void {
    this.isOnline = event === 'online' || (event !== 'offline' && this.isOnline)
    for (const listener of this.#platformListeners) listener(event)
  }

  /** Lets everything happen that is due now, then moves time on. */
  async advance(byMs = 0): Promise<void> {
    const until = this.time.now + byMs
    await this.time.rest()
    for (;;) {
      while (this.time.runNext()) await this.time.rest()
      const next = this.time.nextAt()
      if (next === null || next > until) break
      this.time.now = next
    }
    this.time.now = until
  }

  /** Waits for a promise that needs no time to pass. */
  async whileResting<T>(promise: Promise<T>): Promise<T> {
    let isDone = false
    const done = promise.finally(() => {
      isDone = true
    })
    done.catch(() => undefined)
    for (let turns = 0; !isDone && turns < 100; turns += 1) await this.advance()
    if (!isDone) throw new Error('the promise needs time to pass')
    return done
  }

  async login(user: string, token?: string): Promise<void> {
    await this.whileResting(this.holdfast.login(user, token === undefined ? {} : { token }))
  }

  async enqueue(text: string): Promise<string> {
    const { id } = await this.whileResting(this.holdfast.enqueue(note({ text })))
    return id
  }

  /** The last request. */
  get last(): Sent {
    const last = this.sent.at(-1)
    if (last === undefined) throw new Error('nothing has been sent')
    return last
  }

  /** What the requests carried so far: the JSON bodies, with `text` or `by` alone. */
  get bodies(): unknown[] {
    return this.sent.map(({ request }) => {
      const body = JSON.parse(request.body ?? 'null') as { text?: unknown; by?: unknown }
      return body.text ?? body.by
    })
  }

  eventsOf<Name extends EventName>(name: Name): HoldfastEvents[Name][] {
    return this.heard
      .filter((heard) => heard.name === name)
      .map((heard) => heard.detail as HoldfastEvents[Name])
  }

  holdsOf(user: string | null): string[] {
    const lane = this.holdfast.status().lanes.find((one) => one.user === user)
    return lane?.holds.map((hold) => hold.name) ?? []
  }

  #send(request: OutgoingRequest, { token, signal }: SendOptions): Promise<Reply> {
    const life = this.#life
    return new Promise((resolve, reject) => {
      const sent: Sent = {
        at: this.time.now,
        request,
        token,
        signal,
        reply: (status, more = JSON_REPLY) => {
          if (life.isAlive) resolve({ status, headers: {}, body: '', ...more })
        },
        fail: (error = new Error('the connection broke')) => {
          if (life.isAlive) reject(error)
        },
      }
      this.sent.push(sent)
      signal.addEventListener('abort', () => sent.fail())
      this.answer(sent, this.sent.length - 1)
    })
  }
}

/** Answers every request with this status. */
export function replying(status = 200, more?: Partial<Reply>): (sent: Sent) => void {
  return (sent) => sent.reply(status, more)
}
