/** The records that operations create, and what the server calls them (Q12). */
import type { Database } from 'better-sqlite3'
import type { Instant, LaneId } from '../../src/model.ts'
import type { RecordRow } from '../storage.ts'

export class Records {
  readonly #expect
  readonly #make
  readonly #lose
  readonly #get
  readonly #move
  readonly #forget

  constructor(database: Database) {
    this.#expect = database.prepare<[string, number, number]>(
      `INSERT INTO holdfast_records (local, state, lane, changed_at) VALUES (?, 'pending', ?, ?)
       ON CONFLICT (local) DO UPDATE SET remote = NULL, state = 'pending', lane = excluded.lane,
         changed_at = excluded.changed_at`,
    )
    this.#make = database.prepare<[string, string, number, number]>(
      `INSERT INTO holdfast_records (local, remote, state, lane, changed_at) VALUES (?, ?, 'made', ?, ?)
       ON CONFLICT (local) DO UPDATE SET remote = excluded.remote, state = 'made',
         changed_at = excluded.changed_at`,
    )
    this.#lose = database.prepare<[number, string]>(
      `UPDATE holdfast_records SET state = 'lost', changed_at = ? WHERE local = ? AND state = 'pending'`,
    )
    this.#get = database.prepare<[string], RecordRow>(
      'SELECT local, remote, state, lane, changed_at AS changedAt FROM holdfast_records WHERE local = ?',
    )
    this.#move = database.prepare<[number, string]>(
      'UPDATE holdfast_records SET lane = ? WHERE local = ?',
    )
    this.#forget = database.prepare<[number]>('DELETE FROM holdfast_records WHERE lane = ?')
  }

  /** An operation that creates them is pending. */
  expect(locals: readonly string[], lane: LaneId, at: Instant): void {
    for (const local of locals) this.#expect.run(local, lane, at)
  }

  make(local: string, remote: string, lane: LaneId, at: Instant): void {
    this.#make.run(local, remote, lane, at)
  }

  /** The operation that was to create them will not. */
  lose(locals: readonly string[], at: Instant): void {
    for (const local of locals) this.#lose.run(at, local)
  }

  find(locals: readonly string[]): RecordRow[] {
    return locals.map((local) => this.#get.get(local)).filter((row) => row !== undefined)
  }

  /** Their creation belongs to another lane now. */
  move(locals: readonly string[], lane: LaneId): void {
    for (const local of locals) this.#move.run(lane, local)
  }

  forgetLane(lane: LaneId): void {
    this.#forget.run(lane)
  }
}
