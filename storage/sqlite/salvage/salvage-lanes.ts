/** Writes the lanes whose owners are certain, with what their operations come to now. */
import type { Database } from 'better-sqlite3'
import { PLACE_STEP } from '../lanes.ts'
import type { KnownLanes } from './owners.ts'
import { mayEndLater, type SalvagedOperations } from './salvage-operations.ts'
import type { Tally } from './tally.ts'

/** A million operations: more than any page of a tree can lead to, and a thousandth of the places of a lane. */
const UNKNOWN_PLACES = 2 ** 20 * PLACE_STEP

export function writeLanes(
  target: Database,
  { lanes, lastNumber }: KnownLanes,
  { places, gaps }: SalvagedOperations,
  tally: Tally,
): void {
  const insert = target.prepare(
    `INSERT OR REPLACE INTO holdfast_lanes (lane, user, pending, head, tail, shifted, solo_through, discard_through)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  for (const known of lanes.values()) {
    const { lane, user, shifted, discardThrough, soloThrough, isWhole } = known
    const { count, first, last } = places.get(lane) ?? { count: 0, first: 0, last: 0 }
    const end = Math.max(known.tail, last)
    // A place that was given is never given again, also where its operation is lost.
    const tail = end + (mayEndLater(gaps, lane, end) ? UNKNOWN_PLACES : 0)
    const head = count === 0 ? tail + PLACE_STEP : first
    // Which of its operations were rejected as one envelope is not known: then each is sent alone.
    const solo = isWhole ? soloThrough : last
    const discard = count === 0 ? 0 : discardThrough
    insert.run(lane, user, count, head, tail, shifted, solo, discard)
    tally.keep('lanes')
  }
  // The number of a lane that was forgotten is never given again.
  target
    .prepare(`UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'holdfast_lanes'`)
    .run(lastNumber)
}
