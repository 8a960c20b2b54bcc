/** Where those operations are that are not where their id says. */
import type { Database } from 'better-sqlite3'
import type { LaneId, OperationId } from '../../src/model.ts'
import { formatOperationId } from '../operation-id.ts'

export class Moved {
  readonly #get
  readonly #set
  readonly #delete

  constructor(database: Database) {
    this.#get = database.prepare<[string], { lane: LaneId; place: number }>(
      'SELECT lane, place FROM holdfast_moved WHERE id = ?',
    )
    this.#set = database.prepare<[string, number, number]>(
      'INSERT OR REPLACE INTO holdfast_moved (id, lane, place) VALUES (?, ?, ?)',
    )
    this.#delete = database.prepare<[string]>('DELETE FROM holdfast_moved WHERE id = ?')
  }

  find(id: OperationId): { lane: LaneId; place: number } | null {
    return this.#get.get(id) ?? null
  }

  record(id: OperationId, lane: LaneId, place: number): void {
    if (isWhereItsIdSays(id, lane, place)) this.#delete.run(id)
    else this.#set.run(id, lane, place)
  }

  /** To be called before an operation of this place goes away; costs nothing if it never moved. */
  forget(id: OperationId, lane: LaneId, place: number): void {
    if (!isWhereItsIdSays(id, lane, place)) this.#delete.run(id)
  }
}

function isWhereItsIdSays(id: OperationId, lane: LaneId, place: number): boolean {
  return id.startsWith(formatOperationId(lane, place, ''))
}
