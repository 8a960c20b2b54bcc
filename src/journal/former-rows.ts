/**
 * Rows in the lines of a journal that an earlier version recorded: they lack the fields that were added since. Such a
 * journal replays all the same: the fields get their defaults, and are not compared.
 */
import type { Json } from './lines.ts'

/** The rows of today. 2: `askedMs` of envelopes, `owners` of the stored state. */
export const ROWS = 2

const ADDED: ReadonlySet<string> = new Set(['askedMs', 'owners'])

/** `json`, as it is written today, with the fields alone that rows of this number have. */
export function asOfRows(json: Json, rows: number): Json {
  return rows >= ROWS ? json : eachRow(json, withoutAdded)
}

/** `json` of a journal with rows of this number, with the fields that the rows of today have. */
export function asOfToday<T extends Json>(json: T, rows: number): T {
  return rows >= ROWS ? json : (eachRow(json, withDefaults) as T)
}

type Fields = Readonly<Record<string, Json>>

function eachRow(json: Json, change: (fields: Fields) => Fields): Json {
  if (typeof json !== 'object' || json === null) return json
  if (Array.isArray(json)) return json.map((one: Json) => eachRow(one, change))
  const fields = Object.entries(json).map(([name, value]) => [name, eachRow(value ?? null, change)])
  return change(Object.fromEntries(fields) as Fields)
}

function withoutAdded(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !ADDED.has(name)))
}

/** Of all rows, only an envelope has the field `waitsAfterUnknown`. */
function withDefaults(fields: Fields): Fields {
  return 'waitsAfterUnknown' in fields ? { askedMs: 0, ...fields } : fields
}
