/** The SQLite implementation of the Storage contract. */
import type { LaneId, OperationId, UserId } from '../../src/model.ts'
import type { Affected, Answer, Change, EnqueueChange } from '../changes.ts'
import { needsNewOpening, StorageError } from '../storage-error.ts'
import type { LetterRow, OperationRow, PositionRow, RecordRow } from '../rows.ts'
import type {
  CommitOptions,
  Endings,
  Fate,
  LetterFilter,
  OpenedState,
  Storage,
  StorageHost,
  WatchLoss,
  Whereabouts,
} from '../storage.ts'
import { storageErrorOf } from './error-of.ts'
import { filesAside } from './files-beside.ts'
import { settledInParts } from './in-parts.ts'
import { notTheAppsConnection } from './not-the-apps-connection.ts'
import { openDatabase } from './open-database.ts'
import type { Opened } from './opened.ts'
import type { SqliteSettings } from './options.ts'
import { openCarefully } from './salvage/opening.ts'
import { type System, THIS_SYSTEM } from './system.ts'
import type { Tables } from './tables.ts'
import { tidy } from './tidying.ts'

export class SqliteStorage implements Storage {
  readonly #options: SqliteSettings
  readonly #system: System
  #open: Opened | null = null
  #lastCommit: Promise<unknown> = Promise.resolve()
  /** What the next answer waits for; null: nothing but its own commit. */
  #lastInTurn: Promise<void> | null = null
  /** Has something been asked in this turn of the event loop? Until its end nothing is committed behind the back of whoever uses that. */
  #hasAsked = false
  /** The error after which only a new opening helps (E2); null: the storage works. */
  #broken: StorageError | null = null
  #listener: (() => void) | null = null

  /** `system`: for tests and the simulator, which put another one in the place of this one. */
  constructor(options: SqliteSettings, system: System = THIS_SYSTEM) {
    this.#options = options
    this.#system = system
  }

  async open(host: StorageHost): Promise<OpenedState> {
    if (this.#open !== null) throw alreadyOpen()
    try {
      return openCarefully(this.#options, host, this.#system, (file, fill) => {
        const { opened, state } = openDatabase({
          options: this.#options,
          system: this.#system,
          host,
          file,
          fill,
          refuseIfBroken: () => this.#refuseIfBroken(),
          isUsable: () => this.#broken === null,
          failureOf: (thrown) => this.#failureOf(thrown),
        })
        this.#open = opened
        return state
      })
    } catch (error) {
      throw storageErrorOf(error)
    }
  }

