/**
 * A database may have been made, or changed, by somebody else: a restored copy, an import, another program (E5). A trigger on
 * a table of Holdfast would run in its transactions, and could copy or change what one user stores before it is sent under
 * that user's token. Holdfast has no triggers, one view, and no virtual tables.
 *
 * TEMP triggers are not looked for: only the app itself can make one, on its own connection.
 */
import type { Database } from 'better-sqlite3'
import { StorageError } from '../storage-error.ts'

interface Foreign {
  readonly type: string
  readonly name: string
  readonly on: string
}

/** SQLite itself takes a file for damaged whose entry of a trigger names another table than the trigger. */
const FIND_FOREIGN = `
  SELECT type, name, tbl_name AS "on" FROM main.sqlite_schema
  WHERE CASE type
    WHEN 'trigger' THEN lower(tbl_name) LIKE 'holdfast\\_%' ESCAPE '\\'
    WHEN 'view' THEN lower(name) LIKE 'holdfast\\_%' ESCAPE '\\' AND name <> 'holdfast_lanes_now'
    WHEN 'table' THEN lower(name) LIKE 'holdfast\\_%' ESCAPE '\\' AND rootpage = 0
  END
  ORDER BY type, name LIMIT 1`

/** @throws StorageError `STORAGE_UNAVAILABLE`; nothing has been changed. */
export function refuseForeignSchema(database: Database): void {
  const found = database.prepare<[], Foreign>(FIND_FOREIGN).get()
  if (found === undefined) return
  const { type, name, on } = found
  const place = type === 'trigger' ? ` on ${JSON.stringify(on)}` : ''
  throw new StorageError(
    'STORAGE_UNAVAILABLE',
    `the database has a ${type} ${JSON.stringify(name)}${place} that Holdfast did not make and that could change what is sent; drop it, or open another file`,
  )
}
