/**
 * Is there damage in this database? Every page of every table and index is read: SQLite's own check, and what it does
 * not look at: columns that hold JSON.
 */
import type { Database } from 'better-sqlite3'
import { StorageError } from '../../storage-error.ts'
import { storageErrorOf } from '../error-of.ts'
import { SALVAGED_TABLES } from './salvaged-tables.ts'

/** Null: nothing is wrong. @throws StorageError where the database cannot be checked now, because it is busy for instance. */
export function findDamage(database: Database): StorageError | null {
  try {
    const [first] = database.pragma('integrity_check(1)') as { readonly integrity_check: string }[]
    if (first?.integrity_check !== 'ok') return damagedBy(first?.integrity_check ?? 'no answer')
    for (const { name, sense } of SALVAGED_TABLES) {
      if (!exists(database, name)) continue
      const row = database.prepare(`SELECT 1 FROM ${name} WHERE NOT (${sense}) LIMIT 1`).get()
      if (row !== undefined) return damagedBy(`a row of ${name} makes no sense`)
    }
    return null
  } catch (error) {
    const failure = storageErrorOf(error)
    if (failure.code === 'STORAGE_CORRUPT') return failure
    throw failure
  }
}

function exists(database: Database, table: string): boolean {
  return (
    database.prepare(`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?`).get(table) !==
    undefined
  )
}

function damagedBy(cause: string): StorageError {
  return new StorageError(
    'STORAGE_CORRUPT',
    'the database is damaged; set it aside and recover it, it was not changed',
    new Error(cause),
  )
}
