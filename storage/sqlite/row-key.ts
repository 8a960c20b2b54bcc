/**
 * The key of an operation's row: its lane and its place in one 64-bit integer, made by SQLite, because a
 * number of JavaScript is too short for it. Rows of one lane lie side by side in the order of sending, and SQLite
 * appends one at half the price of a key of two columns.
 */
import { StorageError } from '../storage-error.ts'

/** Room for places: a thousand million operations in a lane, and 8 million lanes. */
export const PLACE_BITS = 40
const LANE_BITS = 23

/** @throws StorageError where a lane's number or a place has no room in a key. */
export function refuseBeyond(lane: number, place: number): void {
  if (place < 2 ** PLACE_BITS && lane < 2 ** LANE_BITS) return
  const what = lane < 2 ** LANE_BITS ? 'the lane has no place left' : 'there is no lane left'
  throw new StorageError('STORAGE_FULL', `${what} in this database; drain it, and begin a new file`)
}

/** The key of this lane and place, as SQL; a place before the first is taken for the beginning of the lane. */
export function keyOf(lane: string, place: string): string {
  return `((${lane} << ${PLACE_BITS}) + max(${place}, 0))`
}

/** The keys of this lane, as a condition in SQL. */
export function isOfLane(lane: string): string {
  return `key BETWEEN ${keyOf(lane, '0')} AND ${endOf(lane)}`
}

/** The last key that this lane may have. */
export function endOf(lane: string): string {
  return `((${lane} << ${PLACE_BITS}) + ${2 ** PLACE_BITS - 1})`
}

/** How a row's key tells its lane and its place. */
export const LANE_OF_KEY = `key >> ${PLACE_BITS}`
export const PLACE_OF_KEY = `key & ${2 ** PLACE_BITS - 1}`
