/**
 * Notices that the files of a database were removed, replaced or cut while they are in use (E2): after each commit, before
 * anybody hears of it, and at any other use if the last look is a second old. A look asks the file system (`stat`) and opens
 * nothing: a plain open and close would drop the locks of this process.
 *
 * Beside the file itself: without the -wal a commit goes to a file that nobody can find, without the -shm other processes
 * have locks of their own, and without the lock file another process could dispatch too.
 */
import { type Stats, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Database, Statement } from 'better-sqlite3'
import { StorageError } from '../storage-error.ts'
import type { StorageHost } from '../storage.ts'
import { storageErrorOf } from './error-of.ts'
import type { CommitKind } from './transaction.ts'

/** A look that is older is repeated at the next use. */
const OLD_MS = 1000
/**
 * Commits that need no fsync may follow each other within microseconds, and a look costs a tenth of one. A commit that comes
 * so soon after a look shares it: in the time until the app hears of a look the file may be removed all the same.
 */
const SAME_LOOK_MS = 0.2
/**
 * How often the files beside the database are looked at. Without its -wal a database has lost what was acknowledged before
 * too, so that a look after each commit would save little; and where time stamps are as fine as on Linux since 6.13, a
 * `stat` of the -wal makes the next fsync of it a third slower.
 */
const BESIDE_MS = 4
/**
 * In a folder that has not changed for so long, and has not changed since the last look, every file beside the database is
 * where it was: one look in place of three. Longer than one tick of the coarsest file system (2 s).
 */
const SETTLED_MS = 3000

/** A commit that follows a look within so many milliseconds shares it. One that is repeated if it is lost has more time. */
const SHARED_MS: Readonly<Record<CommitKind, number>> = {
  alone: 0,
  'in a run': SAME_LOOK_MS,
  repeatable: BESIDE_MS,
}

interface Guarded {
  readonly path: string
  readonly dev: number
  readonly ino: number
}

export class FileGuard {
  readonly #database: Database
  readonly #host: StorageHost
  readonly #main: Guarded
  /** Null: SQLite does not keep one. */
  #wal: Guarded | null
  #shm: Guarded | null
  /** The lock file, once this process holds the lock. */
  #lock: Guarded | null = null
  readonly #dataVersion: Statement
  readonly #pageBytes: number
  /** True once a look has found that the file was cut. */
  isCut = false
  /** How long the file was at the last look. */
  #bytes: number
  #lookedAt: number
  #lookedBesideAt: number
  /** When a name in the folder changed last, by the look before; null: that is too new to tell. */
  #folderChangedAt: number | null = null

  /** `path`: of the file, without links. To be made after a first write, so that the files of the WAL are there. */
  constructor(database: Database, path: string, host: StorageHost) {
    this.#database = database
    this.#host = host
    const { size, ...main } = guarded(path)
    this.#main = main
    this.#bytes = size
    this.#wal = guardedIfThere(`${path}-wal`)
    this.#shm = guardedIfThere(`${path}-shm`)
    this.#dataVersion = database.prepare('PRAGMA data_version').pluck()
    this.#pageBytes = Number(database.pragma('page_size', { simple: true }))
    this.#lookedAt = host.monotonic()
    this.#lookedBesideAt = this.#lookedAt
  }

  /** This process holds the lock by this file. */
  holds(path: string): void {
    this.#lock = guarded(path)
  }

