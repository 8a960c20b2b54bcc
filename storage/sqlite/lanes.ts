/**
 * The lanes: which owner has which number, how much is pending, and the next place (Q2).
 *
 * An enqueue writes its own row and nothing else, and what is taken from the head deletes its own: `pending`,
 * `head` and `tail` of a lane stand as they were at its last other change. What has come since lies behind that
 * `tail`, and what has gone since lay from that `head` on, each a step further: so they count themselves (the view
 * `holdfast_lanes_now`). Whatever takes operations away elsewhere, or the last one, or puts some in between, brings
 * the lane up to date.
 */
import type { Database } from 'better-sqlite3'
import type { LaneId, UserId } from '../../src/model.ts'
import { isOfLane, PLACE_OF_KEY, refuseBeyond } from './row-key.ts'

/** Places grow in these steps, so that there is room between two neighbours. */
export const PLACE_STEP = 1024

export const ANONYMOUS_LANE = 0 as LaneId

/** As many operations of a lane as the engine has in memory. */
const BEGINNING = 256

/** Of the lane of this row. */
const FIRST_PLACE = `(SELECT ${PLACE_OF_KEY} FROM holdfast_operations
  WHERE ${isOfLane('holdfast_lanes.lane')} ORDER BY key LIMIT 1)`
const LAST_PLACE = `coalesce((SELECT ${PLACE_OF_KEY} FROM holdfast_operations
  WHERE ${isOfLane('holdfast_lanes.lane')} ORDER BY key DESC LIMIT 1), 0)`

interface LaneEnd {
  /** The last place given. */
  tail: number
  isEmpty: boolean
}

export class Lanes {
  readonly #numbers = new Map<UserId, LaneId>()
  readonly #users = new Map<LaneId, UserId | null>([[ANONYMOUS_LANE, null]])
  readonly #select
  readonly #selectUser
  readonly #insert
  readonly #delete
  /** How each lane ends, until somebody else may have changed it. */
  readonly #ends = new Map<LaneId, LaneEnd>()
  readonly #readEnd
  /** Lanes whose beginning has been read. */
  readonly #looked = new Set<LaneId>()
  readonly #look
  readonly #first
  readonly #next
  readonly #catchUp
  readonly #inserted
  readonly #taken
  readonly #solo
  readonly #discard
  readonly #shift

