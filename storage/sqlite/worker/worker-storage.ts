/**
 * The SQLite implementation of the Storage contract on a thread of its own (`worker.ts`), so that neither
 * an fsync nor another process's lock ever blocks the thread that asks.
 */
import type { LaneId, OperationId, UserId } from '../../../src/model.ts'
import type { Answer, Change } from '../../changes.ts'
import { StorageError } from '../../storage-error.ts'
import type { OperationRow, PositionRow, RecordRow } from '../../rows.ts'
import type {
  CommitOptions,
  Endings,
  OpenedState,
  Storage,
  StorageHost,
  WatchLoss,
  Whereabouts,
} from '../../storage.ts'
import { storageErrorOf } from '../error-of.ts'
import { notTheAppsConnection } from '../not-the-apps-connection.ts'
import type { SqliteSettings } from '../options.ts'
import { StorageThread } from './storage-thread.ts'

export class WorkerStorage implements Storage {
  readonly #options: SqliteSettings
  readonly #code: URL | undefined
  #thread: StorageThread | null = null
  #closing: Promise<void> = Promise.resolve()

  /** `code`: what the thread runs. Tests have it run the build: taking types off costs each thread anew. */
  constructor(options: SqliteSettings, code?: URL) {
    this.#options = options
    this.#code = code
  }

  /** For tests, which end it as a crash would; null: the storage is not open. */
  get thread(): StorageThread | null {
    return this.#thread
  }

  async open(host: StorageHost): Promise<OpenedState> {
    if (this.#thread !== null) {
      throw new StorageError(
        'STORAGE_UNAVAILABLE',
        'the storage is open; each engine needs its own',
      )
    }
    const thread = startThread(this.#options, host, this.#code)
    this.#thread = thread
    try {
      await this.#closing
      const { newFingerprintKey, origin, recordedKinds } = host
      return await thread.ask('open', {
        newFingerprintKey,
        ...(origin === undefined ? {} : { origin }),
        ...(recordedKinds === undefined ? {} : { recordedKinds }),
      })
    } catch (error) {
      if (this.#thread === thread) this.#thread = null
      await thread.stop()
      throw error
    }
  }

  async commit(changes: readonly Change[], options?: CommitOptions): Promise<readonly Answer[]> {
    return this.#opened().ask('commit', changes, options)
  }

  async window(lane: LaneId, after: number, limit: number): Promise<readonly OperationRow[]> {
    return this.#opened().ask('window', lane, after, limit)
  }

  async find(id: OperationId): Promise<Whereabouts | null> {
    return this.#opened().ask('find', id)
  }

  async settled(ids: readonly OperationId[]): Promise<Endings> {
    return this.#opened().ask('settled', ids)
  }

  async letters(filter: Parameters<Storage['letters']>[0]): ReturnType<Storage['letters']> {
    return this.#opened().ask('letters', filter)
  }

  async records(locals: readonly string[]): Promise<readonly RecordRow[]> {
    return this.#opened().ask('records', locals)
  }

  async position(user: UserId | null, key: string): Promise<PositionRow | null> {
    return this.#opened().ask('position', user, key)
  }

  async lock(): Promise<boolean> {
    return this.#opened().ask('lock')
  }

  async reload(): Promise<OpenedState> {
    return this.#opened().ask('reload')
  }

  watch(listener: () => void, lost?: (why: WatchLoss) => void): () => void {
    return this.#opened().watch(listener, lost)
  }

  async tidy(): Promise<void> {
    return this.#opened().ask('tidy')
  }

  async filesAside(): Promise<readonly string[]> {
    return this.#opened().ask('filesAside')
  }

  /** @throws TypeError always: the app's own connection belongs to another thread. */
  requireTransaction(): never {
    throw notTheAppsConnection()
  }

  /** @throws TypeError always, as above. */
  enqueueWithin(): never {
    throw notTheAppsConnection()
  }

  async close(): Promise<void> {
    const thread = this.#thread
    if (thread === null) return this.#closing
    this.#thread = null
    const closed = thread.close()
    this.#closing = closed.catch(() => undefined)
    await closed
  }

  #opened(): StorageThread {
    if (this.#thread === null) throw new StorageError('CLOSED', 'the storage is not open')
    return this.#thread
  }
}

function startThread(
  options: SqliteSettings,
  host: StorageHost,
  code: URL | undefined,
): StorageThread {
  try {
    return new StorageThread(options, host, code)
  } catch (error) {
    throw storageErrorOf(error)
  }
}
