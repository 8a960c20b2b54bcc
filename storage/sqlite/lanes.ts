/** The lanes: which owner has which number, how much is pending, and the next place (Q2). */
import type { Database } from 'better-sqlite3'
import type { LaneId, UserId } from '../../src/model.ts'

/** Places grow in these steps, so that there is room between two neighbours. */
export const PLACE_STEP = 1024

export const ANONYMOUS_LANE = 0 as LaneId

export class Lanes {
  readonly #numbers = new Map<UserId, LaneId>()
  readonly #users = new Map<LaneId, UserId | null>([[ANONYMOUS_LANE, null]])
  readonly #select
  readonly #selectUser
  readonly #insert
  readonly #delete
  readonly #append
  readonly #next
  readonly #count
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
    this.#append = database.prepare<[number], { tail: number }>(
      `UPDATE holdfast_lanes SET pending = pending + 1, tail = tail + ${PLACE_STEP} WHERE lane = ? RETURNING tail`,
    )
    this.#next = database.prepare<[number], { tail: number }>(
      `UPDATE holdfast_lanes SET tail = tail + ${PLACE_STEP} WHERE lane = ? RETURNING tail`,
    )
    this.#count = database.prepare<{ lane: number; difference: number }>(
      `UPDATE holdfast_lanes SET pending = pending + @difference,
         discard_through = CASE WHEN pending + @difference = 0 THEN 0 ELSE discard_through END
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
    this.forget()
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

  /** Counts one more operation and answers its place. */
  append(lane: LaneId): number {
    return tailOf(this.#append.get(lane), lane)
  }

  /** The place behind every one that was ever given. */
  nextPlace(lane: LaneId): number {
    return tailOf(this.#next.get(lane), lane)
  }

  count(lane: LaneId, difference: number): void {
    this.#count.run({ lane, difference })
  }

  /** What is pending now is to be dropped, or (`false`) is not any more. */
  discard(user: UserId, discarding: boolean): void {
    this.#discard.run({ user, discarding: discarding ? 1 : 0 })
  }

  sendAlone(lane: LaneId, through: number): void {
    this.#solo.run(through, lane)
  }

  /** The places after this one have moved back by so much. */
  shifted(lane: LaneId, after: number, by: number): void {
    this.#shift.run({ lane, after, by })
  }

  /** A transaction was rolled back: a lane it made is not there. */
  forget(): void {
    this.#numbers.clear()
    this.#users.clear()
    this.#users.set(ANONYMOUS_LANE, null)
  }
}

function tailOf(row: { tail: number } | undefined, lane: LaneId): number {
  if (row === undefined) throw new Error(`no lane ${lane}`)
  return row.tail
}
