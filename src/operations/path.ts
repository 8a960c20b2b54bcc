/** The tag that makes a path from parts, so that no part can lead anywhere else (Q6). */

/** A text or a number. Null is a type that `owner.user` and `optionalRecord()` have, and no part. */
export type PathPart = string | number | null

/**
 * Makes the path of a request. Each part is percent-encoded as one segment, so a slash or a question mark in it stays
 * a part of the segment.
 *
 * ```ts
 * path`/users/${owner.user}/notes` // '/users/a%2Fb/notes' for the user 'a/b'
 * ```
 *
 * @throws TypeError if a part is empty, `.` or `..` (no encoding protects these: URL parsers resolve the encoded form
 * too), is neither a text nor a finite number (null, say, for the anonymous owner), or is not well-formed Unicode.
 */
export function path(texts: TemplateStringsArray, ...parts: readonly PathPart[]): string {
  const [first = '', ...rest] = texts
  return rest.reduce((made, text, index) => made + segmentOf(parts[index], index) + text, first)
}

function segmentOf(part: unknown, index: number): string {
  const text = typeof part === 'number' && Number.isFinite(part) ? String(part) : part
  const why = faultOf(text)
  if (why !== null) throw new TypeError(`path: part ${index + 1} ${why}`)
  return encodeURIComponent(text as string)
}

/** The message never has the part itself: it may be of a payload. Null: nothing is wrong with it. */
function faultOf(text: unknown): string | null {
  if (typeof text !== 'string') {
    return `must be a text or a finite number, not ${text === null ? 'null' : `a ${typeof text}`}`
  }
  if (text === '') return 'must not be empty'
  if (text === '.' || text === '..') return 'must not be . or .., which lead to another path'
  return text.isWellFormed() ? null : 'must be well-formed Unicode'
}
