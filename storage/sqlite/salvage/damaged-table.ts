/**
 * One table of a damaged database, read by seeks to its key. SQLite finds rows only in its own trees, so a row that was
 * deleted never comes back. Each read ends at the first error, and says how far it has come.
 */
import type { Database, Statement } from 'better-sqlite3'
import { compareKeys, type Key, type Value } from './keys.ts'
import type { SalvagedTable } from './salvaged-tables.ts'

/** A row that can be read, and makes sense. */
export interface ReadRow {
  readonly key: Key
  /** In the order of `columns`. */
  readonly values: readonly Value[]
}

/** How a walk over the rows ended. */
export interface Walk {
  /** The last key that was passed; null: none was. */
  readonly last: Key | null
  /** True if no error ended the walk. */
  readonly isWhole: boolean
}

export interface Taker {
  readonly take: (row: ReadRow) => void
  /** There is a row of this key, and it cannot be read or makes no sense. */
  readonly miss: (key: Key) => void
}

export class DamagedTable {
  readonly spec: SalvagedTable
  readonly columns: readonly string[]
  readonly #first: Statement
  readonly #from: Statement
  readonly #last: Statement
  readonly #before: Statement
  readonly #keyFrom: Statement
  readonly #exact: Statement

  /** Null: the damaged database does not know the table any more. */
  static of(database: Database, spec: SalvagedTable): DamagedTable | null {
    try {
      return new DamagedTable(database, spec)
    } catch (error) {
      throwUnlessUnreadable(error)
      return null
    }
  }

  private constructor(database: Database, spec: SalvagedTable) {
    this.spec = spec
    this.columns = columnsOf(database, spec.name)
    const key = `(${spec.key.join(', ')})`
    const bound = `(${spec.key.map(() => '?').join(', ')})`
    const lengths = this.columns.map(
      (column) => `iif(typeof(${column}) = 'text', octet_length(${column}), 0)`,
    )
    const rows = `SELECT ${[...spec.key, ...this.columns].join(', ')}, ${lengths.join(' + ')}, ${spec.sense}
      FROM ${spec.name} NOT INDEXED`
    const up = `ORDER BY ${spec.key.join(', ')}`
    const down = `ORDER BY ${spec.key.map((column) => `${column} DESC`).join(', ')}`
    const keys = `SELECT ${spec.key.join(', ')} FROM ${spec.name} NOT INDEXED`
    const prepare = (sql: string) => database.prepare(sql).raw().safeIntegers()
    this.#first = prepare(`${rows} ${up}`)
    this.#from = prepare(`${rows} WHERE ${key} >= ${bound} ${up}`)
    this.#last = prepare(`${rows} ${down}`)
    this.#before = prepare(`${rows} WHERE ${key} < ${bound} ${down}`)
    this.#exact = prepare(`${rows} WHERE ${key} = ${bound}`)
    this.#keyFrom = prepare(`${keys} WHERE ${key} >= ${bound} ${up} LIMIT 1`)
  }

  /** Reads from this key on (null: from the first row), up to before another one (null: to the end). */
  walkUp(from: Key | null, before: Key | null, taker: Taker): Walk {
    const isBeyond = (key: Key) => before !== null && compareKeys(key, before) >= 0
    const rows = from === null ? this.#first.iterate() : this.#from.iterate(...from)
    const walk = this.#walk(rows, null, isBeyond, 1, taker)
    return { last: walk.last ?? from, isWhole: walk.isWhole }
  }

