/** Writes rows of the damaged database into the new one, as they are. */
import type { Database } from 'better-sqlite3'
import { columnsOf, type DamagedTable, type ReadRow } from './damaged-table.ts'
import type { Value } from './keys.ts'

/** `there`: the row has been written before. `unfit`: Holdfast cannot have written such a row. */
export type Written = 'written' | 'there' | 'unfit'

export class RowWriter {
  readonly #indexes: readonly number[]
  readonly #insert

  /** Columns that only a newer schema has keep their defaults. */
  constructor(target: Database, { spec, columns }: DamagedTable) {
    const known = new Set(columnsOf(target, spec.name))
    const shared = columns.filter((column) => known.has(column))
    this.#indexes = shared.map((column) => columns.indexOf(column))
    this.#insert = target.prepare<Value[]>(
      `INSERT INTO ${spec.name} (${shared.join(', ')}) VALUES (${shared.map(() => '?').join(', ')})`,
    )
  }

  write({ values }: ReadRow): Written {
    try {
      this.#insert.run(...this.#indexes.map((index) => values[index] ?? null))
      return 'written'
    } catch (error) {
      const { code = '' } = error as { readonly code?: string }
      if (code === 'SQLITE_CONSTRAINT_PRIMARYKEY' || code === 'SQLITE_CONSTRAINT_ROWID')
        return 'there'
      if (code.startsWith('SQLITE_CONSTRAINT') || code === 'SQLITE_MISMATCH') return 'unfit'
      throw error
    }
  }
}
