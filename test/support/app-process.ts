/** A process that embeds Holdfast, as a test sees it. Whoever starts one kills it. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { AppSettings, Bundled, Line, OrderName, Orders } from '../processes/protocol.ts'

const SCRIPT = fileURLToPath(new URL('../processes/app.ts', import.meta.url))

type Event = Extract<Line, { readonly type: 'event' }>

interface Watch {
  readonly isSeen: () => boolean
  readonly resolve: () => void
}

export class AppProcess {
  readonly events: Event[] = []
  /** What it says is on disk, in its order. */
  readonly stored: Bundled[] = []
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #gone: Promise<NodeJS.Signals | null>
  readonly #answers = new Map<number, PromiseWithResolvers<never>>()
  readonly #watches = new Set<Watch>()
  #orderCount = 0
  #isReady = false
  #isHeld = false

  constructor(settings: AppSettings) {
    // Node takes the types off by itself, in half the time of a loader.
    this.#child = spawn(process.execPath, [SCRIPT, JSON.stringify(settings)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.#gone = once(this.#child, 'close').then(([, signal]) => {
      this.#end()
      return signal as NodeJS.Signals | null
    })
    // A line for one that is being killed.
    this.#child.stdin.on('error', () => undefined)
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#hear(line))
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Resolves when it is loaded; it has not opened the file yet. */
  loaded(): Promise<void> {
    return this.#seen(() => this.#isReady)
  }

  /** Rejects with the code, where Holdfast refuses. */
  tell<Name extends OrderName>(
    name: Name,
    args: Orders[Name]['args'],
  ): Promise<Orders[Name]['answer']> {
    if (name === 'hold') this.#isHeld = false
    const order = ++this.#orderCount
    const answer = Promise.withResolvers<never>()
    this.#answers.set(order, answer)
    this.#child.stdin.write(`${JSON.stringify({ order, name, args })}\n`)
    return answer.promise
  }

  /** The ids of operations that such an event was about. */
  ids(name: Event['name']): readonly string[] {
    return this.events.flatMap((event) =>
      event.name === name && event.id !== null ? event.id : [],
    )
  }

  /** Resolves once so many events of a name were heard. */
  heard(name: Event['name'], count = 1): Promise<void> {
    return this.#seen(() => this.events.filter((event) => event.name === name).length >= count)
  }

  /** Resolves once it has said of so many operations that they are on disk. */
  hasStored(count: number): Promise<void> {
    return this.#seen(() => this.stored.length >= count)
  }

  /** Resolves once a request of it has stopped on its way. */
  held(): Promise<void> {
    return this.#seen(() => this.#isHeld)
  }

  /** Sends a signal that does not end it. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal)
  }

  /** SIGKILL; resolves when it is gone and all it said was heard. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#gone
  }

  /** Resolves when it is gone, whoever ended it, with the signal; null: it ended by itself. */
  gone(): Promise<NodeJS.Signals | null> {
    return this.#gone
  }

  #seen(isSeen: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const watch = { isSeen, resolve }
      this.#watches.add(watch)
      this.#look(watch)
    })
  }

  #look(watch: Watch): void {
    if (!watch.isSeen()) return
    this.#watches.delete(watch)
    watch.resolve()
  }

  #hear(text: string): void {
    const line = read(text)
    if (line === null) return
    if (line.type === 'ready') this.#isReady = true
    else if (line.type === 'held') this.#isHeld = true
    else if (line.type === 'stored') this.stored.push({ id: line.id, text: line.text })
    else if (line.type === 'event') this.events.push(line)
    else {
      const answer = this.#answers.get(line.order)
      this.#answers.delete(line.order)
      if (line.type === 'answer') answer?.resolve(line.value as never)
      else answer?.reject(new Refusal(line.code))
    }
    for (const watch of this.#watches) this.#look(watch)
  }

  #end(): void {
    for (const answer of this.#answers.values()) {
      // Nobody may be waiting for it any more.
      answer.promise.catch(() => undefined)
      answer.reject(new Error('the process is gone'))
    }
  }
}

/** What Holdfast refused in the other process. */
class Refusal extends Error {
  readonly code: string

  constructor(code: string) {
    super(code)
    this.code = code
  }
}

/** A kill may cut off the last line. */
function read(text: string): Line | null {
  try {
    return JSON.parse(text) as Line
  } catch {
    return null
  }
}
