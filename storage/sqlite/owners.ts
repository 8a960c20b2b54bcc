/**
 * What is stored of owners beside their operations: when the last one was completed (Q22). A drain completes thousands of
 * operations in a second: the time is stored once per second, and when nothing of the owner is left.
 */
import type { Database } from 'better-sqlite3'
import type { Instant, UserId } from '../../src/model.ts'
import type { OwnerRow } from '../rows.ts'

/** A completion is not stored as long as the stored time is no older than this. */
const EXACT_TO_MS = 1000

/** The anonymous identity, in the column `user`. No user has an empty id. */
const ANONYMOUS = ''

interface StoredOwner {
  readonly user: string
  readonly lastCompletedAt: Instant
}

export class Owners {
  readonly #write
  readonly #all
  readonly #erase
  /** The stored times, as far as this connection has written them. */
  readonly #stored = new Map<UserId | null, Instant>()

  constructor(database: Database) {
    this.#write = database.prepare<[string, number]>(
      'INSERT OR REPLACE INTO holdfast_owners (user, last_completed_at) VALUES (?, ?)',
    )
    this.#all = database.prepare<[], StoredOwner>(
      'SELECT user, last_completed_at AS lastCompletedAt FROM holdfast_owners ORDER BY user',
    )
    this.#erase = database.prepare<[string]>('DELETE FROM holdfast_owners WHERE user = ?')
  }

  /** An operation of the owner was completed. `isLast`: nothing else of the lane is pending. */
  completed(user: UserId | null, at: Instant, isLast: boolean): void {
    const storedAt = this.#stored.get(user) ?? Number.NEGATIVE_INFINITY
    // A clock that was set back makes the stored time wrong at once.
    if (!isLast && at >= storedAt && at - storedAt < EXACT_TO_MS) return
    this.#write.run(user ?? ANONYMOUS, at)
    this.#stored.set(user, at)
  }

  all(): OwnerRow[] {
    return this.#all.all().map(({ user, lastCompletedAt }) => ({
      user: user === ANONYMOUS ? null : (user as UserId),
      lastCompletedAt,
    }))
  }

  erase(user: UserId): void {
    this.#erase.run(user)
    this.#stored.delete(user)
  }

  /** Others may have written, or a transaction was rolled back. */
  outdated(): void {
    this.#stored.clear()
  }
}
