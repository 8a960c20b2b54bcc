/**
 * How operations ended: those that were dropped or cancelled, those whose dead letter was erased, and with
 * `retainCompleted` those that were completed. A completion leaves nothing else, so an operation that is gone
 * without an outcome was completed, unless its outcome is not retained any more. Endings are numbered for that:
 * what was recorded after a known number is retained if nothing behind that number has been forgotten (Q23).
 */
import type { Database } from 'better-sqlite3'
import type { DeadReason, DropReason, Instant, OperationId } from '../../src/model.ts'
import type { OutcomeRow } from '../rows.ts'
import { parseStored } from './stored-json.ts'

const DAY_MS = 24 * 60 * 60 * 1000
/** Longer than this no outcome is retained. */
const KEPT_MS = 7 * DAY_MS
/** More outcomes than this are not retained, but for those that another process may still wait for. */
const KEPT_COUNT = 10_000
/** A process that waits for an operation has heard of its end by then, also if it was stopped for a night. */
const HEARD_MS = DAY_MS
/** Pruned at the start, and not before so many more endings: a process may run for months. */
const PRUNED_AFTER = 1000

/** Numbers of endings. */
export interface EndingNumbers {
  /** The last one that was recorded. */
  readonly recorded: number
  /** The last one of those that are not retained any more; completions without a result do not count. */
  readonly forgotten: number
}

type StoredOutcome = Omit<OutcomeRow, 'result'> & { readonly result: string | null }

/** What else is known of an end. */
interface RecordedEnd {
  /** Of a dead operation: the last status. */
  readonly status?: number | null
  /** Of a completed one: JSON text. */
  readonly result?: string | null
}

const NONE: EndingNumbers = { recorded: 0, forgotten: 0 }

export class Outcomes {
  readonly #insert
  readonly #get
  readonly #lastOld
  readonly #deleteOld
  readonly #firstKept
  readonly #lastSurplus
  readonly #deleteSurplus
  readonly #hasRecent
  readonly #first
  readonly #last
  readonly #getNumbers
  readonly #setNumbers
  /** The number of the ending at which to prune next. */
  #prunedAt = 0
  /** As the last transaction left them; null: they must be read. */
  #numbers: EndingNumbers | null = null
  /** True if no other process can wait for an operation that ends here. */
  #isAlone = false

