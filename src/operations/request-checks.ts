/**
 * The checks of a request before anything of it is sent (Q6). A request that no HTTP client can carry, or that would
 * go to another place than its path says, is a `TypeError` that names the part and the rule. No message has the value
 * of a header, which may be a secret.
 */
import { show } from '../checks/show.ts'

const METHODS = ['POST', 'PUT', 'PATCH', 'DELETE', 'GET']

/** The name of a header (RFC 9110, token). */
const HEADER_NAME = /^[!#$%&'*+.^_`|~\w-]+$/

/** A header carries Latin-1, and of the control characters only the tab. */
const UNCARRIABLE = /[^\t\x20-\x7e\x80-\xff]/

/** Headers that say where a message ends, or belong to one connection: only the HTTP client can know them. */
const OF_THE_CONNECTION: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** The characters that a URL parser takes for the end of the path, for a slash, or away. */
const UNSAFE_IN_PATH = /[?#\\\p{Cc}\s]/u
const UNSAFE_IN_QUERY = /[#\p{Cc}\s]/u

/** URL parsers resolve these segments, the encoded form too. */
const DOT_SEGMENT = /\/(?:\.|%2e){1,2}(?:\/|$)/i

export function checkMethod(method: unknown): void {
  if (METHODS.includes(method as string)) return
  throw new TypeError(`its method must be one of ${METHODS.join(', ')}, not ${show(method)}`)
}

/** A path without its query. */
export function checkPath(path: unknown): void {
  if (typeof path !== 'string') throw new TypeError(`its path must be a text, not ${show(path)}`)
  const why = faultOfPath(path)
  if (why !== null) throw new TypeError(`its path ${why}: ${show(path)}`)
}

/** A path with its query, as a transport gets it. */
export function checkTarget(target: unknown): void {
  const [path, ...rest] = typeof target === 'string' ? target.split('?') : [target]
  checkPath(path)
  const query = rest.join('?')
  const found = UNSAFE_IN_QUERY.exec(query)
  if (found !== null) throw new TypeError(`its query must not contain ${nameOf(found[0])}`)
  if (!query.isWellFormed()) throw new TypeError('its query must be well-formed Unicode')
}

export function checkQuery(query: unknown): void {
  for (const [name, value] of entriesOf('query', query)) {
    if (!['string', 'number', 'boolean'].includes(typeof value)) {
      throw new TypeError(
        `the value of ${show(name)} in its query must be a text, not ${show(value)}`,
      )
    }
  }
}

export function checkHeaders(headers: unknown): void {
  for (const [name, value] of entriesOf('headers', headers)) {
    if (!HEADER_NAME.test(name)) throw new TypeError(`${show(name)} is no name of a header`)
    if (OF_THE_CONNECTION.has(name.toLowerCase())) {
      throw new TypeError(`the header ${name} is the transport's own`)
    }
    if (typeof value !== 'string') {
      throw new TypeError(`the header ${name} must be a text, not of the type ${typeof value}`)
    }
    const found = UNCARRIABLE.exec(value)
    if (found !== null) {
      throw new TypeError(`the header ${name} must not contain ${nameOf(value.slice(found.index))}`)
    }
  }
}

/** Null: nothing is wrong with it. */
function faultOfPath(path: string): string | null {
  if (!path.startsWith('/')) return 'must begin with a slash'
  if (path.startsWith('//')) return 'must begin with one slash, because two lead to another host'
  const found = UNSAFE_IN_PATH.exec(path)
  if (found !== null) {
    const hint = found[0] === '?' ? ' (parameters belong in query)' : ''
    return `must not contain ${nameOf(found[0])}${hint}`
  }
  if (!path.isWellFormed()) return 'must be well-formed Unicode'
  if (DOT_SEGMENT.test(path)) return 'must have no segment . or .., and no encoded one'
  return null
}

/** A record of texts; a `Headers`, a `Map` or a list has entries of its own and would count as empty. */
function entriesOf(part: string, record: unknown): [string, unknown][] {
  if (typeof record !== 'object' || record === null || Symbol.iterator in record) {
    throw new TypeError(`its ${part} must be a plain object`)
  }
  return Object.entries(record)
}

/** The first character of a text, so that it can be read in any terminal. */
function nameOf(text: string): string {
  const code = text.codePointAt(0) ?? 0
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`
}
