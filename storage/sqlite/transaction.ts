/**
 * One transaction after the other on a connection: begun at once as a writer, and ended or undone. One that was not begun
 * here is the app's own, on the connection it gave: it is left alone.
 */
import type { Database } from 'better-sqlite3'
import { StorageError } from '../storage-error.ts'
import type { Synchronous } from './connection.ts'

/**
 * `in a run`: one of several that follow each other without an fsync. `repeatable`: it stores nothing that the app is told is
 * safe, say that a request was answered.
 */
export type CommitKind = 'alone' | 'in a run' | 'repeatable'

export interface TransactionOptions {
  readonly database: Database
  /** Is it the app's connection? Then the app may have a transaction open on it. */
  readonly isShared: boolean
  readonly synchronous: Synchronous
  /** Asked before a transaction begins. @throws StorageError if the storage is broken (E2). */
  readonly refuse: () => void
  /** Told when a transaction has begun, before anything is applied. */
  readonly begun: () => void
  /** Asked after each transaction, before anybody hears of it. @throws StorageError if the files are gone (E2). */
  readonly look: (commit: CommitKind) => void
  /** Told after each transaction, before anybody hears of it. */
  readonly committed: () => void
  /** Told when a transaction was rolled back, so that nothing it read or made is remembered. */
  readonly forget: () => void
}

export class Transaction {
  readonly #options: TransactionOptions
  readonly #begin
  readonly #commit
  readonly #rollback
  #isOurs = false

  constructor(options: TransactionOptions) {
    this.#options = options
    this.#begin = options.database.prepare('BEGIN IMMEDIATE')
    this.#commit = options.database.prepare('COMMIT')
    this.#rollback = options.database.prepare('ROLLBACK')
  }

  /** Has the app one open just now? To ask costs as much as a small query, so only where it can be. */
  get isAppsOpen(): boolean {
    const { isShared, database } = this.#options
    return isShared && !this.#isOurs && database.inTransaction
  }

  /** `synced`: with an fsync at its end? @throws StorageError `STORAGE_BUSY` within one of the app, or that the storage is broken; else what SQLite says. */
  begin(synced: boolean): void {
    this.#options.refuse()
    if (this.isAppsOpen) {
      throw new StorageError(
        'STORAGE_BUSY',
        'a transaction of the app is open on the connection it gave; end it in the turn that began it',
      )
    }
    const { synchronous, begun } = this.#options
    // One that could not be rolled back before.
    this.undo()
    synchronous.set(synced ? 'FULL' : 'NORMAL')
    try {
      this.#begin.run()
      this.#isOurs = true
    } finally {
      if (!this.#isOurs) synchronous.rest()
    }
    begun()
  }

  /** @throws what SQLite says; then it is to be undone. Or that the files are gone. */
  end(kind: CommitKind = 'alone'): void {
    this.#commit.run()
    this.#isOurs = false
    try {
      this.#options.look(kind)
      this.#options.committed()
    } finally {
      this.#options.synchronous.rest()
    }
  }

  /**
   * Rolls back what has begun here, if anything has, and if SQLite has not done so itself. It never throws: whoever
   * was part of it is to hear why that failed. What cannot be rolled back now is tried again before the next one.
   */
  undo(): void {
    if (!this.#isOurs) return
    const { database, forget, synchronous } = this.#options
    forget()
    try {
      if (database.inTransaction) this.#rollback.run()
      this.#isOurs = false
      synchronous.rest()
    } catch {
      // The next BEGIN says what is wrong.
    }
  }
}
