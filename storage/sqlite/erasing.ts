/**
 * What was erased is gone from the tables at once, but its former pages stay in the WAL until that is emptied (I12, E5): what
 * `forget` has erased before anybody hears of it; a sealed token that was replaced, or whose session has ended, by the end of
 * the turn, once for all of a turn. Another process that reads an older state stands in the way: then it is tried again after
 * each commit, when another process has committed, at each read, and whenever the file is tidied. When the last connection
 * closes, SQLite does it by itself.
 */
import type { Database } from 'better-sqlite3'
import type { Change } from '../changes.ts'
import type { StorageHost } from '../storage.ts'

interface ErasingOptions {
  readonly database: Database
  /** What the connection waits otherwise. Nobody waits for this. */
  readonly busyTimeoutMs: number
  readonly host: StorageHost
  /** False once the storage is broken (E2): nothing may be written to its file any more. */
  readonly isUsable: () => boolean
}

export class Erasing {
  readonly #options: ErasingOptions
  #isDue = false
  /** True if nobody may hear of the commit before. */
  #isUrgent = false
  #isScheduled = false

  constructor(options: ErasingOptions) {
    this.#options = options
  }

  applied({ change }: Change): void {
    if (change !== 'forget') return
    this.#isDue = true
    this.#isUrgent = true
  }

  /** A sealed token has gone from the tables. */
  sealedGone(): void {
    this.#isDue = true
  }

  /** To be called after each commit. */
  committed(): void {
    if (!this.#isDue) return
    if (this.#isUrgent) this.finish()
    else if (!this.#isScheduled) this.#finishAtTurnEnd()
  }

  /** To be called outside of a transaction. */
  finish(): void {
    const { database, busyTimeoutMs, isUsable } = this.#options
    // A connection that was closed meanwhile has emptied the WAL as it closed.
    if (!this.#isDue || !database.open || !isUsable()) return
    try {
      database.pragma('busy_timeout = 0')
      this.#isDue = database.pragma('wal_checkpoint(TRUNCATE)', { simple: true }) !== 0
      this.#isUrgent &&= this.#isDue
    } catch {
      // What was committed stays committed: this is tried again.
    } finally {
      database.pragma(`busy_timeout = ${busyTimeoutMs}`)
    }
  }

  #finishAtTurnEnd(): void {
    this.#isScheduled = true
    this.#options.host.atTurnEnd(() => {
      this.#isScheduled = false
      this.finish()
    })
  }
}
