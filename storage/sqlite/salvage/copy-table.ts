/** Copies every row of a table that can be read, as it is; rows of an owner only where the owner is certain. */
import type { Database } from 'better-sqlite3'
import type { SalvagedRows } from '../../storage.ts'
import { DamagedTable, type ReadRow } from './damaged-table.ts'
import { compareKeys, type Key } from './keys.ts'
import { listedProbes, textProbes } from './probes.ts'
import { EVERYTHING, recover, searchGap } from './recover.ts'
import { RowWriter } from './row-writer.ts'
import type { SalvagedTable } from './salvaged-tables.ts'
import type { Tally } from './tally.ts'

export interface CopyParts {
  readonly source: Database
  readonly target: Database
  readonly rows: SalvagedRows
  readonly spec: SalvagedTable
  readonly tally: Tally
  /** Is it certain whose row it is? Default: it is nobody's. */
  readonly isOwned?: ((lane: number, key: Key) => boolean) | undefined
  /** Keys that other rows name, in any order. Asked for only where rows are missing. */
  readonly keys: () => readonly Key[]
}

export function copyTable(parts: CopyParts): void {
  const { source, target, rows, spec, tally, isOwned, keys } = parts
  const table = DamagedTable.of(source, spec)
  if (table === null) {
    tally.missGaps(rows, [EVERYTHING])
    return
  }
  const writer = new RowWriter(target, table)
  const laneColumn = table.columns.indexOf('lane')
  const take = (row: ReadRow): void => {
    const isCertain = isOwned?.(Number(row.values[laneColumn]), row.key) ?? true
    if (isCertain) tally.note(rows, row.key, writer.write(row))
    else tally.miss(rows, row.key, { why: 'owner-unknown' })
  }
  const taker = { take, miss: (key: Key) => tally.miss(rows, key) }
  const gaps = recover(table, (gap) => listedProbes(keys().toSorted(compareKeys), gap), taker)
  const isText = spec.key.length === 1
  const left = isText ? gaps.flatMap((gap) => searchGap(table, gap, textProbes, taker)) : gaps
  tally.missGaps(rows, left)
}
