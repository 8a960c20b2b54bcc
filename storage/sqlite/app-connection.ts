/**
 * The app's own connection as Holdfast uses it: its integers are numbers here, though the app may want them as BigInt
 * (`defaultSafeIntegers()`), also from some time later on. The connection itself is left as the app set it up.
 */
import type { Database } from 'better-sqlite3'
import { StorageError } from '../storage-error.ts'

export function readingNumbers(database: Database): Database {
  return Object.create(database, {
    prepare: { value: (sql: string) => database.prepare(sql).safeIntegers(false) },
    pragma: {
      value: (...args: Parameters<Database['pragma']>) => numbersIn(database.pragma(...args)),
    },
  }) as Database
}

/** @throws StorageError `STORAGE_UNAVAILABLE` if results name their columns in a way that nobody expects any more. */
export function refuseLongColumnNames(database: Database): void {
  const [column] = database.prepare('SELECT name FROM sqlite_schema').columns()
  if (column?.name === 'name') return
  throw new StorageError(
    'STORAGE_UNAVAILABLE',
    'the connection names columns with their tables; say PRAGMA full_column_names = OFF',
  )
}

/** A pragma answers with a value, or with rows of values. */
function numbersIn(answer: unknown): unknown {
  if (typeof answer === 'bigint') return Number(answer)
  if (Array.isArray(answer)) return answer.map(numbersIn)
  if (typeof answer !== 'object' || answer === null) return answer
  return Object.fromEntries(Object.entries(answer).map(([name, value]) => [name, numbersIn(value)]))
}
