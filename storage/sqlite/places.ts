/**
 * Where a retried operation goes (Q2, Q9): its old place, unless that has been taken, lies ahead of
 * what has been sent, or tears a recorded envelope apart. Then the next free place; where there is none,
 * what lies behind moves back.
 */
import type { Database } from 'better-sqlite3'
import type { LaneId, OperationId } from '../../src/model.ts'
import type { Shift } from '../changes.ts'
import { parseOperationId } from '../operation-id.ts'
import type { OperationRow } from '../rows.ts'
import type { Envelopes } from './envelopes.ts'
import { type Lanes, PLACE_STEP } from './lanes.ts'
import type { Moved } from './moved.ts'
import { endOf, keyOf } from './row-key.ts'

interface Neighbour {
  readonly id: OperationId
  readonly place: number
}

interface Spot {
  readonly lane: number
  readonly place: number
}

export class Places {
  readonly #shifts: Shift[] = []
  readonly #lanes: Lanes
  readonly #envelopes: Envelopes
  readonly #moved: Moved
  readonly #next
  readonly #after
  readonly #shiftAway
  readonly #shiftBack

  constructor(database: Database, lanes: Lanes, envelopes: Envelopes, moved: Moved) {
    this.#lanes = lanes
    this.#envelopes = envelopes
    this.#moved = moved
    const isBehind = `key > ${keyOf('@lane', '@place')} AND key <= ${endOf('@lane')}`
    this.#next = database.prepare<Spot, Neighbour>(
      `SELECT id, place FROM holdfast_operations WHERE ${isBehind} ORDER BY key LIMIT 1`,
    )
    this.#after = database.prepare<Spot, Neighbour>(
      `SELECT id, place FROM holdfast_operations WHERE ${isBehind}`,
    )
    // In two steps, because SQLite checks the key row by row.
    this.#shiftAway = database.prepare<Spot & { by: number }>(
      `UPDATE holdfast_operations SET key = -(key + @by) WHERE ${isBehind}`,
    )
    this.#shiftBack = database.prepare<[]>(
      'UPDATE holdfast_operations SET key = -key WHERE key < 0',
    )
  }

  /** A free place for this operation, behind the place `behind`. */
  of(row: OperationRow, behind: number): number {
    let floor = Math.max(row.place - 1, behind)
    for (;;) {
      // Another one that was put behind its old place, but was made before this one, stays ahead of it.
      const next = this.#next.get({ lane: row.lane, place: floor })
      if (next === undefined || !wasMadeBefore(next.id, row)) break
      floor = next.place
    }
    return this.#closestTo(row, this.#envelopes.endAround(row.lane, floor))
  }

  /** What has moved to make room since this was asked last. */
  takeShifts(): { readonly shifts?: readonly Shift[] } {
    const shifts = this.#shifts.splice(0)
    return shifts.length === 0 ? {} : { shifts }
  }

  /** A free place directly behind this one. */
  behind(lane: LaneId, place: number): number {
    return this.#makeRoom(lane, place)
  }

  /** A free place for the next member of an envelope, with nothing between it and the one before. */
  beside(row: OperationRow, memberBefore: number): number {
    const next = this.#next.get({ lane: row.lane, place: memberBefore })
    const isApart = next !== undefined && next.place < row.place
    return isApart ? this.#makeRoom(row.lane, memberBefore) : this.#closestTo(row, memberBefore)
  }

  #closestTo({ lane, place }: OperationRow, floor: number): number {
    const isFree = this.#next.get({ lane, place: place - 1 })?.place !== place
    return place > floor && isFree ? place : this.#makeRoom(lane, floor)
  }

  /** A free place directly behind this one. */
  #makeRoom(lane: LaneId, behind: number): number {
    const next = this.#next.get({ lane, place: behind })?.place
    if (next === undefined) return this.#lanes.nextPlace(lane)
    const between = behind + Math.floor((next - behind) / 2)
    if (between > behind) return between
    this.#shift(lane, behind)
    return behind + PLACE_STEP / 2
  }

  #shift(lane: LaneId, after: number): void {
    this.#lanes.catchUp(lane)
    const rows = this.#after.all({ lane, place: after })
    this.#shiftAway.run({ lane, place: after, by: PLACE_STEP })
    this.#shiftBack.run()
    this.#shifts.push({ lane, after, by: PLACE_STEP })
    this.#lanes.shifted(lane, after, PLACE_STEP)
    this.#envelopes.shifted(lane, after, PLACE_STEP)
    for (const { id, place } of rows) this.#moved.record(id, lane, place + PLACE_STEP)
  }
}

/** Ids tell in which order the operations of a lane were made; those of another lane tell nothing. */
function wasMadeBefore(id: OperationId, { id: other, lane }: OperationRow): boolean {
  const first = parseOperationId(id)
  const second = parseOperationId(other)
  if (first?.lane !== lane || second?.lane !== lane) return false
  return first.place < second.place
}
