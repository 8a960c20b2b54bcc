/**
 * A value as an error message may quote it (E1). Text and plain values are quoted, in a bounded length;
 * of everything else only the type is named, because its contents may be secret. Never throws.
 */

/** The longest quotation, in characters: enough to recognise a value, too short to flood a log. */
const LONGEST = 60

export function show(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return quoted(value)
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value)
    case 'boolean':
    case 'undefined':
      return String(value)
    case 'object':
      return value === null ? 'null' : 'an object'
    case 'bigint':
    case 'symbol':
    case 'function':
      return `a ${typeof value}`
  }
}

/** The type of a value that may be secret (E6): a token, a user id in the place of a token, a URL with a password. */
export function showType(value: unknown): string {
  if (value === '') return "''"
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

/** In single quotes, with every character escaped that a line of text cannot carry. */
function quoted(text: string): string {
  // A character is escaped to at most six.
  const escaped = JSON.stringify(text.slice(0, LONGEST)).slice(1, -1).replaceAll('\\"', '"')
  const isWhole = text.length <= LONGEST && escaped.length <= LONGEST - 2
  return isWhole ? `'${escaped}'` : `'${escaped.slice(0, LONGEST - 3)}…'`
}
