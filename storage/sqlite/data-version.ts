/** Asks SQLite if another connection has committed. */
import type { Database } from 'better-sqlite3'

/** The answer changes with commits of other connections, not with those of this one; null: it cannot be told now. */
export function dataVersionOf(database: Database): () => unknown {
  const query = database.prepare('PRAGMA data_version').pluck()
  return () => {
    try {
      return query.get()
    } catch {
      return null
    }
  }
}
