/**
 * What was erased is gone from the tables at once, but its former pages stay in the WAL until that is
 * emptied (I12). Whoever still reads an older state stands in the way: then it is tried again after each
 * commit, and whenever the file is tidied. When the last connection closes, SQLite does it by itself.
 */
import type { Database } from 'better-sqlite3'
import type { Change } from '../changes.ts'

export class Erasing {
  readonly #database: Database
  readonly #busyTimeoutMs: number
  #isDue = false

  /** `busyTimeoutMs`: what the connection waits otherwise. Nobody waits for this. */
  constructor(database: Database, busyTimeoutMs: number) {
    this.#database = database
    this.#busyTimeoutMs = busyTimeoutMs
  }

  applied({ change }: Change): void {
    if (change === 'forget') this.#isDue = true
  }

  /** To be called outside of a transaction. */
  finish(): void {
    if (!this.#isDue) return
    try {
      this.#database.pragma('busy_timeout = 0')
      this.#isDue = this.#database.pragma('wal_checkpoint(TRUNCATE)', { simple: true }) !== 0
    } catch {
      // What was committed stays committed: this is tried again.
    } finally {
      this.#database.pragma(`busy_timeout = ${this.#busyTimeoutMs}`)
    }
  }
}