  constructor(database: Database) {
    this.#select = database.prepare<[string], { lane: LaneId }>(
      'SELECT lane FROM holdfast_lanes WHERE user = ?',
    )
    this.#selectUser = database.prepare<[number], { user: UserId | null }>(
      'SELECT user FROM holdfast_lanes WHERE lane = ?',
    )
    this.#insert = database.prepare<[string], { lane: LaneId }>(
      'INSERT INTO holdfast_lanes (user) VALUES (?) RETURNING lane',
    )
    this.#delete = database.prepare<[number]>('DELETE FROM holdfast_lanes WHERE lane = ?')
    this.#readEnd = database.prepare<[number], { readonly tail: number; readonly last: number }>(
      `SELECT tail, ${LAST_PLACE} AS last FROM holdfast_lanes WHERE lane = ?`,
    )
    this.#look = database.prepare<[number, number]>(
      `SELECT sum(length(payload)) FROM (
         SELECT payload FROM holdfast_operations WHERE ${isOfLane('?')} ORDER BY key LIMIT ${BEGINNING})`,
    )
    this.#first = database
      .prepare<[number, number], number>(
        `SELECT ${PLACE_OF_KEY} FROM holdfast_operations WHERE ${isOfLane('?')} ORDER BY key LIMIT 1`,
      )
      .pluck()
    this.#next = database
      .prepare<[number], number>(
        `UPDATE holdfast_lanes SET tail = tail + ${PLACE_STEP} WHERE lane = ? RETURNING tail`,
      )
      .pluck()
    this.#catchUp = database.prepare<{ lane: number }>(
      `UPDATE holdfast_lanes SET (pending, head, tail) = (
         SELECT pending, head, tail FROM holdfast_lanes_now WHERE lane = @lane)
       WHERE lane = @lane`,
    )
    this.#inserted = database.prepare<{ lane: number; place: number }>(
      `UPDATE holdfast_lanes SET pending = pending + 1, head = min(head, @place) WHERE lane = @lane`,
    )
    // The first of those that are gone may have been the first of all, and the last the last.
    this.#taken = database.prepare<{ lane: number; count: number; from: number; through: number }>(
      `UPDATE holdfast_lanes SET (pending, head, tail, discard_through) = (
         SELECT left, coalesce(first, last + ${PLACE_STEP}), last, CASE WHEN left = 0 THEN 0 ELSE discard_through END
         FROM (
           SELECT first, last,
             pending + (last - tail - min(@from, coalesce(first, @from)) + head) / ${PLACE_STEP} - @count AS left
           FROM (SELECT ${FIRST_PLACE} AS first, max(tail, @through, ${LAST_PLACE}) AS last)))
       WHERE lane = @lane`,
    )
    this.#discard = database.prepare<{ user: string; discarding: 0 | 1 }>(
      `UPDATE holdfast_lanes SET discard_through = CASE WHEN @discarding THEN tail ELSE 0 END
       WHERE user = @user`,
    )
    this.#solo = database.prepare<[number, number]>(
      'UPDATE holdfast_lanes SET solo_through = max(solo_through, ?) WHERE lane = ?',
    )
    this.#shift = database.prepare<{ lane: number; after: number; by: number }>(
      `UPDATE holdfast_lanes SET tail = tail + @by, shifted = shifted + @by,
         head = CASE WHEN head > @after THEN head + @by ELSE head END,
         solo_through = CASE WHEN solo_through > @after THEN solo_through + @by ELSE solo_through END,
         discard_through =
           CASE WHEN discard_through > @after THEN discard_through + @by ELSE discard_through END
       WHERE lane = @lane`,
    )
  }

  /** The lane of an owner, made if need be. */
  of(user: UserId | null): LaneId {
    if (user === null) return ANONYMOUS_LANE
    const known = this.#numbers.get(user)
    if (known !== undefined) return known
    const row = this.#select.get(user) ?? this.#insert.get(user)
    if (row === undefined) throw new Error(`no lane for ${user}`)
    this.#numbers.set(user, row.lane)
    return row.lane
  }

  /** The lane of an owner, if there is one. */
  find(user: UserId | null): LaneId | null {
    if (user === null) return ANONYMOUS_LANE
    return this.#numbers.get(user) ?? this.#select.get(user)?.lane ?? null
  }

  /** Nothing is left of this owner. */
  erase(lane: LaneId): void {
    this.#delete.run(lane)
    this.outdated()
  }

  /** Whose lane it is. */
  user(lane: LaneId): UserId | null {
    const known = this.#users.get(lane)
    if (known !== undefined) return known
    const row = this.#selectUser.get(lane)
    if (row === undefined) return null
    this.#users.set(lane, row.user)
    return row.user
  }

  /** The place of one more operation, which is stored there next, and whether it is the only one then. */
  append(lane: LaneId): { readonly place: number; readonly isFirst: boolean } {
    const end = this.#endOf(lane)
    const place = end.tail + PLACE_STEP
    refuseBeyond(lane, place)
    const isFirst = end.isEmpty
    end.tail = place
    end.isEmpty = false
    return { place, isFirst }
  }

  #endOf(lane: LaneId): LaneEnd {
    const known = this.#ends.get(lane)
    if (known !== undefined) return known
    const { tail, last } = found(this.#readEnd.get(lane), lane)
    if (last > 0) this.#lookAtBeginning(lane)
    const end = { tail: Math.max(tail, last), isEmpty: last === 0 }
    this.#ends.set(lane, end)
    return end
  }

  /**
   * Nothing is acknowledged behind operations that cannot be read any more (E2). Once per lane and opening, and only where
   * operations are pending. What lies further back is read when its turn comes.
   */
  #lookAtBeginning(lane: LaneId): void {
    if (this.#looked.has(lane)) return
    this.#look.get(lane, lane)
    this.#looked.add(lane)
  }

  /** A place behind every one that was ever given, for an operation that is counted with `inserted()`. */
  nextPlace(lane: LaneId): number {
    this.catchUp(lane)
    this.#ends.delete(lane)
    const place = found(this.#next.get(lane), lane)
    refuseBeyond(lane, place)
    return place
  }

  /** Counts what has come and gone since the last change. */
  catchUp(lane: LaneId): void {
    this.#catchUp.run({ lane })
  }

  /** One more is at this place; the lane was up to date before. */
  inserted(lane: LaneId, place: number): void {
    this.#ends.delete(lane)
    this.#inserted.run({ lane, place })
  }

  /** The operations at these places are gone. Answers true if none is left. */
  taken(lane: LaneId, places: readonly number[]): boolean {
    if (places.length === 0) return false
    const from = Math.min(...places)
    const through = Math.max(...places)
    const first = this.#first.get(lane, lane)
    // A run from the head, and the next one a step behind it: it counts itself.
    const isRun = first !== undefined && through < first
    if (isRun && first === from + places.length * PLACE_STEP) return false
    const end = this.#ends.get(lane)
    if (end !== undefined) end.isEmpty = first === undefined
    this.#taken.run({ lane, count: places.length, from, through })
    return first === undefined
  }

  /** What is pending now is to be dropped, or (`false`) is not any more. */
  discard(user: UserId, discarding: boolean): void {
    const lane = this.find(user)
    if (lane !== null) this.catchUp(lane)
    this.#discard.run({ user, discarding: discarding ? 1 : 0 })
  }

  sendAlone(lane: LaneId, through: number): void {
    this.#solo.run(through, lane)
  }

  /** The places after this one have moved back by so much; the lane was up to date before. */
  shifted(lane: LaneId, after: number, by: number): void {
    this.#ends.delete(lane)
    this.#shift.run({ lane, after, by })
  }

  /** Others may have changed the ends of lanes, and erased lanes (I12); or a transaction was rolled back. */
  outdated(): void {
    this.#ends.clear()
    this.#numbers.clear()
    this.#users.clear()
    this.#users.set(ANONYMOUS_LANE, null)
  }
}

function found<T>(row: T | undefined, lane: LaneId): T {
  if (row === undefined) throw new Error(`no lane ${lane}`)
  return row
}
