/** The pending operations: put at the end, removed from anywhere, found by id. */
import type { Database } from 'better-sqlite3'
import type { DropReason, Instant, LaneId, OperationId } from '../../src/model.ts'
import type {
  Affected,
  Answer,
  CancelChange,
  CompleteChange,
  DropChange,
  EnqueueChange,
  Member,
  PurgeChange,
} from '../changes.ts'
import { formatOperationId, parseOperationId } from '../operation-id.ts'
import type { OperationRow } from '../storage.ts'
import type { Envelopes } from './envelopes.ts'
import type { Lanes } from './lanes.ts'
import { Moved } from './moved.ts'
import type { Outcomes } from './outcomes.ts'
import { Places } from './places.ts'

export const MISSED: Answer = { applied: false }
export const DONE: Answer = { applied: true, affected: [] }

/** The columns of an operation under the names of {@link OperationRow}. */
export const OPERATION_COLUMNS =
  'id, lane, place, kind, version, payload, enqueued_at AS enqueuedAt, expires_at AS expiresAt'

export class Pending {
  readonly #lanes: Lanes
  readonly #envelopes: Envelopes
  readonly #outcomes: Outcomes
  readonly #insert
  readonly #delete
  readonly #get
  readonly #all
  readonly #moved: Moved
  readonly #places: Places

  constructor(database: Database, lanes: Lanes, envelopes: Envelopes, outcomes: Outcomes) {
    this.#lanes = lanes
    this.#envelopes = envelopes
    this.#outcomes = outcomes
    this.#insert = database.prepare<
      [number, number, string, string, number, string, number, number | null]
    >(
      `INSERT INTO holdfast_operations (lane, place, id, kind, version, payload, enqueued_at, expires_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#delete = database.prepare<[number, number, string]>(
      'DELETE FROM holdfast_operations WHERE lane = ? AND place = ? AND id = ?',
    )
    this.#get = database.prepare<[number, number], OperationRow>(
      `SELECT ${OPERATION_COLUMNS} FROM holdfast_operations WHERE lane = ? AND place = ?`,
    )
    this.#all = database.prepare<[number], { id: OperationId; place: number; kind: string }>(
      'SELECT id, place, kind FROM holdfast_operations WHERE lane = ? ORDER BY place',
    )
    this.#moved = new Moved(database)
    this.#places = new Places(database, lanes, envelopes, this.#moved)
  }

  enqueue(change: EnqueueChange): Answer {
    const lane = this.#lanes.of(change.user)
    const place = this.#lanes.append(lane)
    const id = formatOperationId(lane, place, change.nonce)
    this.#write(lane, place, { ...change, id })
    return { applied: true, affected: [{ id, lane, place, kind: change.kind, user: change.user }] }
  }

  complete(change: CompleteChange): Answer {
    return this.#remove(change.lane, change.members) ? DONE : MISSED
  }

  drop(change: DropChange): Answer {
    if (!this.#remove(change.lane, change.members)) return MISSED
    for (const { id } of change.members) {
      this.#outcomes.record(id, 'dropped', change.reason, change.at)
    }
    return DONE
  }

  purge(change: PurgeChange): Answer {
    const { lane, reason, at } = change
    const user = this.#lanes.user(lane)
    const rows = this.#all.all(lane).filter((row) => !change.except.includes(row.place))
    this.#remove(lane, rows)
    for (const { id } of rows) this.#outcomes.record(id, 'dropped', reason, at)
    return { applied: true, affected: rows.map((row) => ({ ...row, lane, user })) }
  }

  cancel(change: CancelChange): Answer {
    const row = this.find(change.id)
    if (row === null || this.#envelopes.unknownAt(row.lane, row.place) !== null) return MISSED
    return this.#end([row], 'cancelled', null, change.at)
  }

  /** Drops one pending operation, with its whole envelope if the outcome of that is unknown (Q9). */
  discard(id: OperationId, at: Instant): Answer {
    const row = this.find(id)
    if (row === null) return MISSED
    const envelope = this.#envelopes.unknownAt(row.lane, row.place)
    const rows =
      envelope === null ? [row] : envelope.members.map((place) => this.#get.get(row.lane, place))
    return this.#end(
      rows.filter((member) => member !== undefined),
      'dropped',
      'discarded',
      at,
    )
  }

  find(id: OperationId): OperationRow | null {
    const put = parseOperationId(id)
    const row = put === null ? undefined : this.#get.get(put.lane, put.place)
    if (row?.id === id) return row
    const moved = this.#moved.find(id)
    return moved === null ? null : (this.#get.get(moved.lane, moved.place) ?? null)
  }

  /** Puts operations back that end together: at their old places, or close behind `behind` (Q9). */
  putBack(rows: readonly OperationRow[], behind: number | null): readonly OperationRow[] {
    let last: number | null = null
    return rows.map((row) => {
      const place =
        last === null ? this.#places.of(row, behind ?? 0) : this.#places.beside(row, last)
      last = place
      this.#write(row.lane, place, row)
      this.#moved.record(row.id, row.lane, place)
      this.#lanes.count(row.lane, 1)
      return { ...row, place }
    })
  }

  #end(
    rows: readonly OperationRow[],
    outcome: 'dropped' | 'cancelled',
    reason: DropReason | null,
    at: Instant,
  ): Answer {
    const affected: Affected[] = rows.map(({ id, lane, place, kind }) => ({
      id,
      lane,
      place,
      kind,
      user: this.#lanes.user(lane),
    }))
    const [first] = rows
    if (first !== undefined) this.#remove(first.lane, rows)
    for (const { id } of rows) this.#outcomes.record(id, outcome, reason, at)
    return { applied: true, affected, from: 'pending' }
  }

  #write(lane: LaneId, place: number, row: Omit<OperationRow, 'lane' | 'place'>): void {
    const { id, kind, version, payload, enqueuedAt, expiresAt } = row
    this.#insert.run(lane, place, id, kind, version, payload, enqueuedAt, expiresAt)
  }

  /** All or nothing. The records of their envelopes go too. */
  #remove(lane: LaneId, members: readonly Member[]): boolean {
    if (members.length > 1) {
      const allThere = members.every(({ id, place }) => this.#get.get(lane, place)?.id === id)
      if (!allThere) return false
    }
    for (const { id, place } of members) {
      if (this.#delete.run(lane, place, id).changes === 0) return false
      this.#moved.forget(id, lane, place)
    }
    this.#envelopes.dissolve(lane, members)
    this.#lanes.count(lane, -members.length)
    return true
  }
}