  /** @throws StorageError `STORAGE_GONE` */
  look(now = this.#host.monotonic()): void {
    this.#lookAtMain()
    this.#lookedAt = now
    if (!isWithin(now - this.#lookedBesideAt, BESIDE_MS)) this.#lookBeside(now)
  }

  /** After a commit of this kind. @throws StorageError `STORAGE_GONE` */
  lookAfter(kind: CommitKind): void {
    const now = this.#host.monotonic()
    if (!isWithin(now - this.#lookedAt, SHARED_MS[kind])) this.look(now)
  }

  /** Before any other use. */
  lookIfOld(): void {
    if (this.#host.monotonic() - this.#lookedAt >= OLD_MS) this.look()
  }

  #lookAtMain(): void {
    const found = this.#statOf(this.#main)
    if (found === null) return
    if (found.size < this.#bytes) {
      const isOfWholePages = found.size > 0 && found.size % this.#pageBytes === 0
      const lacksPages = !isOfWholePages || this.#lacksPages()
      if (lacksPages === null) return
      this.isCut = lacksPages
      if (lacksPages) throw gone(this.#main.path, 'was cut')
    }
    this.#bytes = found.size
  }

  #lookBeside(now: number): void {
    this.#lookedBesideAt = now
    if (this.#isFolderAsItWas()) return
    if (this.#wal !== null && this.#isWithoutWal(this.#wal)) this.#wal = null
    if (this.#lock !== null) this.#statOf(this.#lock)
    if (this.#shm !== null && this.#isWithoutWal(this.#shm)) this.#shm = null
  }

  /** Has no file of the folder been removed, replaced or made since the last look? To be asked before they are looked at. */
  #isFolderAsItWas(): boolean {
    const before = this.#folderChangedAt
    this.#folderChangedAt = null
    let found: Stats | undefined
    try {
      found = statOf(dirname(this.#main.path))
    } catch {
      // It may not be looked at.
    }
    if (found === undefined) return false
    if (this.#host.wall() - found.mtimeMs > SETTLED_MS) this.#folderChangedAt = found.mtimeMs
    return before === found.mtimeMs
  }

  /** True if a file of the WAL is gone because the app has ended the WAL mode on its own connection. */
  #isWithoutWal(file: Guarded): boolean {
    try {
      this.#statOf(file)
      return false
    } catch (error) {
      if (this.#isInWal()) throw error
      return true
    }
  }

  /** Null: the file system does not say. */
  #statOf({ path, dev, ino }: Guarded): Stats | null {
    let found: Stats | undefined
    try {
      found = statOf(path)
    } catch {
      // The folder may not be looked into just now; the file is as open as before.
      return null
    }
    if (found?.ino === ino && found.dev === dev) return found
    // The app has closed its own connection, and the files of the WAL went with it.
    if (!this.#database.open) return null
    throw gone(path, found === undefined ? 'was removed' : 'was replaced')
  }

  #isInWal(): boolean {
    try {
      return this.#database.pragma('journal_mode', { simple: true }) === 'wal'
    } catch {
      return true
    }
  }

  /**
   * A file that has become shorter: by a checkpoint after pages were given back, or cut? Every page that is not in the file
   * must be in a frame of the WAL that has not been written to the file yet. Null: it cannot be told now.
   */
  #lacksPages(): boolean | null {
    if (this.#database.inTransaction) return null
    try {
      const version = this.#dataVersion.get()
      const pages = Number(this.#database.pragma('page_count', { simple: true }))
      const [frames] = this.#database.pragma('wal_checkpoint(NOOP)') as readonly {
        readonly log: number
        readonly checkpointed: number
      }[]
      const bytes = statOf(this.#main.path)?.size ?? 0
      // Another process has committed meanwhile: these numbers do not belong together.
      if (version !== this.#dataVersion.get()) return null
      const inWal = frames === undefined ? 0 : frames.log - frames.checkpointed
      return pages - Math.floor(bytes / this.#pageBytes) > inWal
    } catch (error) {
      return storageErrorOf(error).code === 'STORAGE_CORRUPT' ? true : null
    }
  }
}

/** True of an age that is new. A clock that stands still cannot say so. */
function isWithin(age: number, ms: number): boolean {
  return age > 0 && age < ms
}

function guarded(path: string): Guarded & { readonly size: number } {
  const found = statOf(path)
  if (found === undefined) throw gone(path, 'was removed')
  const { dev, ino, size } = found
  return { path, dev, ino, size }
}

function guardedIfThere(path: string): Guarded | null {
  return statOf(path) === undefined ? null : guarded(path)
}

const NONE_IS_UNDEFINED = { throwIfNoEntry: false } as const

function statOf(path: string): Stats | undefined {
  return statSync(path, NONE_IS_UNDEFINED)
}

function gone(path: string, what: string): StorageError {
  return new StorageError(
    'STORAGE_GONE',
    `${path} ${what} while it was in use; close() this engine and make a new one`,
  )
}
