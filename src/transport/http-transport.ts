/**
 * The transport over HTTP: one origin, no redirects followed. A redirect could carry the token to somebody
 * else, or make a captive portal look like the server.
 */
import type { OutgoingRequest, SendOptions, Transport } from '../ports/transport.ts'
import { throughFetch } from './through-fetch.ts'
import { throughNode } from './through-node.ts'

export interface HttpTransportOptions {
  /** Scheme, host, and a path that is put before each request's: `https://api.example.com/v1`. */
  readonly baseUrl: string
  /**
   * Sends in place of Node's own HTTP client: a proxy, Electron's `net.fetch`. Default: `node:http` and `node:https`
   * with their global agents, which keep connections open.
   */
  readonly fetch?: typeof globalThis.fetch
  /** Headers of every request, say a client version. `authorization` is Holdfast's. */
  readonly headers?: Readonly<Record<string, string>>
  /** The longest reply that is read, in bytes; the rest is not. Default: 1048576 (1 MiB). */
  readonly maxReplyBytes?: number
}

const MAX_REPLY_BYTES = 1_048_576

/** What a header may hold. Tested here, because whoever sends it may quote the token in a complaint. */
const SENDABLE = /^[\t\x20-\x7e\x80-\xff]*$/

/**
 * Sends over HTTP, with `Authorization: Bearer` where there is a token. How long a reply may take is
 * `replyTimeoutMs` of `createHoldfast`.
 *
 * @throws TypeError where `baseUrl` is not an `http:` or `https:` URL, or has more than a path;
 * RangeError where `maxReplyBytes` is not a whole number from 1.
 */
export function httpTransport(options: HttpTransportOptions): Transport {
  const base = baseOf(options.baseUrl)
  const { maxReplyBytes = MAX_REPLY_BYTES } = options
  if (!Number.isSafeInteger(maxReplyBytes) || maxReplyBytes < 1) {
    const rule = 'maxReplyBytes must be a whole number from 1'
    throw new RangeError(`httpTransport: ${rule}, not ${String(maxReplyBytes)}`)
  }
  const headers = unsigned(options.headers ?? {})
  const carry = options.fetch === undefined ? throughNode : throughFetch(options.fetch)
  return {
    origin: base.origin,
    send: async (request, { token, signal }) =>
      carry({
        url: urlOf(base, request),
        method: request.method,
        headers: { ...headers, ...unsigned(request.headers), ...authorization(token) },
        body: request.body,
        signal,
        maxReplyBytes,
      }),
  }
}

function baseOf(baseUrl: string): URL {
  const base = URL.parse(baseUrl)
  if (base === null || (base.protocol !== 'http:' && base.protocol !== 'https:')) {
    throw new TypeError(`httpTransport: baseUrl must be an http: or https: URL, not ${baseUrl}`)
  }
  if (base.username !== '' || base.password !== '') {
    throw new TypeError('httpTransport: baseUrl must hold no user name and no password')
  }
  if (base.search !== '' || base.hash !== '') {
    throw new TypeError(`httpTransport: baseUrl must end with its path, not ${baseUrl}`)
  }
  return base
}

/** Names in lower case, so that none goes out twice; who signs is Holdfast's to say. */
function unsigned(headers: Readonly<Record<string, string>>): Record<string, string> {
  const lowered = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])
  return Object.fromEntries(lowered.filter(([name]) => name !== 'authorization'))
}

/** A path that leads to another origin would hand it the token. */
function urlOf(base: URL, { path, kind }: OutgoingRequest): URL {
  if (!path.startsWith('/')) {
    throw new TypeError(`the path of ${kind} must begin with a slash: ${path}`)
  }
  const url = new URL(base.pathname.replace(/\/$/, '') + path, base.origin)
  if (url.origin !== base.origin) {
    throw new TypeError(`the path of ${kind} leads to another origin: ${path}`)
  }
  return url
}

function authorization(token: SendOptions['token']): Record<string, string> {
  if (token === null) return {}
  if (!SENDABLE.test(token)) throw new TypeError('the token holds characters no header can carry')
  return { authorization: `Bearer ${token}` }
}
