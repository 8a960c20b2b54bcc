/** Keys of rows as SQLite orders them: integers by value, texts by their bytes. */

export type Value = bigint | number | string | Uint8Array | null

/** The columns of a key, in order. */
export type Key = readonly Value[]

export function compareKeys(one: Key, other: Key): number {
  for (const [index, value] of one.entries()) {
    const order = compareValues(value, other[index] ?? null)
    if (order !== 0) return order
  }
  return 0
}

/** Whole numbers before texts, as SQLite has it; no key holds anything else. */
function compareValues(one: Value, other: Value): number {
  if (typeof one === 'bigint' && typeof other === 'bigint') {
    return one < other ? -1 : one > other ? 1 : 0
  }
  if (typeof one === 'string' && typeof other === 'string') {
    return Buffer.compare(Buffer.from(one), Buffer.from(other))
  }
  return rankOf(one) - rankOf(other)
}

function rankOf(value: Value): number {
  if (value === null) return 0
  return typeof value === 'bigint' || typeof value === 'number' ? 1 : 2
}

/** A key as words, for reports. */
export function wordsOfKey(key: Key): string {
  return key.map(String).join(', ')
}