  commit(changes: readonly Change[], options: CommitOptions = {}): Promise<readonly Answer[]> {
    let answered: Promise<readonly Answer[]>
    try {
      const { commits } = this.#opened()
      answered = commits.submit(changes, options, !this.#hasAsked)
    } catch (error) {
      return Promise.reject(this.#failureOf(error))
    }
    answered = this.#inTurn(answered)
    this.#lastCommit = answered
    return answered
  }

  /** A read that was put before is answered before, though this is committed by a later one; so are those behind it. */
  #inTurn<T>(committed: Promise<T>): Promise<T> {
    const before = this.#lastInTurn
    if (before === null) return committed
    committed.catch(() => undefined)
    const answered = before.then(() => committed)
    this.#waitFor(answered)
    return answered
  }

  /** What is asked from now on is answered after this. */
  #waitFor(answered: Promise<unknown>): void {
    const passed = () => {
      if (this.#lastInTurn === turn) this.#lastInTurn = null
    }
    const turn = answered.then(passed, passed)
    this.#lastInTurn = turn
  }

  async window(lane: LaneId, after: number, limit: number): Promise<readonly OperationRow[]> {
    return this.#read((tables) => tables.window(lane, after, limit))
  }

  async find(id: OperationId): Promise<Whereabouts | null> {
    return this.#read((tables) => tables.find(id), 'as it is')
  }

  async settled(ids: readonly OperationId[]): Promise<Endings> {
    const ask = (part: readonly OperationId[]) =>
      this.#read((tables) => tables.settled(part), 'as it is')
    return settledInParts(ids, ask, () => this.#turnEnd())
  }

  async letters(
    filter: LetterFilter,
  ): Promise<readonly (LetterRow & { readonly user: UserId | null })[]> {
    return this.#read((tables) => tables.letters(filter), 'as it is')
  }

  async records(locals: readonly string[]): Promise<readonly RecordRow[]> {
    return this.#read((tables) => tables.records(locals))
  }

  async position(user: UserId | null, key: string): Promise<PositionRow | null> {
    return this.#read((tables) => tables.position(user, key))
  }

  async lock(): Promise<boolean> {
    const { lock, watch, guard } = this.#usable()
    try {
      const isOurs = lock.take()
      if (isOurs && lock.file !== null) guard?.holds(lock.file)
      // Who has it may not have noticed what a process committed that died before it could say so.
      if (!isOurs) watch?.announce()
      return isOurs
    } catch (error) {
      throw this.#failureOf(error)
    }
  }

  async tidy(): Promise<void> {
    const { database, host, commits, erasing } = this.#usable()
    if (this.#options.database !== undefined) return
    try {
      commits.flush()
      erasing?.finish()
      await tidy(database, host.atTurnEnd, () => this.#broken === null)
    } catch (error) {
      throw this.#failureOf(error)
    }
  }

  async filesAside(): Promise<readonly string[]> {
    const { path } = this.#opened()
    return path === null ? [] : filesAside(path)
  }

  /** @throws TypeError unless this is the app's own connection, given as `database`, with a transaction open. */
  requireTransaction(connection: unknown): void {
    const { database } = this.#usable()
    const { database: given } = this.#options
    if (given === undefined || connection !== given) throw notTheAppsConnection()
    if (!database.inTransaction) throw new TypeError('enqueueWithin: no transaction is open')
  }

  /** Stores an operation in that transaction. Whether it commits is the app's affair. */
  enqueueWithin(connection: unknown, change: EnqueueChange): Affected {
    this.requireTransaction(connection)
    const { database, tables } = this.#opened()
    // Others may have written since, and nobody has looked.
    tables.outdated()
    try {
      // A savepoint: if it fails, and the app commits all the same, nothing of it is there.
      const answer = database.transaction(() => tables.apply(change))()
      const put = answer.applied ? answer.affected[0] : undefined
      if (put !== undefined) return put
    } catch (error) {
      throw this.#failureOf(error)
    } finally {
      // A lane that it made is gone if the app rolls back, and its number is given again.
      tables.forget()
    }
    throw new StorageError('STORAGE_UNAVAILABLE', 'the operation was not stored')
  }

  /** Is the app still in the middle of its transaction; else, is the operation there? */
  fateOf(id: OperationId): Fate {
    if (this.#open === null) return 'open'
    if (this.#broken !== null) return 'unknown'
    const { database, tables, watch, guard } = this.#open
    if (database.inTransaction) return 'open'
    tables.forget()
    try {
      // It may have settled since, in a commit that is not answered yet.
      if (tables.find(id) === null) return 'gone'
      guard?.lookAfter('in a run')
    } catch (error) {
      // A look that fails for now is repeated.
      return needsNewOpening(this.#failureOf(error)) ? 'unknown' : 'open'
    }
    watch?.announce()
    return 'there'
  }

  async reload(): Promise<OpenedState> {
    return this.#read((tables) => tables.state(false))
  }

  watch(listener: () => void, lost?: (why: WatchLoss) => void): () => void {
    const { watch, erasing } = this.#opened()
    watch?.start(
      () => {
        // The process that has committed may have been the one that stood in the way.
        erasing?.finish()
        listener()
      },
      (why) => this.#watchLost(why, lost),
    )
    this.#listener = listener
    return () => {
      watch?.stop()
      this.#listener = null
    }
  }

  async close(): Promise<void> {
    if (this.#open === null) return
    const { database, commits, erasing, lock, watch } = this.#open
    // Rejects what was handed in, if the storage is broken.
    commits.flush()
    erasing?.finish()
    // Now, because it announces what has been committed until then.
    watch?.stop()
    lock.release()
    this.#open = null
    this.#broken = null
    this.#listener = null
    if (this.#options.database === undefined) database.close()
  }

  /**
   * A read sees every commit that was handed in before it, and nothing of a transaction of the app
   * that is still open, unless it is told to answer what is there `as it is`.
   */
  async #read<T>(query: (tables: Tables) => T, inTransaction?: 'as it is'): Promise<T> {
    const { database, commits, host, tables } = this.#usable()
    if (!this.#hasAsked) {
      this.#hasAsked = true
      host.atTurnEnd(() => {
        this.#hasAsked = false
      })
    }
    try {
      if (!database.inTransaction) commits.flush()
      else if (inTransaction === undefined) {
        throw new StorageError('STORAGE_BUSY', 'a transaction of the app is open')
      }
      const found = query(tables)
      // Answers come in the order of the questions.
      const tell = () => found
      const answered = this.#lastCommit.then(tell, tell)
      this.#waitFor(answered)
      return await answered
    } catch (error) {
      throw this.#failureOf(error)
    }
  }

  #turnEnd(): Promise<void> {
    const { host } = this.#opened()
    return new Promise((resolve) => host.atTurnEnd(resolve))
  }

  #opened() {
    if (this.#open === null) throw new StorageError('CLOSED', 'the storage is not open')
    this.#refuseIfBroken()
    return this.#open
  }

  /** The same for anything but a commit, which looks by itself. */
  #usable() {
    const opened = this.#opened()
    try {
      opened.guard?.lookIfOld()
      opened.erasing?.finish()
    } catch (error) {
      throw this.#failureOf(error)
    }
    return opened
  }

  /** The side file may have gone with the database itself: then that is what is told. */
  #watchLost(why: WatchLoss, lost: ((why: WatchLoss) => void) | undefined): void {
    const gone = this.#goneError()
    if (gone === null) lost?.(why)
    else this.#failureOf(gone)
  }

  #refuseIfBroken(): void {
    if (this.#broken !== null) throw this.#broken
  }

  /** The error as the caller hears it. After damage every later call hears the same (E2). */
  #failureOf(thrown: unknown): StorageError {
    if (this.#broken !== null) return this.#broken
    // A file that is gone looks damaged to SQLite.
    const failure = this.#goneError() ?? storageErrorOf(thrown)
    if (this.#open !== null && needsNewOpening(failure)) this.#break(failure)
    return failure
  }

  #goneError(): StorageError | null {
    try {
      this.#open?.guard?.look()
      return null
    } catch (error) {
      return storageErrorOf(error)
    }
  }

  /** From now on every call but `close()` rejects. The engine hears of it though it asks nothing just now. */
  #break(error: StorageError): void {
    const { host, watch, mark, guard } = this.#opened()
    this.#broken = error
    if (error.code === 'STORAGE_CORRUPT' || guard?.isCut === true) mark?.leave()
    watch?.stop()
    host.atTurnEnd(() => this.#listener?.())
  }
}

function alreadyOpen(): StorageError {
  return new StorageError('STORAGE_UNAVAILABLE', 'the storage is open; each engine needs its own')
}
