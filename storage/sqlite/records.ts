/** The records that operations create, and what the server calls them (Q12). */
import { createHash } from 'node:crypto'
import type { Database } from 'better-sqlite3'
import type { Instant, LaneId, OperationId } from '../../src/model.ts'
import type { RecordRow } from '../rows.ts'

export class Records {
  readonly #expect
  readonly #make
  readonly #lose
  readonly #get
  readonly #move
  readonly #ofLane
  readonly #forget
  readonly #setForgotten
  readonly #getForgotten

  constructor(database: Database) {
    this.#expect = database.prepare<[string, number, string, number]>(
      `INSERT INTO holdfast_records (local, state, lane, creation, changed_at) VALUES (?, 'pending', ?, ?, ?)
       ON CONFLICT (local) DO UPDATE SET remote = CASE WHEN lane = excluded.lane THEN remote END,
         state = 'pending', lane = excluded.lane,
         creation = excluded.creation, changed_at = excluded.changed_at`,
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
      'SELECT local, remote, state, lane, creation, changed_at AS changedAt FROM holdfast_records WHERE local = ?',
    )
    this.#move = database.prepare<[number, string]>(
      'UPDATE holdfast_records SET lane = ? WHERE local = ?',
    )
    this.#ofLane = database.prepare<[number], { local: string }>(
      'SELECT local FROM holdfast_records WHERE lane = ?',
    )
    this.#forget = database.prepare<[number]>('DELETE FROM holdfast_records WHERE lane = ?')
    this.#setForgotten = database.prepare<[string, number, number]>(
      'INSERT OR REPLACE INTO holdfast_forgotten_records (digest, lane, changed_at) VALUES (?, ?, ?)',
    )
    this.#getForgotten = database.prepare<[string], { lane: LaneId; changedAt: Instant }>(
      'SELECT lane, changed_at AS changedAt FROM holdfast_forgotten_records WHERE digest = ?',
    )
  }

  /** This operation, which creates them, is pending. */
  expect(creation: OperationId, locals: readonly string[], lane: LaneId, at: Instant): void {
    for (const local of locals) this.#expect.run(local, lane, creation, at)
  }

  make(local: string, remote: string, lane: LaneId, at: Instant): void {
    this.#make.run(local, remote, lane, at)
  }

  /** The operation that was to create them will not. */
  lose(locals: readonly string[], at: Instant): void {
    for (const local of locals) this.#lose.run(at, local)
  }

  find(locals: readonly string[]): RecordRow[] {
    return locals
      .map((local) => this.#get.get(local) ?? this.#findForgotten(local))
      .filter((row) => row !== undefined)
  }

  /** Their creation belongs to another lane now. */
  move(locals: readonly string[], lane: LaneId): void {
    for (const local of locals) this.#move.run(lane, local)
  }

  /** What they are called goes too (I12); only that they are lost can still be told. */
  forgetLane(lane: LaneId, at: Instant): void {
    for (const { local } of this.#ofLane.all(lane)) {
      this.#setForgotten.run(digestOf(local), lane, at)
    }
    this.#forget.run(lane)
  }

  #findForgotten(local: string): RecordRow | undefined {
    const found = this.#getForgotten.get(digestOf(local))
    return found && { ...found, local, remote: null, state: 'lost', creation: null }
  }
}

function digestOf(local: string): string {
  return createHash('sha256').update(local).digest('base64url')
}