  /** The same in the other direction, except that it ends at each error. */
  walkDown(before: Key | null, behind: Key | null, taker: Taker): Walk {
    return this.#walk(
      before === null ? this.#last.iterate() : this.#before.iterate(...before),
      before,
      (key) => behind !== null && compareKeys(key, behind) <= 0,
      -1,
      taker,
    )
  }

  /** The key of the first row from here on; null: there is none. @throws where that cannot be read. */
  seek(key: Key): Key | null {
    const row = this.#from.get(...key) as Value[] | undefined
    return row === undefined ? null : row.slice(0, this.spec.key.length)
  }

  /** The key of the first row from here on, even where the rest of its row cannot be read; null: there is no row. */
  keyFrom(key: Key): Key | 'unreadable' | null {
    const found = withoutStack(() => this.#keyFrom.get(...key) as Key | undefined)
    return found === 'unreadable' ? found : (found ?? null)
  }

  /** The row of exactly this key; null: there is none, or it cannot be read. */
  read(key: Key): ReadRow | null {
    const values = withoutStack(() => this.#exact.get(...key) as Value[] | undefined)
    return values === 'unreadable' || values === undefined ? null : this.#rowOf(values)
  }

  #walk(
    rows: IterableIterator<unknown>,
    from: Key | null,
    isBeyond: (key: Key) => boolean,
    direction: 1 | -1,
    { take, miss }: Taker,
  ): Walk {
    let last = from
    try {
      for (;;) {
        const next = nextOf(rows)
        if (next === 'unreadable') return { last, isWhole: false }
        if (next === null) return { last, isWhole: true }
        const key = this.#keyOf(next)
        // A key that was damaged may stand anywhere, and may be the key of another row: a seek to it does not find this row.
        const isFound = this.#finds(key, next)
        if (isFound && isBeyond(key)) return { last, isWhole: true }
        const row = isFound ? this.#rowOf(next) : null
        if (row === null) miss(key)
        else take(row)
        if (isFound && (last === null || compareKeys(key, last) * direction > 0)) last = key
      }
    } finally {
      rows.return?.()
    }
  }

  /** True if a seek to its key finds this row. */
  #finds(key: Key, row: readonly Value[]): boolean {
    const found = withoutStack(() => this.#exact.get(...key) as Value[] | undefined)
    if (found === 'unreadable' || found === undefined) return false
    return found.every((value, index) => isSameValue(value, row[index]))
  }

  #keyOf(values: readonly Value[]): Key {
    return values.slice(0, this.spec.key.length)
  }

  /** Null: the row makes no sense. */
  #rowOf(values: readonly Value[]): ReadRow | null {
    const keyLength = this.spec.key.length
    const [length, sense] = values.slice(-2)
    const columns = values.slice(keyLength, -2)
    if (sense !== 1n) return null
    // Bytes that are no text would come out as others.
    const bytes = columns.reduce<number>(
      (sum, value) => sum + (typeof value === 'string' ? Buffer.byteLength(value) : 0),
      0,
    )
    return Number(length) === bytes ? { key: values.slice(0, keyLength), values: columns } : null
  }
}

/** A seek that fails by the thousand: the stack of an error would take longer than the seek. */
function withoutStack<T>(seek: () => T): T | 'unreadable' {
  const limit = Error.stackTraceLimit
  Reflect.set(Error, 'stackTraceLimit', 0)
  try {
    return seek()
  } catch (error) {
    throwUnlessUnreadable(error)
    return 'unreadable'
  } finally {
    Reflect.set(Error, 'stackTraceLimit', limit)
  }
}

function isSameValue(one: Value, other: Value | undefined): boolean {
  return one instanceof Uint8Array && other instanceof Uint8Array
    ? Buffer.compare(one, other) === 0
    : one === other
}

/** Null: there is no further row. What the caller does with a row is no part of reading it. */
function nextOf(rows: IterableIterator<unknown>): readonly Value[] | 'unreadable' | null {
  try {
    const next = rows.next()
    return next.done === true ? null : (next.value as readonly Value[])
  } catch (error) {
    throwUnlessUnreadable(error)
    return 'unreadable'
  }
}

/** What came of reading a database that is not damaged but locked is no damage. */
export function throwUnlessUnreadable(error: unknown): void {
  const { code = '' } = error as { readonly code?: string }
  if (/^SQLITE_(BUSY|LOCKED|PROTOCOL|INTERRUPT|MISUSE)/.test(code)) throw error
  if (!code.startsWith('SQLITE_') && !(error instanceof RangeError)) throw error
}

/** The columns that are stored, not computed. */
export function columnsOf(database: Database, table: string): readonly string[] {
  const columns = database
    .prepare<[], string>(`SELECT name FROM pragma_table_xinfo('${table}') WHERE hidden = 0`)
    .pluck()
    .all()
  if (columns.length === 0) throw new RangeError(`there is no table ${table}`)
  return columns
}
