/** The pending operations: put at the end, removed from anywhere, found by id. */
import type { Database } from 'better-sqlite3'
import type { DropReason, Instant, LaneId, OperationId } from '../../src/model.ts'
import type {
  AdoptChange,
  Affected,
  Answer,
  CancelChange,
  CompleteChange,
  DropChange,
  EnqueueChange,
  FollowUp,
  Member,
  PurgeChange,
  Shift,
  SupersedeChange,
  UpgradeChange,
} from '../changes.ts'
import { formatOperationId, parseOperationId } from '../operation-id.ts'
import type { OperationRow } from '../rows.ts'
import type { Envelopes } from './envelopes.ts'
import { ANONYMOUS_LANE, type Lanes } from './lanes.ts'
import type { Moved } from './moved.ts'
import { OPERATION_COLUMNS, operationOf, type StoredOperation } from './operation-columns.ts'
import { isOfLane, keyOf } from './row-key.ts'
import type { Outcomes } from './outcomes.ts'
import type { Owners } from './owners.ts'
import { Places } from './places.ts'
import type { Positions } from './positions.ts'
import type { Records } from './records.ts'
import { type Written, WrittenRows } from './written-rows.ts'

export const MISSED: Answer = { applied: false }
export const DONE: Answer = { applied: true, affected: [] }

export class Pending {
  readonly #lanes: Lanes
  readonly #envelopes: Envelopes
  readonly #outcomes: Outcomes
  readonly #owners: Owners
  readonly #records: Records
  readonly #positions: Positions
  readonly #rows: WrittenRows
  readonly #delete
  readonly #get
  readonly #idAt
  readonly #all
  readonly #deviceScoped
  readonly #markSuperseded
  readonly #upgrade
  readonly #moved: Moved
  readonly #places: Places

