/**
 * Rows in the lines of a journal that an earlier version recorded: they lack the fields that were added since. Such a
 * journal replays all the same, because these fields are not compared.
 */
import type { Json } from './lines.ts'

/** The rows of today. 2: `askedMs` of envelopes, `owners` of the stored state. */
export const ROWS = 2

const ADDED: ReadonlySet<string> = new Set(['askedMs', 'owners'])

/** `json`, as it is written today, with the fields alone that rows of this number have. */
export function asOfRows(json: Json, rows: number): Json {
  return rows >= ROWS ? json : withoutAdded(json)
}

function withoutAdded(json: Json): Json {
  if (typeof json !== 'object' || json === null) return json
  if (Array.isArray(json)) return json.map((one: Json) => withoutAdded(one))
  const fields = Object.entries(json).filter(([name]) => !ADDED.has(name))
  return Object.fromEntries(fields.map(([name, value]) => [name, withoutAdded(value ?? null)]))
}
