/** How operations ended that were dropped or cancelled, kept for a while so that nobody has to guess. */
import type { Database } from 'better-sqlite3'
import type { DropReason, Instant, OperationId } from '../../src/model.ts'
import type { OutcomeRow } from '../storage.ts'

/** Seven days, and no more than this many. */
const KEPT_MS = 7 * 24 * 60 * 60 * 1000
const KEPT_COUNT = 10_000
/** Looked after at the start, and once in so many: a process may run for months. */
const PRUNED_EVERY = 1000

export class Outcomes {
  readonly #insert
  readonly #get
  readonly #deleteOld
  readonly #deleteSurplus
  #recordedCount = 0

  constructor(database: Database) {
    this.#insert = database.prepare<[string, string, string | null, number]>(
      'INSERT OR REPLACE INTO holdfast_outcomes (id, outcome, reason, settled_at) VALUES (?, ?, ?, ?)',
    )
    this.#get = database.prepare<[string], OutcomeRow>(
      'SELECT id, outcome, reason, settled_at AS settledAt FROM holdfast_outcomes WHERE id = ?',
    )
    this.#deleteOld = database.prepare<[number]>(
      'DELETE FROM holdfast_outcomes WHERE settled_at < ?',
    )
    this.#deleteSurplus = database.prepare<[number]>(
      `DELETE FROM holdfast_outcomes WHERE id IN (
         SELECT id FROM holdfast_outcomes ORDER BY settled_at DESC LIMIT -1 OFFSET ?)`,
    )
  }

  record(
    id: OperationId,
    outcome: OutcomeRow['outcome'],
    reason: DropReason | null,
    at: Instant,
  ): void {
    this.#insert.run(id, outcome, reason, at)
    this.#recordedCount += 1
    if (this.#recordedCount % PRUNED_EVERY === 0) this.prune(at)
  }

  find(id: OperationId): OutcomeRow | null {
    return this.#get.get(id) ?? null
  }

  /** Forgets what is older than anybody asks for. */
  prune(now: Instant): void {
    this.#deleteOld.run(now - KEPT_MS)
    this.#deleteSurplus.run(KEPT_COUNT)
  }
}
