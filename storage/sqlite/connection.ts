/**
 * Opens a database file the way Holdfast needs it, or says why not. A file that is refused has not
 * been changed.
 */
import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import SqliteDatabase, { type Database } from 'better-sqlite3'
import { StorageError } from '../storage-error.ts'
import { migrate, refuseNewerSchema } from './schema.ts'

/** `power-loss`: a commit survives a power cut. `app-crash`: it survives the death of the process. */
export type Durability = 'power-loss' | 'app-crash'

/** Before 3.51.3 a WAL reset could corrupt the database. */
const OLDEST_SQLITE = [3, 51, 3] as const

/** Opens, or makes, the file. `busyTimeoutMs`: how long a write waits for another process. */
export function openFile(file: string, busyTimeoutMs: number): Database {
  if (file !== ':memory:' && !existsSync(dirname(resolve(file)))) {
    throw new StorageError(
      'STORAGE_UNAVAILABLE',
      `the folder of the database does not exist: ${dirname(resolve(file))}`,
    )
  }
  return new SqliteDatabase(file, { timeout: busyTimeoutMs })
}

/** Sets up an open connection; answers whether the tables were made just now. */
export function prepareDatabase(database: Database): boolean {
  refuseOldSqlite(database)
  refuseNewerSchema(database)
  database.pragma('journal_mode = WAL')
  if (process.platform === 'darwin') database.pragma('fullfsync = 1')
  database.pragma('synchronous = FULL')
  return migrate(database)
}

function refuseOldSqlite(database: Database): void {
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

/** Switches how much the next transactions survive, and only when that changes. */
export class Synchronous {
  readonly #database: Database
  #level: 'FULL' | 'NORMAL' | null = null

  constructor(database: Database) {
    this.#database = database
  }

  set(level: 'FULL' | 'NORMAL'): void {
    if (level === this.#level) return
    this.#database.pragma(`synchronous = ${level}`)
    this.#level = level
  }

  /** A fresh WAL database drops to NORMAL by itself at its first use: to be called after a write. */
  verify(): void {
    const expected = this.#level === 'FULL' ? 2 : 1
    const found = this.#database.pragma('synchronous', { simple: true })
    if (found === expected) return
    this.#database.pragma(`synchronous = ${this.#level ?? 'FULL'}`)
    if (this.#database.pragma('synchronous', { simple: true }) !== expected) {
      throw new StorageError('STORAGE_UNAVAILABLE', `SQLite keeps synchronous=${String(found)}`)
    }
  }
}
