/**
 * Sets up a connection the way Holdfast needs it, or says why not. A file that is refused has not
 * been changed.
 */
import type { Database } from 'better-sqlite3'
import { StorageError } from '../storage-error.ts'
import { storageErrorOf } from './error-of.ts'
import { refuseForeignSchema } from './foreign-schema.ts'
import { migrate, refuseNewerSchema } from './schema.ts'

/** `power-loss`: a commit survives a power cut. `app-crash`: it survives the death of the process. */
export type Durability = 'power-loss' | 'app-crash'

/** Before 3.51.3 a WAL reset could corrupt the database. */
const OLDEST_SQLITE = [3, 51, 3] as const

/** Sets up an open connection; answers whether the tables were made just now. */
export function prepareDatabase(database: Database, isOwn: boolean): boolean {
  refuseForeignSchema(database)
  refuseNewerSchema(database)
  // Only before the first table is made, and not in a file that is somebody else's.
  if (isOwn) database.pragma('auto_vacuum = INCREMENTAL')
  useWal(database)
  if (process.platform === 'darwin') database.pragma('fullfsync = 1')
  database.pragma('synchronous = FULL')
  // What is deleted is gone from the file, not only from the tables (I12).
  database.pragma('secure_delete = ON')
  return migrate(database)
}

/**
 * The switch does not wait when another process makes it at the same moment. A transaction does. Where SQLite cannot share
 * memory (network drives), it refuses by its answer alone: without a WAL, `synchronous = NORMAL` can corrupt the database,
 * and some of these drives have no locks either.
 */
function useWal(database: Database): void {
  for (let triesLeft = 10; ; triesLeft -= 1) {
    try {
      const mode: unknown = database.pragma('journal_mode = WAL', { simple: true })
      if (mode !== 'wal' && hasFile(database)) throw withoutWal(mode)
      return
    } catch (error) {
      if (triesLeft === 0 || storageErrorOf(error).code !== 'STORAGE_BUSY') throw error
      database.transaction(() => {}).immediate()
    }
  }
}

function hasFile(database: Database): boolean {
  const main = database
    .prepare<[], string>(`SELECT file FROM pragma_database_list WHERE name = 'main'`)
    .pluck()
    .get()
  return (main ?? '') !== ''
}

function withoutWal(mode: unknown): StorageError {
  return new StorageError(
    'STORAGE_UNAVAILABLE',
    `SQLite can keep no write-ahead log there (journal_mode stays ${String(mode)}), as on a network drive; put the database on a disk of this machine`,
  )
}

/** @throws StorageError `STORAGE_UNAVAILABLE` */
export function refuseOldSqlite(database: Database): void {
  const { version } = database
    .prepare<[], { version: string }>('SELECT sqlite_version() AS version')
    .get() ?? { version: '0.0.0' }
  const parts = version.split('.').map(Number)
  for (const [index, least] of OLDEST_SQLITE.entries()) {
    const part = parts[index] ?? 0
    if (part > least) return
    if (part < least) {
      throw new StorageError(
        'STORAGE_UNAVAILABLE',
        `SQLite ${version} can corrupt a WAL; use ${OLDEST_SQLITE.join('.')} or later`,
      )
    }
  }
}

type Level = 'FULL' | 'NORMAL'

/** What a connection stands at between Holdfast's transactions. */
export interface Resting {
  readonly level: Level
  /** Null: at once, because the app uses the connection too. Else when no transaction has come for a turn of the event loop. */
  readonly atTurnEnd: ((run: () => void) => void) | null
}

/** Switches how much the next transactions survive, and only when that changes. */
export class Synchronous {
  readonly #database: Database
  readonly #resting: Resting | null
  #level: Level | null = null
  /** How often it was asked for: shows whether a turn has passed without a transaction. */
  #askedCount = 0
  #isDue = false

  /** `resting`: null: it stays as the last transaction left it. */
  constructor(database: Database, resting: Resting | null) {
    this.#database = database
    this.#resting = resting
  }

  set(level: Level): void {
    this.#askedCount += 1
    if (level === this.#level) return
    // Not `pragma()`: that makes a statement each time, which costs more than the rest of a transaction.
    this.#database.exec(`PRAGMA synchronous = ${level}`)
    this.#level = level
  }

  rest(): void {
    if (this.#resting === null || this.#level === this.#resting.level) return
    if (this.#resting.atTurnEnd === null) this.set(this.#resting.level)
    else this.#restLater(this.#resting.level, this.#resting.atTurnEnd)
  }

  /** The next transaction, which somebody waits for, then need not switch. */
  #restLater(level: Level, atTurnEnd: (run: () => void) => void): void {
    if (this.#isDue) return
    this.#isDue = true
    const before = this.#askedCount
    atTurnEnd(() => {
      this.#isDue = false
      if (!this.#database.open) return
      if (this.#askedCount !== before) this.rest()
      else if (!this.#database.inTransaction) this.set(level)
    })
  }
}

/** A fresh WAL database drops to NORMAL by itself at its first use: to be called after a write. */
export function verifySynchronous(database: Database): void {
  const full = 2
  if (database.pragma('synchronous', { simple: true }) === full) return
  database.pragma('synchronous = FULL')
  const found = database.pragma('synchronous', { simple: true })
  if (found !== full) {
    throw new StorageError('STORAGE_UNAVAILABLE', `SQLite keeps synchronous=${String(found)}`)
  }
}
