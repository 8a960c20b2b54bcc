/**
 * Notices commits of other processes: the operating system tells that the WAL was touched, SQLite
 * whether that was somebody else. Nothing polls. What is written to the WAL is seen by others only
 * later, so whoever has committed touches it once more, before anybody hears of the commit.
 *
 * A process that dies between its commit and that touch may leave something that the others have not
 * noticed. Nobody was told that it is stored, but it is, or, in a transaction of the app, the app may know.
 * It is noticed with the next touch of anybody: a commit, also one's own, or a process that begins or is
 * used and does not get the lock (`SqliteStorage.lock`).
 */
import { type FSWatcher, utimesSync, watch } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { Database, Statement } from 'better-sqlite3'
import type { StorageHost } from '../storage.ts'

export class CommitWatch {
  readonly #database: Database
  readonly #host: StorageHost
  readonly #wal: string
  readonly #dataVersionQuery: Statement
  #watcher: FSWatcher | null = null
  #listener: (() => void) | null = null
  #version: unknown
  #isDue = false

  /** `file`: the real path of the database. What is committed from now on is noticed, once it starts. */
  constructor(database: Database, file: string, host: StorageHost) {
    this.#database = database
    this.#host = host
    this.#wal = `${file}-wal`
    this.#dataVersionQuery = database.prepare('PRAGMA data_version').pluck()
    this.#version = this.#dataVersion()
  }

  start(listener: () => void): void {
    this.stop()
    this.#listener = listener
    try {
      // The folder, because SQLite may delete and make the file anew.
      this.#watcher = watch(dirname(this.#wal), { persistent: false }, (_event, name) => {
        if (name === basename(this.#wal)) this.#lookAtTurnEnd()
      })
      this.#watcher.on('error', () => this.#stopWatching())
    } catch {
      // A watch that fails costs a delay: whoever commits looks anyway.
    }
    this.#lookAtTurnEnd()
  }

  stop(): void {
    this.#listener = null
    this.#stopWatching()
  }

  /** A transaction has begun here: it sees what others have committed, which costs least to ask now. */
  lookWithin(): void {
    if (this.#listener === null) return
    this.#isDue = false
    if (this.#look()) this.#tellAtTurnEnd()
  }

  /** Something was committed here, and others can see it now. */
  announce(): void {
    const now = this.#host.wall() / 1000
    try {
      utimesSync(this.#wal, now, now)
    } catch {
      // Nobody is told; that too costs a delay.
    }
    if (this.#watcher === null) this.#lookAtTurnEnd()
  }

  #stopWatching(): void {
    this.#watcher?.close()
    this.#watcher = null
  }

  /** Unless a transaction begins before that. */
  #lookAtTurnEnd(): void {
    if (this.#isDue || this.#listener === null) return
    this.#isDue = true
    this.#host.atTurnEnd(() => {
      if (!this.#isDue) return
      this.#isDue = false
      if (this.#database.open && this.#look()) this.#listener?.()
    })
  }

  #tellAtTurnEnd(): void {
    this.#host.atTurnEnd(() => {
      if (this.#database.open) this.#listener?.()
    })
  }

  /** Has another connection committed since the last time? */
  #look(): boolean {
    const version = this.#dataVersion()
    const hasChanged = version !== this.#version
    this.#version = version
    return hasChanged
  }

  /** Changes with commits of other connections, not with our own; null: it cannot be told now. */
  #dataVersion(): unknown {
    try {
      return this.#dataVersionQuery.get()
    } catch {
      return null
    }
  }
}
