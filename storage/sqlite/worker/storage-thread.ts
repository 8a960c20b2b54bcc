/**
 * A worker thread that has a database, seen from the thread that asks. What is handed in leaves in its
 * order, the commits of one turn of the event loop as one message. It keeps the process alive only while
 * something is asked. Where it ends unasked, all that is and will be asked of it fails, and whoever
 * watches is told.
 */
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { StorageError } from '../../storage-error.ts'
import type { StorageHost, WatchLoss } from '../../storage.ts'
import { storageErrorOf } from '../error-of.ts'
import type { SqliteSettings } from '../options.ts'
import { fromPlainError } from './plain-error.ts'
import type { Answered, Asked, Handed, Question, QuestionName, Report } from './protocol.ts'

interface Call extends Question {
  readonly resolve: (value: never) => void
  readonly reject: (error: StorageError) => void
}

/**
 * Beside this file, in TypeScript as in JavaScript. The build gives it a name that is hardly taken where an app's own bundler
 * puts it.
 */
function codeOfThread(): URL {
  const extension = extname(new URL(import.meta.url).pathname)
  const name = extension === '.ts' ? 'worker' : 'holdfast-worker'
  return new URL(`./${name}${extension}`, import.meta.url)
}

export class StorageThread {
  readonly worker: Worker
  /** How many messages have been sent to it. */
  messageCount = 0
  readonly #host: StorageHost
  readonly #open = new Map<number, Call>()
  #outbox: Call[] = []
  #callCount = 0
  #isScheduled = false
  #listener: (() => void) | null = null
  #lost: ((why: WatchLoss) => void) | undefined
  #isEnding = false
  readonly #gone = Promise.withResolvers<void>()
  /** What brought it down. */
  #fault: Error | null = null
  /** Why nothing can be asked of it any more; null: it runs. */
  #end: StorageError | null = null

  constructor(options: SqliteSettings, host: StorageHost, code: URL = codeOfThread()) {
    this.#host = host
    this.worker = new Worker(code, {
      name: 'holdfast storage',
      workerData: options,
      // What this process was started with, a loader or an `--input-type`, is not meant for it.
      execArgv: [],
    })
    this.worker.unref()
    this.worker.on('message', (report: Report) => this.#hear(report))
    this.worker.on('messageerror', (error) => this.#giveUp(error))
    this.worker.on('error', (error: unknown) => {
      this.#fault ??= error instanceof Error ? error : new Error(String(error))
    })
    // By now its connections are closed, and its lock is free.
    this.worker.on('exit', (code) => this.#ended(code))
  }

  /** A commit leaves at the end of the turn; anything else at once, with what was handed in before it. */
  ask<Name extends QuestionName>(
    name: Name,
    ...args: Parameters<Asked[Name]>
  ): ReturnType<Asked[Name]> {
    const answered = new Promise<never>((resolve, reject) => {
      if (this.#end !== null) {
        reject(this.#end)
        return
      }
      const call: Call = { number: ++this.#callCount, name, args, resolve, reject }
      if (this.#open.size === 0) this.worker.ref()
      this.#open.set(call.number, call)
      this.#outbox.push(call)
      if (name === 'commit') this.#sendAtTurnEnd()
      else this.#send()
    })
    return answered as ReturnType<Asked[Name]>
  }

  /** Calls back when somebody else has committed, and when the thread has ended unasked. */
  watch(listener: () => void, lost?: (why: WatchLoss) => void): () => void {
    this.#listener = listener
    this.#lost = lost
    if (this.#end !== null) this.#host.atTurnEnd(() => this.#tellListener())
    this.ask('watch').catch(ignored)
    return () => {
      if (this.#listener !== listener) return
      this.#listener = null
      this.ask('unwatch').catch(ignored)
    }
  }

  /** Commits what was handed in, lets go of the file, and ends by itself. It may have ended before. */
  async close(): Promise<void> {
    try {
      await this.ask('close')
    } catch (error) {
      if (this.#end !== null) return
      await this.stop()
      throw error
    }
    // Nothing is asked any more, and whoever closes waits all the same.
    this.worker.ref()
    await this.#gone.promise
  }

  /** Ends it as it is. */
  async stop(): Promise<void> {
    this.#letGo()
    await this.worker.terminate()
  }

  #letGo(): void {
    this.#isEnding = true
    this.#listener = null
  }

  #sendAtTurnEnd(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#host.atTurnEnd(() => {
      this.#isScheduled = false
      this.#send()
    })
  }

  #send(): void {
    const calls = this.#outbox
    this.#outbox = []
    if (calls.length > 0) this.#post(calls)
  }

  #post(calls: readonly Call[]): void {
    const questions = calls.map(({ number, name, args }) => ({ number, name, args }))
    const message: Handed = {
      wall: this.#host.wall(),
      monotonic: this.#host.monotonic(),
      questions,
    }
    try {
      this.worker.postMessage(message)
      this.messageCount += 1
    } catch (thrown) {
      // One that is no plain data fails alone.
      const [first, ...others] = calls
      if (first === undefined || others.length > 0) for (const call of calls) this.#post([call])
      else this.#settle(first, ({ reject }) => reject(storageErrorOf(thrown)))
    }
  }

  #hear({ answers, hasNews, lost }: Report): void {
    for (const answer of answers) this.#answer(answer)
    if (hasNews) this.#tellListener()
    if (lost !== null && this.#listener !== null) this.#lost?.(lost)
  }

  #answer(answer: Answered): void {
    const call = this.#open.get(answer.number)
    if (call === undefined) return
    // It may be gone before whoever closes has heard of it.
    if (call.name === 'close' && answer.ok) this.#letGo()
    this.#settle(call, ({ resolve, reject }) => {
      if (answer.ok) resolve(answer.value as never)
      else reject(fromPlainError(answer.error))
    })
  }

  #settle(call: Call, settle: (call: Call) => void): void {
    this.#open.delete(call.number)
    if (this.#open.size === 0) this.worker.unref()
    settle(call)
  }

  /** What it has said cannot be read: whoever waits for that would wait for ever. */
  #giveUp(error: Error): void {
    this.#fault ??= error
    void this.worker.terminate()
  }

  #ended(code: number): void {
    const end = this.#isEnding
      ? new StorageError('CLOSED', 'the storage is not open')
      : endedUnasked(code, this.#fault)
    this.#end = end
    this.#outbox = []
    for (const call of this.#open.values()) call.reject(end)
    this.#open.clear()
    this.#tellListener()
    this.#gone.resolve()
  }

  #tellListener(): void {
    this.#listener?.()
  }
}

function endedUnasked(code: number, fault: Error | null): StorageError {
  const why = fault === null ? `exit code ${code}` : fault.message
  return new StorageError(
    'STORAGE_UNAVAILABLE',
    `the thread that has the database has ended (${why}); close() this engine and make a new one on the same file: nothing that was acknowledged is lost, and what was not may be stored all the same`,
    fault ?? undefined,
  )
}

function ignored(): void {
  // Whoever asks next hears of it.
}
