/** Bare better-sqlite3: what nobody who uses it can beat. */
import { join } from 'node:path'
import SqliteDatabase, { type Database } from 'better-sqlite3'
import type { Durability } from './durability.ts'
import { PAYLOAD_TEXT } from './payload.ts'

export interface Raw {
  readonly database: Database
  /** Puts one row; a commit of its own, outside of a transaction. */
  readonly insert: () => void
}

export function openRaw(folder: string, durability: Durability): Raw {
  const database = new SqliteDatabase(join(folder, 'raw.db'))
  database.pragma('journal_mode = WAL')
  database.exec('CREATE TABLE notes (id INTEGER PRIMARY KEY, payload TEXT NOT NULL) STRICT')
  // After the first write, at which a fresh WAL database changes it.
  database.pragma(`synchronous = ${durability}`)
  const statement = database.prepare<[string]>('INSERT INTO notes (payload) VALUES (?)')
  return { database, insert: () => statement.run(PAYLOAD_TEXT) }
}
