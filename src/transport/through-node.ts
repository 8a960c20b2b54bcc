/**
 * Through Node's own HTTP client, which takes half the time of its `fetch`, over the connections that its agent keeps
 * open: the agent of the app, or Node's global one. What the app sets there (certificates, a proxy) holds here too. A
 * request goes once: of one that breaks nobody knows whether it has arrived (Q5), unless there was no connection yet.
 */
import { type Agent, type ClientRequest, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { Socket } from 'node:net'
import { NotSentError } from '../errors.ts'
import type { Reply } from '../ports/transport.ts'
import { VERSION } from '../version.ts'
import type { Cargo, Carrier } from './carrier.ts'
import { attemptTimeout } from './attempt-timeout.ts'
import { proxyRefusal } from './proxy-refusal.ts'
import { receive } from './receive.ts'
import { statusOfHead } from './status-of-head.ts'

/** What every request says unless the app says otherwise. */
const HEADERS = { 'user-agent': `holdfast/${VERSION}`, 'accept-encoding': 'gzip, br' }

/** The headers of a reply are read up to this length: gateways add traces and cookies, and Node's own limit is 16 KB. */
const MAX_HEADER_BYTES = 65_536

/** `agent`: undefined means Node's global one. `used`: told of each connection that a request goes over. */
export function throughNode(agent: Agent | undefined, used: (socket: Socket) => void): Carrier {
  return (cargo) => carried(cargo, agent, used)
}

function carried(
  cargo: Cargo,
  agent: Agent | undefined,
  used: (socket: Socket) => void,
): Promise<Reply> {
  const { url, method, body, signal } = cargo
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(notConnected(signal))
      return
    }
    const headers = { ...HEADERS, ...cargo.headers, ...lengthOf(body) }
    const newRequest = url.protocol === 'https:' ? requestHttps : requestHttp
    const request = newRequest(url, {
      method,
      headers,
      maxHeaderSize: MAX_HEADER_BYTES,
      ...attemptTimeout(),
      ...(agent === undefined ? {} : { agent }),
    })
    request.once('socket', used)
    const line = watch(request)
    let cutOff: (() => void) | null = null
    const settled = (reply: Reply) => {
      signal.removeEventListener('abort', aborted)
      resolve(reply)
    }
    const failed = (cause: unknown) => {
      // A reply that has begun ends by itself, whole or cut.
      if (cutOff !== null) return
      signal.removeEventListener('abort', aborted)
      const status = statusOfHead(line.head(cause))
      if (status !== null) resolve({ status, headers: {}, body: '', isCut: true })
      else reject(signal.aborted ? abortOf(signal, line) : failureOf(cause, line))
    }
    const aborted = () => {
      if (cutOff === null) failed(signal.reason)
      else cutOff()
      request.destroy()
    }
    signal.addEventListener('abort', aborted)
    request
      .on('response', (response) => {
        cutOff = receive(response, cargo.maxReplyBytes, settled)
        line.forget()
      })
      .on('error', failed)
      // Without a word: the server wanted another protocol.
      .on('close', () => failed(new Error('the connection was closed')))
      .end(body)
  })
}

function lengthOf(body: string | null): { 'content-length'?: number } {
  return body === null ? {} : { 'content-length': Buffer.byteLength(body) }
}

/** The facts about the connection of a request. */
interface Line {
  /** True once bytes of the request may have left. */
  mayHaveLeft(): boolean
  /** All that has arrived of a head which is not complete, also what the parser stumbled over. */
  head(error: unknown): Buffer
  /** The head is complete. */
  forget(): void
}

function watch(request: ClientRequest): Line {
  let mayHaveLeft = false
  let received: Buffer[] = []
  let socket: Socket | null = null
  const keep = (part: Buffer) => void received.push(part)
  request.once('socket', (given) => {
    socket = given
    // Node itself reads first, so that what it stumbles over is not among the parts yet.
    given.on('data', keep)
    const wait = pendingEvent(given)
    // Nothing goes out over a socket that has failed before.
    if (wait === null) mayHaveLeft = !given.destroyed
    else given.once(wait, () => (mayHaveLeft = true))
  })
  return {
    mayHaveLeft: () => mayHaveLeft,
    head: (error) => Buffer.concat([...received, ...stumbledOver(error)]),
    forget: () => {
      socket?.off('data', keep)
      received = []
    },
  }
}

/** The event after which a socket lets bytes of a request go; null: it does already. */
function pendingEvent(socket: Socket): 'connect' | 'secureConnect' | null {
  // Over TLS the handshake comes first, and with it the certificate. The types do not have the property.
  const { secureConnecting } = socket as Socket & { readonly secureConnecting?: boolean }
  if (secureConnecting === true) return 'secureConnect'
  return socket.connecting ? 'connect' : null
}

/** The bytes that Node's parser could not read. The error does not keep them: they may be anything. */
function stumbledOver(error: unknown): readonly Buffer[] {
  const failed = error as { rawPacket?: unknown } | null | undefined
  const { rawPacket } = failed ?? {}
  if (!(rawPacket instanceof Buffer)) return []
  delete failed?.rawPacket
  return [rawPacket]
}

function abortOf(signal: AbortSignal, line: Line): Error {
  return line.mayHaveLeft() ? (signal.reason as Error) : notConnected(signal)
}

function failureOf(cause: unknown, line: Line): Error {
  if (line.mayHaveLeft()) return new TypeError('there was no reply', { cause })
  const message = 'the request was not sent: there is no connection'
  return proxyRefusal(cause) ?? new NotSentError(message, { cause })
}

function notConnected({ reason: cause }: AbortSignal): NotSentError {
  const isTooLate = cause instanceof Error && cause.name === 'TimeoutError'
  const reason = isTooLate ? 'TIMEOUT' : 'ABORTED'
  return new NotSentError('the request was not sent: there was no connection yet', {
    reason,
    cause,
  })
}
