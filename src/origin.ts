/**
 * Origins as a database and a sealed token compare them (E6). A database belongs to one origin: operations and tokens
 * for one server never go to another one because a setting has changed.
 */
import { nameOf } from './checks/texts.ts'
import { scrub } from './scrub/scrub.ts'

/** Stands for every origin of this machine: the port of a server under test is another one in each run. */
const LOOPBACK = 'http://localhost'

/** As `URL` writes an address of IPv4: four decimal numbers. */
const LOOPBACK_ADDRESS = /^127\.\d+\.\d+\.\d+$/

/**
 * True if this host, as `URL.hostname` writes it, is this machine whatever a name server says: `localhost`, `127.0.0.0/8`,
 * `[::1]`. Node asks name servers for `localhost.` and `x.localhost`, so these names are not.
 */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || LOOPBACK_ADDRESS.test(hostname)
}

/** The origin in the one form that is stored and compared. A text of a transport that is no URL stands for itself. */
export function canonicalOrigin(origin: string): string {
  const url = URL.parse(origin)
  if (url === null || url.host === '') return origin
  return isLoopback(url.hostname) ? LOOPBACK : `${url.protocol}//${url.host}`
}

/** The origin as a report may have it: of a URL nothing but scheme, host and port, any other text scrubbed. */
export function shownOrigin(origin: string): string {
  const url = URL.parse(origin)
  return url === null || url.host === '' ? scrub(origin) : `${url.protocol}//${url.host}`
}

/**
 * The option `formerOrigins`, in the form that is compared.
 *
 * @throws TypeError unless the value is an array of origins; a URL must have nothing but scheme, host and port.
 */
export function formerOriginsOf(value: unknown): readonly string[] {
  if (!Array.isArray(value)) {
    throw new TypeError('createHoldfast: formerOrigins must be an array of origins')
  }
  return Object.freeze(
    value.map((origin: unknown, index) => {
      const what = `createHoldfast: formerOrigins[${index}]`
      const text = nameOf(what, origin)
      if (isBare(text)) return canonicalOrigin(text)
      throw new TypeError(
        `${what} must be an origin, such as https://api.example.com: no path, no query, no user name`,
      )
    }),
  )
}

function isBare(origin: string): boolean {
  const url = URL.parse(origin)
  if (url === null || url.host === '') return true
  const hasMore = url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== ''
  return !hasMore && (url.pathname === '' || url.pathname === '/')
}
