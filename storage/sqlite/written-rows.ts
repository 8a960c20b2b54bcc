/**
 * How the rows of operations are written. Each value that is bound costs as much as a column to store it in, and each
 * statement as much as five values: so most rows, of which there is nothing special to say, have a statement of their
 * own, and another one for many of them at once.
 */
import type { Database } from 'better-sqlite3'
import type { LaneId, OperationId } from '../../src/model.ts'
import type { OperationRow } from '../rows.ts'
import { columnOf } from './operation-columns.ts'
import { keyOf } from './row-key.ts'

/** What a row is made of, beside its place and id. */
export type Written = Omit<OperationRow, 'id' | 'lane' | 'place' | 'creates' | 'deviceScoped'> &
  Partial<Pick<OperationRow, 'creates' | 'deviceScoped'>>

/** Lane, place, id, kind, version, payload, and when it was enqueued: all there is of most rows. */
type PlainRow = [number, number, string, string, number, string, number]

/** So many rows go into one statement, where there are as many. */
const SEVERAL = 16

export class WrittenRows {
  readonly #insert
  readonly #insertPlain
  readonly #insertSeveral
  /** Plain rows that are still to be written. */
  #soon: PlainRow[] = []

  constructor(database: Database) {
    const insertPlain =
      'INSERT INTO holdfast_operations (key, id, kind, version, payload, enqueued_at)'
    const plainRow = `(${keyOf('?', '?')}, ?, ?, ?, ?, ?)`
    const severalRows = Array.from({ length: SEVERAL }, () => plainRow).join(', ')
    this.#insert = database.prepare<
      [...PlainRow, number | null, string | null, 0 | 1, 0 | 1, number]
    >(
      `INSERT INTO holdfast_operations (key, id, kind, version, payload, enqueued_at, expires_at,
         creates, device_scoped, superseded, revision)
       VALUES (${keyOf('?', '?')}, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#insertPlain = database.prepare<PlainRow>(`${insertPlain} VALUES ${plainRow}`)
    this.#insertSeveral = database.prepare<PlainRow[number][]>(
      `${insertPlain} VALUES ${severalRows}`,
    )
  }

  write(lane: LaneId, place: number, id: OperationId, row: Written): void {
    const { kind, version, payload, enqueuedAt } = row
    if (isPlain(row)) {
      this.#insertPlain.run(lane, place, id, kind, version, payload, enqueuedAt)
      return
    }
    const { creates = [], expiresAt, deviceScoped = false, superseded = false, revision = 0 } = row
    this.#insert.run(
      ...([lane, place, id, kind, version, payload, enqueuedAt] satisfies PlainRow),
      expiresAt,
      columnOf(creates),
      deviceScoped ? 1 : 0,
      superseded ? 1 : 0,
      revision,
    )
  }

  /** Writes it, in this order, at the latest with `writeOut()`. */
  writeSoon(lane: LaneId, place: number, id: OperationId, row: Written): void {
    if (isPlain(row)) {
      const { kind, version, payload, enqueuedAt } = row
      this.#soon.push([lane, place, id, kind, version, payload, enqueuedAt])
      if (this.#soon.length === SEVERAL) this.writeOut()
    } else {
      this.writeOut()
      this.write(lane, place, id, row)
    }
  }

  writeOut(): void {
    const rows = this.#soon
    this.#soon = []
    if (rows.length === SEVERAL) this.#insertSeveral.run(...rows.flat())
    else for (const row of rows) this.#insertPlain.run(...row)
  }

  /** What was not written out will not be: the transaction was rolled back. */
  forget(): void {
    this.#soon = []
  }
}

/** Is there nothing to say of it but what every row has? */
function isPlain({ expiresAt, creates, deviceScoped, superseded, revision }: Written): boolean {
  const isOrdinary = deviceScoped !== true && superseded !== true && (revision ?? 0) === 0
  return expiresAt === null && isOrdinary && (creates === undefined || creates.length === 0)
}
