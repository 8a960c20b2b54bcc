/**
 * Takes the pending operations out of a damaged database. An operation goes where its key says, if its id says the same
 * lane, or the table of moved operations says why not: a key that was damaged must not give it to another user.
 */
import type { Database } from 'better-sqlite3'
import type { LaneId, OperationId } from '../../../src/model.ts'
import { parseOperationId } from '../../operation-id.ts'
import { Moved } from '../moved.ts'
import { PLACE_BITS } from '../row-key.ts'
import { DamagedTable, type ReadRow } from './damaged-table.ts'
import { compareKeys, type Key } from './keys.ts'
import type { KnownLane } from './owners.ts'
import { placeProbes } from './probes.ts'
import { EVERYTHING, type Gap, recover } from './recover.ts'
import { RowWriter } from './row-writer.ts'
import { MOVED, OPERATIONS } from './salvaged-tables.ts'
import type { Tally } from './tally.ts'

/** The places of a lane's operations in the new database. */
interface Places {
  count: number
  first: number
  last: number
}

export interface SalvagedOperations {
  readonly places: ReadonlyMap<number, Places>
  /** Rows between these keys could not be read, if there were any. */
  readonly gaps: readonly Gap[]
}

const PLACES = 2n ** BigInt(PLACE_BITS)

export function salvageOperations(
  source: Database,
  target: Database,
  lanes: ReadonlyMap<number, KnownLane>,
  tally: Tally,
): SalvagedOperations {
  const places = new Map<number, Places>()
  const table = DamagedTable.of(source, OPERATIONS)
  if (table === null) {
    tally.missGaps('operations', [EVERYTHING])
    return { places, gaps: [EVERYTHING] }
  }
  const rows = new RowWriter(target, table)
  const moved = new Moved(target)
  const moves = movesOf(source)
  const idColumn = table.columns.indexOf('id')
  const take = (row: ReadRow): void => {
    const { lane, place } = spotOf(row.key)
    const id = String(row.values[idColumn]) as OperationId
    if (!lanes.has(lane) || !isInPlace(id, lane, place, moves)) {
      tally.miss('operations', row.key, { why: 'owner-unknown', words: wordsOfSpot })
      return
    }
    const written = rows.write(row)
    tally.note('operations', row.key, written, wordsOfSpot)
    if (written !== 'written') return
    moved.record(id, lane as LaneId, place)
    const known = places.get(lane) ?? { count: 0, first: place, last: place }
    known.count += 1
    known.first = Math.min(known.first, place)
    known.last = Math.max(known.last, place)
    places.set(lane, known)
  }
  const gaps = recover(table, (gap) => placeProbes([...lanes.values()], gap), {
    take,
    miss: (key) => tally.miss('operations', key, { words: wordsOfSpot }),
  })
  tally.missGaps('operations', gaps, wordsOfSpot)
  return { places, gaps }
}

/** Can there have been an operation behind this place of the lane? */
export function mayEndLater(gaps: readonly Gap[], lane: number, place: number): boolean {
  const behind: Key = [BigInt(lane) * PLACES + BigInt(place)]
  const end: Key = [BigInt(lane + 1) * PLACES]
  return gaps.some(
    ({ after, before }) =>
      (after === null || compareKeys(after, end) < 0) &&
      (before === null || compareKeys(before, behind) > 0),
  )
}

/** Is the operation where it belongs? Within its lane it may have moved; into another lane only if that is written down. */
function isInPlace(
  id: OperationId,
  lane: number,
  place: number,
  moves: (id: OperationId) => { lane: number; place: number } | null,
): boolean {
  const put = parseOperationId(id)
  if (put === null) return false
  if (put.lane === lane) return true
  const move = moves(id)
  return move !== null && move.lane === lane && move.place === place
}

/** Where the damaged database says that an operation has moved to. */
function movesOf(source: Database): (id: OperationId) => { lane: number; place: number } | null {
  const table = DamagedTable.of(source, MOVED)
  const lane = table?.columns.indexOf('lane') ?? 0
  const place = table?.columns.indexOf('place') ?? 0
  return (id) => {
    const row = table?.read([id]) ?? null
    return row && { lane: Number(row.values[lane]), place: Number(row.values[place]) }
  }
}

function spotOf([key]: Key): { lane: number; place: number } {
  const number = BigInt(key as bigint)
  return { lane: Number(number / PLACES), place: Number(number % PLACES) }
}

function wordsOfSpot(key: Key): string {
  const { lane, place } = spotOf(key)
  return `lane ${lane}, place ${place}`
}
