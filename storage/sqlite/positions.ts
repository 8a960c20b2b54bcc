/** Reading positions, per owner and key: a read that names one sees what was written (R1, R2). */
import type { Database } from 'better-sqlite3'
import type { LaneId } from '../../src/model.ts'
import type { PositionRow } from '../rows.ts'

export class Positions {
  readonly #set
  readonly #get
  readonly #forget

  constructor(database: Database) {
    this.#set = database.prepare<[{ lane: LaneId } & PositionRow]>(
      `INSERT OR REPLACE INTO holdfast_positions (lane, key, token, ready_at, wait_ms)
       VALUES (@lane, @key, @token, @readyAt, @waitMs)`,
    )
    this.#get = database.prepare<[number, string], PositionRow>(
      `SELECT key, token, ready_at AS readyAt, wait_ms AS waitMs FROM holdfast_positions
       WHERE lane = ? AND key = ?`,
    )
    this.#forget = database.prepare<[number]>('DELETE FROM holdfast_positions WHERE lane = ?')
  }

  set(lane: LaneId, { key, token, readyAt, waitMs }: PositionRow): void {
    this.#set.run({ lane, key, token, readyAt, waitMs })
  }

  get(lane: LaneId, key: string): PositionRow | null {
    return this.#get.get(lane, key) ?? null
  }

  forgetLane(lane: LaneId): void {
    this.#forget.run(lane)
  }
}
