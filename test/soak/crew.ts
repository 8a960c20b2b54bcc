/**
 * The processes that work on one file, and what they say. One is always loaded beforehand, so that it
 * takes the place of the next that is killed. What one says stays heard when it is dead.
 */
import type { AppSettings, Bundled, FloodTurn } from '../processes/protocol.ts'
import { AppProcess } from '../support/app-process.ts'
import { makerOf, numberOf } from './judge.ts'
import { within } from './within.ts'

export interface Worker {
  readonly app: AppProcess
  /** How many operations it was told to enqueue. */
  ordered: number
  isBusy: boolean
  /** Ends with what it was told to enqueue last. */
  flood: Promise<unknown>
}

export class Crew {
  readonly #settings: AppSettings
  readonly #started: Worker[] = []
  readonly #living: Worker[] = []
  /** The first thing that went wrong in a process. */
  readonly #wrong = Promise.withResolvers<never>()
  #standby: Worker

  constructor(settings: AppSettings) {
    this.#settings = settings
    this.#wrong.promise.catch(() => undefined)
    this.#standby = this.#start()
  }

  get living(): readonly Worker[] {
    return this.#living
  }

  get acknowledged(): readonly Bundled[] {
    return this.#started.flatMap(({ app }) => app.stored)
  }

  /** Could one of them have made an operation of this name? */
  mayHaveMade(name: string): boolean {
    const maker = this.#started.find(({ app }) => String(app.pid) === makerOf(name))
    return maker !== undefined && numberOf(name) <= maker.ordered
  }

  /** The next one opens the file, logs its users in, and works with the others. */
  async join(tokens: ReadonlyMap<string, string>): Promise<void> {
    const worker = await this.next()
    await this.await('opening', worker.app.tell('open', null))
    for (const [user, token] of tokens) {
      await this.await('login', worker.app.tell('login', { user, token }))
    }
    this.#living.push(worker)
  }

  /** The next one, loaded, in nobody's hands. */
  async next(): Promise<Worker> {
    const worker = this.#standby
    await this.await('loading', worker.app.loaded())
    this.#standby = this.#start()
    return worker
  }

  flood(worker: Worker, turns: readonly FloodTurn[]): void {
    if (worker.isBusy) return
    worker.isBusy = true
    worker.ordered += turns.reduce((sum, { kinds }) => sum + kinds.length, 0)
    worker.flood = worker.app.tell('flood', { turns }).then(() => (worker.isBusy = false))
    this.ignore(worker.flood)
  }

  async kill(worker: Worker): Promise<void> {
    const at = this.#living.indexOf(worker)
    if (at !== -1) this.#living.splice(at, 1)
    await worker.app.kill()
  }

  /** Those that work; the next one stays. */
  async killAll(): Promise<void> {
    await Promise.all(this.#living.splice(0).map(({ app }) => app.kill()))
  }

  async end(): Promise<void> {
    await Promise.all(this.#started.map(({ app }) => app.kill()))
  }

  /** Waits for what cannot fail while nobody is killed. */
  await<T>(what: string, promise: Promise<T>): Promise<T> {
    return within(what, Promise.race([promise, this.#wrong.promise]))
  }

  /** Nobody waits for this; a refusal is wrong all the same, a death is not. */
  ignore(told: Promise<unknown>): void {
    told.catch((error: Error) => {
      if ('code' in error) this.#wrong.reject(new Error(`refused: ${String(error.code)}`))
    })
  }

  #start(): Worker {
    const app = new AppProcess(this.#settings)
    const worker = { app, ordered: 0, isBusy: false, flood: Promise.resolve() }
    this.#started.push(worker)
    void app.gone().then((signal) => {
      if (signal === 'SIGKILL') return
      this.#wrong.reject(new Error(`a process ended by itself: ${signal ?? 'no signal'}`))
    })
    return worker
  }
}
