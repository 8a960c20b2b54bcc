/**
 * Whose each lane is, as far as that is certain (I5): an operation is never sent as another user. The user of a lane
 * stands in two places, in its row and in the index over users. Where both can be read they must agree; where one cannot,
 * the other one tells. A lane with two users, and a user with two lanes, have none.
 */
import type { Database } from 'better-sqlite3'
import { DamagedTable, throwUnlessUnreadable } from './damaged-table.ts'
import type { LaneSpan } from './probes.ts'
import { listedProbes } from './probes.ts'
import { EVERYTHING, type Gap, recover } from './recover.ts'
import { LANES } from './salvaged-tables.ts'
import { PLACE_STEP } from '../lanes.ts'

export interface KnownLane extends LaneSpan {
  /** Null: the lane of the anonymous identity. */
  readonly user: string | null
  /** True if the row itself could be read, not only its entry in the index. */
  readonly isWhole: boolean
  readonly shifted: number
  readonly soloThrough: number
  readonly discardThrough: number
}

export interface KnownLanes {
  readonly lanes: ReadonlyMap<number, KnownLane>
  readonly gaps: readonly Gap[]
  /** Lanes that there are, and whose users are not certain. */
  readonly uncertain: readonly number[]
  /** The largest number of a lane that was ever given. */
  readonly lastNumber: number
}

/** So many lane numbers are tried one by one. */
const MOST_LANES_TRIED = 100_000

export function readLanes(database: Database): KnownLanes {
  const rows = new Map<number, KnownLane>()
  const users = new Map<number, Set<string>>()
  const note = (lane: number, user: string | null) => {
    const known = users.get(lane) ?? new Set()
    if (user !== null) known.add(user)
    users.set(lane, known)
  }
  const gaps = readRows(database, {
    take: (lane) => {
      rows.set(lane.lane, lane)
      note(lane.lane, lane.user)
    },
    miss: (lane) => note(lane, null),
  })
  for (const { lane, user } of readIndex(database)) note(lane, user)
  const claims = new Map<string, number>()
  for (const named of users.values()) {
    for (const user of named) claims.set(user, (claims.get(user) ?? 0) + 1)
  }
  const lanes = new Map<number, KnownLane>([[0, rows.get(0) ?? laneOf(0)]])
  const uncertain: number[] = []
  for (const [lane, named] of users) {
    if (lane === 0) continue
    const [user] = named
    const isCertain = named.size === 1 && user !== undefined && claims.get(user) === 1
    if (isCertain) lanes.set(lane, { ...(rows.get(lane) ?? laneOf(lane)), user })
    else uncertain.push(lane)
  }
  const lastNumber = Math.max(...users.keys(), 0, readSequence(database))
  return { lanes, gaps, uncertain, lastNumber }
}

function readRows(
  database: Database,
  { take, miss }: { take: (lane: KnownLane) => void; miss: (lane: number) => void },
): readonly Gap[] {
  const table = DamagedTable.of(database, LANES)
  if (table === null) return [EVERYTHING]
  const at = (values: readonly unknown[], column: string) =>
    values[table.columns.indexOf(column)] ?? null
  const numberAt = (values: readonly unknown[], column: string, otherwise = 0) => {
    const number = Number(at(values, column) ?? otherwise)
    return Number.isSafeInteger(number) && number >= 0 ? number : otherwise
  }
  const last = Math.min(readSequence(database), MOST_LANES_TRIED)
  const keys = Array.from({ length: last + 1 }, (_, lane) => [BigInt(lane)])
  return recover(table, (gap) => listedProbes(keys, gap), {
    take: ({ values }) => {
      const user = at(values, 'user')
      take({
        lane: numberAt(values, 'lane'),
        user: typeof user === 'string' ? user : null,
        head: numberAt(values, 'head', PLACE_STEP),
        tail: numberAt(values, 'tail'),
        shifted: numberAt(values, 'shifted'),
        soloThrough: numberAt(values, 'solo_through'),
        discardThrough: numberAt(values, 'discard_through'),
        isWhole: true,
      })
    },
    miss: ([lane]) => miss(Number(lane)),
  })
}

/** The index over users has users and lanes without their rows. */
function readIndex(database: Database): readonly { lane: number; user: string }[] {
  const found: { lane: number; user: string }[] = []
  for (const direction of ['', 'DESC']) {
    try {
      const rows = database
        .prepare<[], { lane: number; user: unknown }>(
          `SELECT lane, user FROM holdfast_lanes INDEXED BY sqlite_autoindex_holdfast_lanes_1
           WHERE user > '' ORDER BY user ${direction}`,
        )
        .iterate()
      for (const { lane, user } of rows) if (typeof user === 'string') found.push({ lane, user })
    } catch (error) {
      throwUnlessUnreadable(error)
    }
  }
  return found
}

/** The number of a lane that was forgotten is never given again. */
function readSequence(database: Database): number {
  try {
    const last = database
      .prepare<[], number>(`SELECT seq FROM sqlite_sequence WHERE name = 'holdfast_lanes'`)
      .pluck()
      .get()
    return Number.isSafeInteger(last) ? (last ?? 0) : 0
  } catch (error) {
    throwUnlessUnreadable(error)
    return 0
  }
}

/** A lane of which only the number is known. */
function laneOf(lane: number): KnownLane {
  return {
    lane,
    user: null,
    head: PLACE_STEP,
    tail: 0,
    shifted: 0,
    soloThrough: 0,
    discardThrough: 0,
    isWhole: false,
  }
}
