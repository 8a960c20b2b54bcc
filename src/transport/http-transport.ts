/**
 * The transport over HTTP: one origin, no redirects followed. A redirect could carry the token to somebody
 * else, or make a captive portal look like the server.
 */
import type { OutgoingRequest, SendOptions, Transport } from '../ports/transport.ts'
import { wholeNumberOf } from '../checks/numbers.ts'
import { showType } from '../checks/show.ts'
import { NotSentError } from '../errors.ts'
import { isLoopback } from '../origin.ts'
import { checkHeaders, checkMethod, checkTarget } from '../operations/request-checks.ts'
import type { Cargo } from './carrier.ts'
import { checkedAgent } from './checked-agent.ts'
import { OpenConnections } from './open-connections.ts'
import { throughFetch } from './through-fetch.ts'
import { throughNode } from './through-node.ts'

/**
 * What Holdfast uses of an agent of `node:http` or `node:https`. The types of an agent itself are those of `@types/node`, which
 * an app then would need.
 */
export interface HttpAgent {
  /** The connections that are idle, by the server they lead to. */
  readonly freeSockets: Readonly<Record<string, readonly { destroy(): unknown }[] | undefined>>
  destroy(): void
}

export interface HttpTransportOptions {
  /**
   * Scheme, host, and a path that is put before each request's: `https://api.example.com/v1`. `http:` only to this
   * machine (`localhost`, `127.0.0.0/8`, `[::1]`), or with `insecure`.
   */
  readonly baseUrl: string
  /**
   * Is `http:` to another machine taken too? Whoever is on the way there reads the tokens and the payloads, and can
   * change them (E6). Default: false.
   */
  readonly insecure?: boolean
  /**
   * Sends in place of Node's own HTTP client: Electron's `net.fetch`, or a `fetch` with a `dispatcher`. Default: `node:http`
   * and `node:https`. It must send a request once: if it tries again by itself,
   * its last failure does not tell whether an earlier try has arrived. Of a head that it cannot read, say one of more
   * headers than it allows (Node's: 16 KB), it does not tell the status; Node's own client here reads 64 KB.
   */
  readonly fetch?: typeof globalThis.fetch
  /**
   * The agent of Node's own HTTP client, of the protocol of `baseUrl`: for a proxy, a company certificate, another limit of
   * connections. It stays the app's own: Holdfast closes at most idle connections to the server in it, after a sleep or
   * a change of the network. Not together with `fetch`. Default: Node's global agent, which keeps connections open.
   */
  readonly agent?: HttpAgent
  /** Headers of every request, of Latin-1, say a client version. `authorization` is Holdfast's. */
  readonly headers?: Readonly<Record<string, string>>
  /** The longest reply that is read, in bytes; the rest is not. Default: 1048576 (1 MiB). */
  readonly maxReplyBytes?: number
}

const MAX_REPLY_BYTES = 1_048_576

/** A credential that a header can carry. */
const SENDABLE = /^[\t\x20-\x7e\x80-\xff]*$/

/**
 * Sends over HTTP, with `Authorization: Bearer` where there is a token. How long a reply may take is
 * `replyTimeoutMs` of `createHoldfast`.
 *
 * @throws TypeError where `baseUrl` is not an `http:` or `https:` URL, or has more than a path,
 * or is `http:` to another machine without `insecure`, or where `agent` fits neither `baseUrl` nor `fetch`; RangeError where `maxReplyBytes` is not a whole number from 1.
 */
export function httpTransport(options: HttpTransportOptions): Transport {
  const base = baseOf(options.baseUrl)
  const { maxReplyBytes = MAX_REPLY_BYTES, insecure = false } = options
  refuseInsecure(base, insecure)
  wholeNumberOf('httpTransport: maxReplyBytes', maxReplyBytes, 1)
  if (options.fetch !== undefined && typeof options.fetch !== 'function') {
    throw new TypeError(`httpTransport: fetch must be a function, not ${showType(options.fetch)}`)
  }
  const headers = unsigned(checked(options.headers ?? {}))
  const agent = checkedAgent(options.agent, options.fetch, base.protocol)
  const connections = new OpenConnections(base, agent)
  const carry =
    options.fetch === undefined ? throughNode(agent, connections.used) : throughFetch(options.fetch)
  return {
    origin: base.origin,
    send: async (request, { token, signal }) =>
      carry({ ...prepared(base, headers, request, token), signal, maxReplyBytes }),
    // The connections of a `fetch` are its own.
    ...(options.fetch === undefined && { renewConnections: () => connections.closeIdle() }),
  }
}

/** A request that cannot be made is not sent, which is a fact; the check of a kind's own requests comes before (Q6). */
function prepared(
  base: URL,
  headers: Readonly<Record<string, string>>,
  request: OutgoingRequest,
  token: string | null,
): Pick<Cargo, 'url' | 'method' | 'headers' | 'body'> {
  const { method, path, body, kind } = request
  try {
    checkMethod(method)
    checkTarget(path)
    checkHeaders(request.headers)
    return {
      url: new URL(base.origin + base.pathname.replace(/\/$/, '') + path),
      method,
      headers: { ...headers, ...unsigned(request.headers), ...authorization(token) },
      body,
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : ''
    throw new NotSentError(`the request of ${kind} cannot be made: ${why}`, { cause })
  }
}

function checked(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  try {
    checkHeaders(headers)
  } catch (cause) {
    throw new TypeError(`httpTransport: headers: ${(cause as Error).message}`, { cause })
  }
  return headers
}

function baseOf(baseUrl: string): URL {
  const base = URL.parse(baseUrl)
  if (base === null || (base.protocol !== 'http:' && base.protocol !== 'https:')) {
    const given = base === null ? typeOfUrl(baseUrl) : `${base.protocol}//${base.host}`
    throw new TypeError(`httpTransport: baseUrl must be an http: or https: URL, not ${given}`)
  }
  if (base.username !== '' || base.password !== '') {
    throw new TypeError('httpTransport: baseUrl must hold no user name and no password')
  }
  if (base.search !== '' || base.hash !== '') {
    throw new TypeError('httpTransport: baseUrl must end with its path')
  }
  return base
}

/** Of a URL a message has the scheme and the host at most: the rest may hold a password or a key (E6). */
function typeOfUrl(value: unknown): string {
  return typeof value === 'string' && value !== '' ? 'a string that is no URL' : showType(value)
}

/** A token that leaves the machine is encrypted (E6). */
function refuseInsecure({ protocol, hostname }: URL, insecure: unknown): void {
  if (typeof insecure !== 'boolean') {
    throw new TypeError(`httpTransport: insecure must be true or false, not ${showType(insecure)}`)
  }
  if (protocol !== 'http:' || insecure || isLoopback(hostname)) return
  throw new TypeError(
    'httpTransport: baseUrl must be https:, unless its host is localhost, 127.0.0.0/8 or [::1]: over http: everybody on ' +
      'the way reads the tokens; set insecure: true if that is meant',
  )
}

/** Names in lower case, so that none goes out twice; who signs is Holdfast's to say. */
function unsigned(headers: Readonly<Record<string, string>>): Record<string, string> {
  const lowered = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])
  return Object.fromEntries(lowered.filter(([name]) => name !== 'authorization'))
}

function authorization(token: SendOptions['token']): Record<string, string> {
  if (token === null) return {}
  if (!SENDABLE.test(token)) throw new TypeError('the token holds characters no header can carry')
  return { authorization: `Bearer ${token}` }
}
