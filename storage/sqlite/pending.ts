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
import { type Lanes, PLACE_STEP } from './lanes.ts'
import type { Outcomes } from './outcomes.ts'

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
  readonly #next
  readonly #moved
  readonly #move
  readonly #unmove
  readonly #shiftAway
  readonly #shiftBack
  readonly #after

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
    this.#next = database.prepare<[number, number], { place: number }>(
      'SELECT place FROM holdfast_operations WHERE lane = ? AND place > ? ORDER BY place LIMIT 1',
    )
    this.#after = database.prepare<[number, number], { id: OperationId; place: number }>(
      'SELECT id, place FROM holdfast_operations WHERE lane = ? AND place > ?',
    )
    this.#moved = database.prepare<[string], { lane: LaneId; place: number }>(
      'SELECT lane, place FROM holdfast_moved WHERE id = ?',
    )
    this.#move = database.prepare<[string, number, number]>(
      'INSERT OR REPLACE INTO holdfast_moved (id, lane, place) VALUES (?, ?, ?)',
    )
    this.#unmove = database.prepare<[string]>('DELETE FROM holdfast_moved WHERE id = ?')
    // In two steps, because SQLite checks the key row by row.
    this.#shiftAway = database.prepare<[number, number, number]>(
      'UPDATE holdfast_operations SET place = -(place + ?) WHERE lane = ? AND place > ?',
    )
    this.#shiftBack = database.prepare<[number]>(
      'UPDATE holdfast_operations SET place = -place WHERE lane = ? AND place < 0',
    )
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
    return this.#end(change.id, 'cancelled', null, change.at)
  }

  /** Drops one pending operation, with its whole envelope if the outcome of that is unknown (Q9). */
  discard(id: OperationId, at: Instant): Answer {
    return this.#end(id, 'dropped', 'discarded', at)
  }

  find(id: OperationId): OperationRow | null {
    const put = parseOperationId(id)
    const row = put === null ? undefined : this.#get.get(put.lane, put.place)
    if (row?.id === id) return row
    const moved = this.#moved.get(id)
    return moved === undefined ? null : (this.#get.get(moved.lane, moved.place) ?? null)
  }

  /** Puts operations back, each at its own place, or close behind `behind` if that lies further on. */
  putBack(rows: readonly OperationRow[], behind: number | null): readonly OperationRow[] {
    let floor = behind ?? 0
    return rows.map((row) => {
      const place = this.#freePlace(row, floor)
      floor = place
      this.#write(row.lane, place, row)
      this.#lanes.count(row.lane, 1)
      return { ...row, place }
    })
  }

  #freePlace({ lane, place }: OperationRow, floor: number): number {
    if (place <= floor) return this.#makeRoom(lane, floor)
    return this.#get.get(lane, place) === undefined ? place : this.#makeRoom(lane, place)
  }

  /** A free place directly behind this one. */
  #makeRoom(lane: LaneId, behind: number): number {
    const next = this.#next.get(lane, behind)?.place
    if (next === undefined) return this.#appendPlace(lane)
    const between = behind + Math.floor((next - behind) / 2)
    if (between > behind) return between
    this.#shift(lane, behind)
    return behind + PLACE_STEP / 2
  }

  #appendPlace(lane: LaneId): number {
    const place = this.#lanes.append(lane)
    this.#lanes.count(lane, -1)
    return place
  }

  #shift(lane: LaneId, after: number): void {
    const rows = this.#after.all(lane, after)
    this.#shiftAway.run(PLACE_STEP, lane, after)
    this.#shiftBack.run(lane)
    this.#lanes.shifted(lane, after, PLACE_STEP)
    for (const { id, place } of rows) this.#move.run(id, lane, place + PLACE_STEP)
  }

  #end(
    id: OperationId,
    outcome: 'dropped' | 'cancelled',
    reason: DropReason | null,
    at: Instant,
  ): Answer {
    const row = this.find(id)
    if (row === null) return MISSED
    const user = this.#lanes.user(row.lane)
    const rows = this.#envelopes
      .boundTo(row.lane, row.place)
      .map((place) => this.#get.get(row.lane, place))
      .filter((member) => member !== undefined)
    this.#remove(row.lane, rows)
    for (const member of rows) this.#outcomes.record(member.id, outcome, reason, at)
    const affected: Affected[] = rows.map(({ id, lane, place, kind }) => ({
      id,
      lane,
      place,
      kind,
      user,
    }))
    return { applied: true, affected, from: 'pending' }
  }

  #write(lane: LaneId, place: number, row: Omit<OperationRow, 'lane' | 'place'>): void {
    const { id, kind, version, payload, enqueuedAt, expiresAt } = row
    this.#insert.run(lane, place, id, kind, version, payload, enqueuedAt, expiresAt)
    if (!isWhereItsIdSays(id, lane, place)) this.#move.run(id, lane, place)
  }

  /** All or nothing. The records of their envelopes go too. */
  #remove(lane: LaneId, members: readonly Member[]): boolean {
    if (members.length > 1) {
      const allThere = members.every(({ id, place }) => this.#get.get(lane, place)?.id === id)
      if (!allThere) return false
    }
    for (const { id, place } of members) {
      if (this.#delete.run(lane, place, id).changes === 0) return false
      if (!isWhereItsIdSays(id, lane, place)) this.#unmove.run(id)
    }
    this.#envelopes.dissolve(lane, members)
    this.#lanes.count(lane, -members.length)
    return true
  }
}

function isWhereItsIdSays(id: OperationId, lane: LaneId, place: number): boolean {
  return id.startsWith(formatOperationId(lane, place, ''))
}
