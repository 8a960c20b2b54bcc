/** Single facts that a database has of itself, by name. */
import type { Database } from 'better-sqlite3'

export function getMeta(database: Database, name: string): string | null {
  const value = database
    .prepare<[string], string>('SELECT value FROM holdfast_meta WHERE name = ?')
    .pluck()
    .get(name)
  return value ?? null
}

export function setMeta(database: Database, name: string, value: string): void {
  database
    .prepare('INSERT OR REPLACE INTO holdfast_meta (name, value) VALUES (?, ?)')
    .run(name, value)
}

export function unsetMeta(database: Database, name: string): void {
  database.prepare('DELETE FROM holdfast_meta WHERE name = ?').run(name)
}
