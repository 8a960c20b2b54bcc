/**
 * The right to dispatch a database (Q17): an open write transaction on a small side database. The
 * operating system frees it when the process dies, so it needs no heartbeat and never goes stale.
 */
import SqliteDatabase, { type Database } from 'better-sqlite3'
import { makePrivate } from '../private-files.ts'

export class DispatchLock {
  /** Null: nobody else can open the database. */
  readonly file: string | null
  #holder: Database | null = null

  /** `file`: the real path of the database itself; null: nobody else can open it. */
  constructor(file: string | null) {
    this.file = file === null ? null : `${file}-dispatch`
  }

  get isOurs(): boolean {
    return this.#holder !== null
  }

  /** Answers at once whether it is ours. @throws StorageError if the file is none that Holdfast may use (E5); else what SQLite says. */
  take(): boolean {
    if (this.file === null || this.#holder !== null) return true
    // Another user who could open it could lock it, and nothing would ever be sent.
    makePrivate(this.file)
    const holder = new SqliteDatabase(this.file, { timeout: 0 })
    try {
      // Not EXCLUSIVE, which two that try at the same moment can deny each other.
      holder.exec('BEGIN IMMEDIATE')
      this.#holder = holder
      return true
    } catch (error) {
      holder.close()
      const { code } = error as { readonly code?: string }
      if (code?.startsWith('SQLITE_BUSY') === true) return false
      throw error
    }
  }

  release(): void {
    this.#holder?.close()
    this.#holder = null
  }
}
