/** Makes a connection read as much of a damaged database as SQLite can read. The connection must not write any more. */
import type { Database } from 'better-sqlite3'
import { throwUnlessUnreadable } from './damaged-table.ts'

/** False: SQLite can make nothing of the file. */
export function readDamaged(database: Database): boolean {
  // Else SQLite knows either the whole schema or none of it, and refuses a file that was cut short.
  database.unsafeMode(true)
  database.pragma('writable_schema = ON')
  // The first statement says if the schema is damaged; from the second one on, SQLite knows the part that it could read.
  return canRead(database) || canRead(database)
}

function canRead(database: Database): boolean {
  try {
    database.prepare('SELECT 1 FROM sqlite_schema').get()
    return true
  } catch (error) {
    throwUnlessUnreadable(error)
    return false
  }
}
