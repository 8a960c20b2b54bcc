/**
 * An engine whose storage is on a worker thread, in the hands of a test: time passes, and the server
 * answers, when the test says so. After each test it is closed, and its thread must be gone.
 */
import { afterEach } from 'vitest'
import { createHoldfast } from '../../src/create-holdfast.ts'
import type { Holdfast } from '../../src/holdfast.ts'
import { EVENT_NAMES, type EventName, type HoldfastEvents } from '../../src/events.ts'
import { MemoryJournal } from '../../src/journal/memory-journal.ts'
import type { OutgoingRequest, Reply } from '../../src/ports/transport.ts'
import type { StorageThread } from '../../storage/sqlite/worker/storage-thread.ts'
import type { WorkerStorage } from '../../storage/sqlite/worker/worker-storage.ts'
import { HandClock } from '../processes/hand-clock.ts'
import { storageOnThread } from './on-thread.ts'
import { JSON_REPLY, note } from './rig.ts'

interface Sent {
  readonly request: OutgoingRequest
  /** The server takes it. */
  readonly accept: () => void
}

interface Awaited {
  readonly name: EventName
  readonly count: number
  readonly resolve: () => void
}

const engines: ThreadedEngine[] = []

afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.end()
})

export class ThreadedEngine {
  readonly clock = new HandClock()
  readonly journal = new MemoryJournal()
  readonly sent: Sent[] = []
  /** Does the server take everything at once? */
  accepts = true
  readonly #storage: WorkerStorage
  readonly #heard: { readonly name: EventName; readonly detail: HoldfastEvents[EventName] }[] = []
  readonly #awaited = new Set<Awaited>()
  readonly #threads: StorageThread[] = []
  #holdfast: Holdfast | null = null

  /** One that is not open yet. */
  constructor(storage: string | WorkerStorage) {
    this.#storage = typeof storage === 'string' ? storageOnThread({ file: storage }) : storage
    engines.push(this)
  }

  static async open(storage: string | WorkerStorage): Promise<ThreadedEngine> {
    const engine = new ThreadedEngine(storage)
    await engine.open()
    return engine
  }

  get holdfast(): Holdfast {
    if (this.#holdfast === null) throw new Error('the engine is not open')
    return this.#holdfast
  }

  /** The one that was started last. */
  get thread(): StorageThread {
    const thread = this.#threads.at(-1)
    if (thread === undefined) throw new Error('no thread was started')
    return thread
  }

  async open(): Promise<void> {
    const opening = createHoldfast({
      storage: this.#storage,
      transport: { origin: 'https://server.test', send: (request) => this.#send(request) },
      operations: [note],
      requirement: 'off',
      clock: this.clock,
      journal: this.journal,
    })
    if (this.#storage.thread !== null) this.#threads.push(this.#storage.thread)
    this.#holdfast = await opening
    for (const name of EVENT_NAMES) {
      this.#holdfast.on(name, (detail) => {
        this.#heard.push({ name, detail })
        this.#look()
      })
    }
  }

  /** Ends the thread from outside. */
  async crash(): Promise<void> {
    await this.thread.worker.terminate()
  }

  async close(): Promise<void> {
    const closed = this.holdfast.close({ deadlineMs: 0 })
    this.clock.pass(0)
    await closed
    this.#holdfast = null
  }

  /** Closes it if it is open, and sees that nothing is left of it. */
  async end(): Promise<void> {
    if (this.#holdfast !== null) await this.close()
    if (this.clock.delays.length > 0) throw new Error('a timer outlived its engine')
    // What Node says of one that is no more.
    const areGone = this.#threads.every(({ worker }) => worker.threadId === -1)
    if (!areGone) throw new Error('a thread outlived its engine')
  }

  async enqueue(text: string): Promise<string> {
    const { id } = await this.holdfast.enqueue(note({ text }))
    return id
  }

  async pendingIds(): Promise<readonly string[]> {
    return (await this.holdfast.pending()).items.map(({ id }) => id)
  }

  get holds(): readonly string[] {
    return this.holdfast.status().lanes.flatMap(({ holds }) => holds.map(({ name }) => name))
  }

  eventsOf<Name extends EventName>(name: Name): readonly HoldfastEvents[Name][] {
    return this.#heard.flatMap((heard) =>
      heard.name === name ? [heard.detail as HoldfastEvents[Name]] : [],
    )
  }

  /** Resolves once so many events of this name were heard since the start. */
  hears(name: EventName, count = 1): Promise<void> {
    return new Promise((resolve) => {
      this.#awaited.add({ name, count, resolve })
      this.#look()
    })
  }

  #look(): void {
    for (const awaited of this.#awaited) {
      if (this.eventsOf(awaited.name).length < awaited.count) continue
      this.#awaited.delete(awaited)
      awaited.resolve()
    }
  }

  #send(request: OutgoingRequest): Promise<Reply> {
    return new Promise((resolve) => {
      const accept = () => resolve({ status: 200, headers: {}, body: '', ...JSON_REPLY })
      this.sent.push({ request, accept })
      if (this.accepts) accept()
    })
  }
}
