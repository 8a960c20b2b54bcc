/**
 * Real damage to a simulated database. While processes live on it, one table cannot be read any more: its root leads to
 * a page of another kind, so that whatever touches the table fails as SQLite fails. At the next start one page of that
 * table is overwritten, and the salvage of the product takes the rest out.
 */
import SqliteDatabase, { type Database } from 'better-sqlite3'
import { PLACE_BITS } from '../../storage/sqlite/row-key.ts'
import { readDamaged } from '../../storage/sqlite/salvage/read-damaged.ts'
import { salvage } from '../../storage/sqlite/salvage/salvage.ts'
import { migrate } from '../../storage/sqlite/schema.ts'
import type { RecordedKinds, SalvageReport } from '../../storage/storage.ts'
import type { Instant } from '../model.ts'

/** The tables whose pages may be damaged. */
export type DamagedRows = 'operations' | 'envelopes' | 'letters'

export interface Damage {
  readonly rows: DamagedRows
  /** Which page of the table's rows, counted from 1; behind the last one it begins anew. */
  readonly page: number
  /** Where the table really is. */
  readonly root: number
}

export interface Salvaged {
  readonly database: Database
  readonly report: SalvageReport
  /** The operations that SQLite does not find any more by a seek to their rows. */
  readonly unreadable: ReadonlySet<string>
}

/** A page holds few rows then, so that a damaged one does not take them all. */
export const PAGE_BYTES = 512

/** A page of this kind is none of a table with rows (`operations`), or none of a table that is an index. */
const OF_ANOTHER_KIND: Readonly<Record<DamagedRows, string>> = {
  operations: 'holdfast_outcomes_by_age',
  envelopes: 'holdfast_lanes',
  letters: 'holdfast_lanes',
}

export function beginDamage(database: Database, rows: DamagedRows, page: number): Damage {
  const root = rootOf(database, `holdfast_${rows}`)
  lead(database, rows, rootOf(database, OF_ANOTHER_KIND[rows]))
  return { rows, page, root }
}

/** The database as it is on the disk, with the damage it has. */
export function damagedCopy(database: Database, damage: Damage): Database {
  const bytes = contents(database, damage)
  const whole = new SqliteDatabase(bytes)
  const leaves = whole
    .prepare<[string], number>(
      `SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY path`,
    )
    .pluck()
    .all(`holdfast_${damage.rows}`)
  whole.close()
  const page = leaves[(damage.page - 1) % leaves.length] ?? 0
  return new SqliteDatabase(bytes.fill(0xa5, (page - 1) * PAGE_BYTES, page * PAGE_BYTES))
}

/** The database without the damage: what was committed, whether it can still be read or not. */
export function contents(database: Database, damage: Damage | null): Buffer {
  const bytes = database.serialize()
  if (damage === null) return bytes
  const copy = new SqliteDatabase(bytes)
  try {
    lead(copy, damage.rows, damage.root)
    return copy.serialize()
  } finally {
    copy.close()
  }
}

/** Where the row of an operation is. */
export interface Spot {
  readonly id: string
  readonly lane: number
  readonly place: number
}

/** Takes what can be read into a new database. `spots`: of every operation that is pending or dead. */
export function salvageInMemory(
  source: Database,
  spots: readonly Spot[],
  recordedKinds: RecordedKinds,
  at: Instant,
): Salvaged {
  const isLost = (spot: Spot) => !isReadable(source, spot)
  const unreadable = new Set(spots.filter(isLost).map(({ id }) => id))
  readDamaged(source)
  const target = new SqliteDatabase(':memory:')
  target.pragma(`page_size = ${PAGE_BYTES}`)
  migrate(target)
  const report = target
    .transaction(() => salvage({ source, target, recordedKinds, at }))
    .immediate()
  return { database: target, report, unreadable }
}

/** Not through the code that is tested here: a seek of its own for each row. */
function isReadable(source: Database, { id, lane, place }: Spot): boolean {
  const key = (BigInt(lane) << BigInt(PLACE_BITS)) + BigInt(place)
  const seeks: readonly [string, string | bigint][] = [
    ['SELECT * FROM holdfast_operations NOT INDEXED WHERE key = ?', key],
    ['SELECT * FROM holdfast_letters NOT INDEXED WHERE id = ?', id],
  ]
  return seeks.some(([sql, sought]) => {
    try {
      const row = source.prepare<[string | bigint], { readonly id: string }>(sql).get(sought)
      return row?.id === id
    } catch {
      return false
    }
  })
}

function rootOf(database: Database, name: string): number {
  const root = database
    .prepare<[string], number>('SELECT rootpage FROM sqlite_schema WHERE name = ?')
    .pluck()
    .get(name)
  if (root === undefined) throw new Error(`there is no ${name}`)
  return root
}

/** From the next statement on, SQLite looks for the table there. */
function lead(database: Database, rows: DamagedRows, root: number): void {
  database.unsafeMode(true)
  database.pragma('writable_schema = ON')
  database
    .prepare('UPDATE sqlite_schema SET rootpage = ? WHERE name = ?')
    .run(root, `holdfast_${rows}`)
  const version = Number(database.pragma('schema_version', { simple: true }))
  database.pragma(`schema_version = ${version + 1}`)
  database.pragma('writable_schema = OFF')
  database.unsafeMode(false)
}