  constructor(database: Database) {
    this.#insert = database.prepare<
      [string, number, string, string | null, number | null, number, string | null]
    >(
      `INSERT OR REPLACE INTO holdfast_outcomes (id, number, outcome, reason, status, settled_at, result)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#get = database.prepare<[string], StoredOutcome>(
      'SELECT id, outcome, reason, status, settled_at AS settledAt, result FROM holdfast_outcomes WHERE id = ?',
    )
    // Nobody has to be told of a completion without a result: that is what the lack of an outcome means.
    const isTelling = `(outcome <> 'completed' OR result IS NOT NULL)`
    const isOld = 'settled_at < ?'
    this.#lastOld = database
      .prepare<[number], number | null>(
        `SELECT max(number) FROM holdfast_outcomes WHERE ${isOld} AND ${isTelling}`,
      )
      .pluck()
    this.#deleteOld = database.prepare<[number]>(`DELETE FROM holdfast_outcomes WHERE ${isOld}`)
    this.#firstKept = database
      .prepare<[number], number>(
        'SELECT number FROM holdfast_outcomes ORDER BY number DESC LIMIT 1 OFFSET ?',
      )
      .pluck()
    const isSurplus = `number < ? AND (NOT ${isTelling} OR settled_at < ?)`
    this.#lastSurplus = database
      .prepare<[number, number], number | null>(
        `SELECT max(number) FROM holdfast_outcomes WHERE ${isSurplus} AND ${isTelling}`,
      )
      .pluck()
    this.#deleteSurplus = database.prepare<[number, number]>(
      `DELETE FROM holdfast_outcomes WHERE ${isSurplus}`,
    )
    this.#hasRecent = database
      .prepare<[number], 0 | 1>(
        `SELECT EXISTS (SELECT 1 FROM holdfast_outcomes
           WHERE settled_at >= ? AND ${isTelling})`,
      )
      .pluck()
    this.#first = database
      .prepare<[], number | null>('SELECT min(number) FROM holdfast_outcomes')
      .pluck()
    this.#last = database
      .prepare<[], number | null>('SELECT max(number) FROM holdfast_outcomes')
      .pluck()
    this.#getNumbers = database
      .prepare<[], string>(`SELECT value FROM holdfast_meta WHERE name = 'endings'`)
      .pluck()
    this.#setNumbers = database.prepare<[string]>(
      `INSERT OR REPLACE INTO holdfast_meta (name, value) VALUES ('endings', ?)`,
    )
  }

  record(
    id: OperationId,
    outcome: OutcomeRow['outcome'],
    reason: DropReason | DeadReason | null,
    at: Instant,
    { status = null, result = null }: RecordedEnd = {},
  ): void {
    const { recorded, forgotten } = this.#numbersWithin()
    this.#insert.run(id, recorded + 1, outcome, reason, status, at, result)
    this.#numbers = { recorded: recorded + 1, forgotten }
    if (recorded + 1 >= this.#prunedAt) this.#prune(at)
  }

  find(id: OperationId): OutcomeRow | null {
    const stored = this.#get.get(id)
    if (stored === undefined) return null
    const { result, ...row } = stored
    return result === null ? row : { ...row, result }
  }

  /** As they are by now, whatever others have written: a read does not notice that they have. */
  numbers(): EndingNumbers {
    const text = this.#getNumbers.get()
    const { recorded, forgotten } = text === undefined ? NONE : parseStored<EndingNumbers>(text)
    return { recorded: Math.max(recorded, this.#last.get() ?? 0), forgotten }
  }

  /** The last one that is not retained any more, as it is by now. */
  forgotten(): number {
    const text = this.#getNumbers.get()
    return text === undefined ? 0 : parseStored<EndingNumbers>(text).forgotten
  }

  /** At the opening. `hasPending`: operations that another process may have enqueued. */
  begin(now: Instant, hasPending: boolean): void {
    this.#prune(now)
    this.#isAlone = !hasPending && this.#hasRecent.get(now - HEARD_MS) === 0
  }

  /** Another process has committed: it may wait for what it has enqueued. */
  others(): void {
    this.#isAlone = false
  }

  /** Others may have written, or a transaction was rolled back. */
  outdated(): void {
    this.#numbers = null
  }

  /** Within a transaction, which knows whether others have written since the last one. */
  #numbersWithin(): EndingNumbers {
    this.#numbers ??= this.numbers()
    return this.#numbers
  }

  #prune(now: Instant): void {
    const before = now - KEPT_MS
    this.#forget(this.#lastOld.get(before))
    this.#deleteOld.run(before)
    this.#pruneSurplus(now)
    const { recorded } = this.#numbersWithin()
    // What is kept for others is looked through again only when it has doubled.
    const kept = this.#isAlone ? 0 : recorded - (this.#first.get() ?? recorded)
    this.#prunedAt = recorded + Math.max(PRUNED_AFTER, kept)
  }

  #pruneSurplus(now: Instant): void {
    const firstKept = this.#firstKept.get(KEPT_COUNT - 1)
    if (firstKept === undefined) return
    const heardBefore = this.#isAlone ? Number.MAX_SAFE_INTEGER : now - HEARD_MS
    this.#forget(this.#lastSurplus.get(firstKept, heardBefore))
    this.#deleteSurplus.run(firstKept, heardBefore)
  }

  /** Noted in the transaction that deletes them. The last number is noted too: it is never given again. */
  #forget(last: number | null | undefined): void {
    const { recorded, forgotten } = this.#numbersWithin()
    this.#numbers = { recorded, forgotten: Math.max(forgotten, last ?? 0) }
    this.#setNumbers.run(JSON.stringify(this.#numbers))
  }
}