  constructor(
    database: Database,
    lanes: Lanes,
    envelopes: Envelopes,
    outcomes: Outcomes,
    owners: Owners,
    records: Records,
    positions: Positions,
    moved: Moved,
  ) {
    this.#lanes = lanes
    this.#envelopes = envelopes
    this.#outcomes = outcomes
    this.#owners = owners
    this.#records = records
    this.#positions = positions
    this.#rows = new WrittenRows(database)
    this.#delete = database.prepare<[number, number, string]>(
      `DELETE FROM holdfast_operations WHERE key = ${keyOf('?', '?')} AND id = ?`,
    )
    this.#get = database.prepare<[number, number], StoredOperation>(
      `SELECT ${OPERATION_COLUMNS} FROM holdfast_operations WHERE key = ${keyOf('?', '?')}`,
    )
    this.#upgrade = database.prepare<[number, string, number, number, string, number]>(
      `UPDATE holdfast_operations SET version = ?, payload = ?
       WHERE key = ${keyOf('?', '?')} AND id = ? AND version = ?`,
    )
    this.#idAt = database.prepare<[number, number], { readonly id: OperationId }>(
      `SELECT id FROM holdfast_operations WHERE key = ${keyOf('?', '?')}`,
    )
    this.#all = database.prepare<{ lane: number }, StoredOperation>(
      `SELECT ${OPERATION_COLUMNS} FROM holdfast_operations WHERE ${isOfLane('@lane')} ORDER BY key`,
    )
    this.#deviceScoped = database.prepare<[number], StoredOperation>(
      `SELECT ${OPERATION_COLUMNS} FROM holdfast_operations
       WHERE device_scoped = 1 AND lane <> 0 AND lane <> ? ORDER BY key`,
    )
    this.#markSuperseded = database.prepare<[number, number]>(
      `UPDATE holdfast_operations SET superseded = 1 WHERE key = ${keyOf('?', '?')}`,
    )
    this.#moved = moved
    this.#places = new Places(database, lanes, envelopes, moved)
  }

  enqueue(change: EnqueueChange): Answer {
    const lane = this.#lanes.of(change.user)
    const { place, isFirst } = this.#lanes.append(lane)
    const id = formatOperationId(lane, place, change.nonce)
    this.#write(lane, place, id, change)
    return stored(id, lane, place, change, isFirst)
  }

  /** Many at once. */
  enqueueAll(changes: readonly EnqueueChange[]): Answer[] {
    const answers = changes.map((change): Answer => {
      const lane = this.#lanes.of(change.user)
      const { place, isFirst } = this.#lanes.append(lane)
      const id = formatOperationId(lane, place, change.nonce)
      this.#rows.writeSoon(lane, place, id, change)
      this.#expectRecords(id, lane, change)
      return stored(id, lane, place, change, isFirst)
    })
    this.#rows.writeOut()
    return answers
  }

  /** Its place, its id and the records that it creates stay (Q14). */
  upgrade({ lane, place, id, from, version, payload }: UpgradeChange): Answer {
    const { changes } = this.#upgrade.run(version, payload, lane, place, id, from)
    return changes === 0 ? MISSED : DONE
  }

  /** A transaction was rolled back. */
  forget(): void {
    this.#rows.forget()
  }

  complete(change: CompleteChange): Answer {
    const { lane, members, at = 0, made = [], positions = [] } = change
    const removed = this.#remove(lane, members)
    if (removed === null) return MISSED
    if (change.at !== undefined) {
      this.#owners.completed(this.#lanes.user(lane), at, removed.isLast)
    }
    for (const { local, remote } of made) this.#records.make(local, remote, lane, at)
    for (const position of positions) this.#positions.set(lane, position)
    this.#recordCompleted(change, at)
    return change.followUps === undefined || change.followUps.length === 0
      ? DONE
      : this.#follow(lane, members.at(-1)?.place ?? 0, change.followUps)
  }

  /** An operation with a result is always retained: somebody may still ask for the result (Q23). */
  #recordCompleted(change: CompleteChange, at: Instant): void {
    const { members, results = [], retain = false } = change
    if (!retain && results.length === 0) return
    for (const { id } of members) {
      const result = results.find((one) => one.id === id)?.result ?? null
      if (retain || result !== null) this.#outcomes.record(id, 'completed', null, at, { result })
    }
  }

  drop(change: DropChange): Answer {
    const rows = this.#rowsOf(change.lane, change.members)
    if (rows === null) return MISSED
    this.#settle(rows, 'dropped', change.reason, change.at)
    return DONE
  }

  /** Takes operations away that go on elsewhere, as dead letters. */
  takeAway(lane: LaneId, members: readonly Member[], at: Instant): readonly OperationRow[] | null {
    const rows = this.#rowsOf(lane, members)
    if (rows === null) return null
    this.#remove(lane, rows)
    for (const { creates } of rows) this.#records.lose(creates, at)
    return rows
  }

  purge(change: PurgeChange): Answer {
    const { lane, reason, at, through = Number.POSITIVE_INFINITY } = change
    const rows = this.#all
      .all({ lane })
      .map(operationOf)
      .filter(({ place }) => place <= through && !change.except.includes(place))
      .filter(({ superseded }) => change.superseded !== true || superseded === true)
    return this.#settle(rows, 'dropped', reason, at)
  }

  /** I8: what is of no use once this user has logged in. */
  supersede({ user, except, at }: SupersedeChange): Answer {
    const all = this.#deviceScoped.all(this.#lanes.of(user)).map(operationOf)
    const isExcepted = ({ id }: OperationRow) => except === 'all' || except.includes(id)
    for (const { lane, place } of all.filter(isExcepted)) this.#markSuperseded.run(lane, place)
    const rows = all.filter((row) => !isExcepted(row))
    const affected: Affected[] = []
    for (const lane of new Set(rows.map((row) => row.lane))) {
      const ofLane = rows.filter((row) => row.lane === lane)
      affected.push(...this.#settle(ofLane, 'dropped', 'superseded', at).affected)
    }
    return { applied: true, affected }
  }

  /** I3: once and one way; an envelope that has been formed stays one, under its key. */
  adopt({ user, except }: AdoptChange): Answer {
    const from = ANONYMOUS_LANE
    const lane = this.#lanes.of(user)
    const rows = this.#all
      .all({ lane: from })
      .map(operationOf)
      .filter((row) => !except.includes(row.place))
    const places = new Map(rows.map((row) => [row.place, this.#lanes.append(lane).place]))
    const envelopes = this.#envelopes.ofLane(from)
    this.#remove(from, rows)
    for (const row of rows) {
      const place = places.get(row.place) ?? row.place
      this.#write(lane, place, row.id, row)
      this.#moved.record(row.id, lane, place)
      this.#records.move(row.creates, lane)
    }
    for (const envelope of envelopes) {
      const members = envelope.members.map((place) => places.get(place) ?? null)
      // One that was refused is formed anew, but its wait goes on.
      const place = places.get(envelope.place)
      if (place === undefined || members.includes(null)) continue
      this.#envelopes.record({ ...envelope, lane, place, members: members as number[] })
    }
    const affected = rows.map(({ id, kind, place }) => ({
      id,
      lane,
      place: places.get(place) ?? 0,
      kind,
      user,
    }))
    const known = [...this.#envelopes.ofLane(from), ...this.#envelopes.ofLane(lane)]
    return { applied: true, affected, ...(known.length === 0 ? {} : { envelopes: known }) }
  }

  cancel(change: CancelChange): Answer {
    const row = this.find(change.id)
    if (row === null || this.#envelopes.unknownAt(row.lane, row.place) !== null) return MISSED
    return this.#settle([row], 'cancelled', null, change.at)
  }

  /** Drops one pending operation, with its whole envelope if the outcome of that is unknown (Q9). */
  discard(id: OperationId, at: Instant): Answer {
    const row = this.find(id)
    if (row === null) return MISSED
    const envelope = this.#envelopes.unknownAt(row.lane, row.place)
    const rows =
      envelope === null ? [row] : envelope.members.map((place) => this.#at(row.lane, place))
    const members = rows.filter((member) => member !== null)
    return this.#settle(members, 'dropped', 'discarded', at)
  }

  find(id: OperationId): OperationRow | null {
    const put = parseOperationId(id)
    const row = put === null ? null : this.#at(put.lane, put.place)
    if (row?.id === id) return row
    const moved = this.#moved.find(id)
    return moved === null ? null : this.#at(moved.lane, moved.place)
  }

  /** Is it pending? Its payload is not read. */
  has(id: OperationId): boolean {
    const put = parseOperationId(id)
    if (put !== null && this.#idAt.get(put.lane, put.place)?.id === id) return true
    const moved = this.#moved.find(id)
    return moved !== null && this.#idAt.get(moved.lane, moved.place)?.id === id
  }

  /** Puts operations back that end together: at their old places, or close behind `behind` (Q9). */
  putBack(
    rows: readonly OperationRow[],
    behind: number | null,
    at: Instant,
  ): readonly OperationRow[] {
    let last: number | null = null
    for (const lane of new Set(rows.map((row) => row.lane))) this.#lanes.catchUp(lane)
    return rows.map((row) => {
      const place =
        last === null ? this.#places.of(row, behind ?? 0) : this.#places.beside(row, last)
      last = place
      this.#write(row.lane, place, row.id, row)
      this.#moved.record(row.id, row.lane, place)
      this.#lanes.inserted(row.lane, place)
      this.#records.expect(row.id, row.creates, row.lane, at)
      return { ...row, place }
    })
  }

  /** What has moved to make room since this was asked last. */
  takeShifts(): { readonly shifts?: readonly Shift[] } {
    return this.#places.takeShifts()
  }

  /** Directly behind the operation that yielded them: the remaining head comes after (Q2, Q13). */
  #follow(lane: LaneId, parentPlace: number, followUps: readonly FollowUp[]): Answer {
    let behind = parentPlace
    const user = this.#lanes.user(lane)
    this.#lanes.catchUp(lane)
    const affected = followUps.map((followUp) => {
      const place = this.#places.behind(lane, behind)
      behind = place
      this.#write(lane, place, followUp.id, followUp)
      this.#moved.record(followUp.id, lane, place)
      this.#lanes.inserted(lane, place)
      return { id: followUp.id, lane, place, kind: followUp.kind, user }
    })
    return { applied: true, affected, ...this.takeShifts() }
  }

  #settle(
    rows: readonly OperationRow[],
    outcome: 'dropped' | 'cancelled',
    reason: DropReason | null,
    at: Instant,
  ): Extract<Answer, { applied: true }> {
    const affected: Affected[] = rows.map(({ id, lane, place, kind }) => ({
      id,
      lane,
      place,
      kind,
      user: this.#lanes.user(lane),
    }))
    const [first] = rows
    if (first !== undefined) this.#remove(first.lane, rows)
    for (const { id, creates } of rows) {
      this.#outcomes.record(id, outcome, reason, at)
      this.#records.lose(creates, at)
    }
    return { applied: true, affected, from: 'pending' }
  }

  #write(lane: LaneId, place: number, id: OperationId, row: Written): void {
    this.#rows.write(lane, place, id, row)
    this.#expectRecords(id, lane, row)
  }

  #expectRecords(id: OperationId, lane: LaneId, { creates = [], enqueuedAt }: Written): void {
    if (creates.length > 0) this.#records.expect(id, creates, lane, enqueuedAt)
  }

  #at(lane: LaneId, place: number): OperationRow | null {
    const stored = this.#get.get(lane, place)
    return stored === undefined ? null : operationOf(stored)
  }

  /** All of them, or null where one is not there. */
  #rowsOf(lane: LaneId, members: readonly Member[]): readonly OperationRow[] | null {
    const rows = members.map(({ id, place }) => {
      const row = this.#at(lane, place)
      return row?.id === id ? row : null
    })
    return rows.includes(null) ? null : (rows as OperationRow[])
  }

  /** All or nothing (null). The records of their envelopes go too. `isLast`: nothing of the lane is left. */
  #remove(lane: LaneId, members: readonly Member[]): { readonly isLast: boolean } | null {
    if (members.length > 1) {
      const allThere = members.every(({ id, place }) => this.#get.get(lane, place)?.id === id)
      if (!allThere) return null
    }
    for (const { id, place } of members) {
      if (this.#delete.run(lane, place, id).changes === 0) return null
      this.#moved.forget(id, lane, place)
    }
    this.#envelopes.dissolve(lane, members)
    const places = members.map(({ place }) => place)
    return { isLast: this.#lanes.taken(lane, places) }
  }
}

function stored(
  id: OperationId,
  lane: LaneId,
  place: number,
  { kind, user }: EnqueueChange,
  isFirst: boolean,
): Answer {
  const affected = [{ id, lane, place, kind, user }]
  return isFirst ? { applied: true, affected, isFirst } : { applied: true, affected }
}
