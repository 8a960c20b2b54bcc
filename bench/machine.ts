/** Where and when it was measured. */
import { cpus, totalmem } from 'node:os'
import SqliteDatabase from 'better-sqlite3'

export interface Machine {
  readonly date: string
  readonly processor: string
  readonly cores: number
  readonly memoryGiB: number
  readonly node: string
  readonly sqlite: string
}

export function describeMachine(): Machine {
  const database = new SqliteDatabase(':memory:')
  const sqlite = database.prepare('SELECT sqlite_version()').pluck().get() as string
  database.close()
  return {
    date: new Date().toISOString().slice(0, 10),
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    sqlite,
  }
}
