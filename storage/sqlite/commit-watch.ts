/**
 * Notices commits of other processes: the operating system tells that the WAL has changed, SQLite
 * whether that was somebody else. Nothing polls.
 */
import { type FSWatcher, watch } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import type { Database } from 'better-sqlite3'

export class CommitWatch {
  readonly #database: Database
  readonly #atTurnEnd: (run: () => void) => void
  #watcher: FSWatcher | null = null
  #version: unknown
  #isDue = false

  constructor(database: Database, atTurnEnd: (run: () => void) => void) {
    this.#database = database
    this.#atTurnEnd = atTurnEnd
  }

  start(listener: () => void): void {
    const { name: file } = this.#database
    const wal = `${basename(file)}-wal`
    this.#version = this.#dataVersion()
    // The folder, because SQLite may delete and make the file anew.
    this.#watcher = watch(dirname(resolve(file)), { persistent: false }, (_event, name) => {
      if (name === wal) this.#lookAtTurnEnd(listener)
    })
    // A watch that fails costs a delay: whoever uses the engine, or waits, looks anyway.
    this.#watcher.on('error', () => this.stop())
  }

  stop(): void {
    this.#watcher?.close()
    this.#watcher = null
  }

  #lookAtTurnEnd(listener: () => void): void {
    if (this.#isDue) return
    this.#isDue = true
    this.#atTurnEnd(() => {
      this.#isDue = false
      if (this.#watcher === null || !this.#database.open) return
      const version = this.#dataVersion()
      if (version === this.#version) return
      this.#version = version
      listener()
    })
  }

  /** Changes with commits of other connections, not with our own. */
  #dataVersion(): unknown {
    return this.#database.pragma('data_version', { simple: true })
  }
}
