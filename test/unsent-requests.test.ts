/** A transport rejects with NotSentError if, and only if, no byte of the request has left (Q6). */
import { globalAgent as httpAgent } from 'node:http'
import { globalAgent as httpsAgent } from 'node:https'
import { type createConnection, Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { NotSentError } from '../src/index.ts'
import { failureOfFetch } from '../src/transport/failure-of-fetch.ts'
import { EXPIRED, OF_ANOTHER_HOST, SELF_SIGNED } from './support/certificates.ts'
import { closedOrigin, serve, serveBytes } from './support/http-servers.ts'
import { serveSecurely } from './support/https-servers.ts'
import { failure, type Send, sendThrough, WAYS } from './support/sending.ts'

let send: Send = sendThrough({})

/** What a test has begun, and what undoes it. */
const cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

/** Node's clients trust this certificate until the end of the test. */
function trust(cert: string): void {
  const { ca } = httpsAgent.options
  httpsAgent.options.ca = cert
  cleanups.push(() => {
    if (ca === undefined) delete httpsAgent.options.ca
    else httpsAgent.options.ca = ca
    httpsAgent.destroy()
  })
}

/** It was not sent, for this reason. */
async function reasonOf(sent: Promise<unknown>): Promise<string | null> {
  const error = await failure(sent)
  expect(error).toBeInstanceOf(NotSentError)
  expect(error).toMatchObject({ code: 'NOT_SENT', retryable: true })
  return (error as NotSentError).reason
}

describe.each(WAYS)('through %s a request is not sent', (_way, way) => {
  beforeEach(() => {
    send = sendThrough(way)
  })

  test('where the connection is refused', async () => {
    expect(await reasonOf(send(await closedOrigin()))).toBe('ECONNREFUSED')
  })

  test('where the name is not resolved', async () => {
    const reason = await reasonOf(
      send('http://no-such-host.invalid', { options: { insecure: true } }),
    )
    expect(['ENOTFOUND', 'EAI_AGAIN']).toContain(reason)
  })

  test('where the certificate signs itself', async () => {
    const { origin, seen } = await serveSecurely(SELF_SIGNED)
    expect(await reasonOf(send(origin))).toBe('DEPTH_ZERO_SELF_SIGNED_CERT')
    expect(seen).toEqual([])
  })
})

// A `fetch` cannot be told which certificates to trust, nor tells when it has a connection.
describe('through Node itself a request is not sent', () => {
  beforeEach(() => {
    send = sendThrough({})
  })

  test('but it is over a certificate that is accepted', async () => {
    trust(SELF_SIGNED)
    const { origin, seen } = await serveSecurely(SELF_SIGNED)
    expect(await send(origin)).toMatchObject({ status: 200 })
    expect(seen).not.toEqual([])
  })

  test('where the certificate has expired', async () => {
    trust(EXPIRED)
    const { origin, seen } = await serveSecurely(EXPIRED)
    expect(await reasonOf(send(origin))).toBe('CERT_HAS_EXPIRED')
    expect(seen).toEqual([])
  })

  test('where the certificate is of another host', async () => {
    trust(OF_ANOTHER_HOST)
    const { origin, seen } = await serveSecurely(OF_ANOTHER_HOST)
    expect(await reasonOf(send(origin))).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
    expect(seen).toEqual([])
  })

  test('where the server does not speak TLS', async () => {
    const origin = await serveBytes((socket) => socket.end('HTTP/1.1 400 Bad\r\n\r\n'))
    const reason = await reasonOf(send(origin.replace('http:', 'https:')))
    expect(reason).toMatch(/SSL|EPROTO/)
  })

  test('where the connection ends in the middle of the handshake', async () => {
    const origin = await serveBytes((socket) => socket.resetAndDestroy())
    expect(await reasonOf(send(origin.replace('http:', 'https:')))).toBe('ECONNRESET')
  })

  test('where each address of a name refuses', async () => {
    const { port } = new URL(await closedOrigin())
    const { options } = httpAgent as unknown as { readonly options: { lookup?: unknown } }
    cleanups.push(() => delete options.lookup)
    options.lookup = (_host: string, _options: object, found: (...answer: unknown[]) => void) =>
      found(null, [
        { address: '127.0.0.1', family: 4 },
        { address: '::1', family: 6 },
      ])
    const error = await failure(
      send(`http://two-addresses.test:${port}`, { options: { insecure: true } }),
    )
    expect(error).toBeInstanceOf(NotSentError)
    expect(error.cause).toBeInstanceOf(AggregateError)
    expect(error).toMatchObject({ reason: expect.stringMatching(/^E[A-Z]+$/) as string })
  })

  test('where the socket has failed before the client begins to write', async () => {
    const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
    void connectWith((socket) => socket.destroy(refused))
    expect(
      await reasonOf(send('http://never-connected.test', { options: { insecure: true } })),
    ).toBe('ECONNREFUSED')
  })

  test.each([
    ['TIMEOUT', new DOMException('no reply in time', 'TimeoutError')],
    ['ABORTED', undefined],
  ])('where it is aborted before there is a connection (%s)', async (reason, cause) => {
    const began = connectWith(() => undefined)
    const abort = new AbortController()
    const options = { insecure: true }
    const sent = reasonOf(send('http://never-connected.test', { signal: abort.signal, options }))
    const socket = await began
    abort.abort(cause)
    expect(await sent).toBe(reason)
    expect(socket.destroyed).toBe(true)
  })

  test('where it is aborted in the middle of the handshake', async () => {
    const [arrival, arrived] = gate()
    const origin = await serveBytes(arrived)
    const abort = new AbortController()
    const sent = reasonOf(send(origin.replace('http:', 'https:'), { signal: abort.signal }))
    await arrival
    abort.abort()
    expect(await sent).toBe('ABORTED')
  })

  test('where it is aborted while it waits for a connection that another request has', async () => {
    const { maxSockets } = httpAgent
    httpAgent.maxSockets = 1
    cleanups.push(() => (httpAgent.maxSockets = maxSockets))
    const [arrival, origin] = await silentServer()
    const [first, second] = [new AbortController(), new AbortController()]
    const other = failure(send(origin, { signal: first.signal }))
    const waiting = reasonOf(send(origin, { signal: second.signal }))
    await arrival
    second.abort()
    expect(await waiting).toBe('ABORTED')
    first.abort()
    expect((await other).name).toBe('AbortError')
  })

  test('where it was aborted before it began', async () => {
    expect(await reasonOf(send(await closedOrigin(), { signal: AbortSignal.abort() }))).toBe(
      'ABORTED',
    )
  })
})

/** A server that takes requests and never answers, and the first arrival. */
async function silentServer(): Promise<[Promise<void>, string]> {
  const [arrival, arrived] = gate()
  return [arrival, await serve(arrived)]
}

function gate(): [Promise<void>, () => void] {
  const { promise, resolve } = Promise.withResolvers<void>()
  return [promise, resolve]
}

/** Each new connection is a socket that is connecting, for ever or until `began` ends it. */
function connectWith(began: (socket: Socket) => void): Promise<Socket> {
  const agent = httpAgent as unknown as { createConnection: typeof createConnection }
  const { createConnection: known } = agent
  cleanups.push(() => (agent.createConnection = known))
  return new Promise((resolve) => {
    agent.createConnection = (() => {
      const socket = new Socket()
      Object.assign(socket, { connecting: true })
      process.nextTick(() => {
        resolve(socket)
        began(socket)
      })
      return socket
    }) as typeof createConnection
  })
}

describe.each(WAYS)('through %s a request may have arrived', (_way, way) => {
  beforeEach(() => {
    send = sendThrough(way)
  })

  test('where the connection is reset before a reply', async () => {
    const origin = await serveBytes((socket) => socket.resetAndDestroy())
    expect(await failure(send(origin))).not.toBeInstanceOf(NotSentError)
  })

  test('where the connection is closed before a reply', async () => {
    const origin = await serveBytes((socket) => socket.end())
    expect(await failure(send(origin))).not.toBeInstanceOf(NotSentError)
  })

  test('where it is aborted once it has arrived', async () => {
    const [arrival, origin] = await silentServer()
    const abort = new AbortController()
    const sent = failure(send(origin, { signal: abort.signal }))
    await arrival
    abort.abort(new DOMException('no reply in time', 'TimeoutError'))
    expect((await sent).name).toBe('TimeoutError')
  })

  test('where a connection that was kept open ends', async () => {
    let count = 0
    const origin = await serve((request, response) => {
      count += 1
      if (count === 1) response.end('{}')
      else request.socket.resetAndDestroy()
    })
    await send(origin)
    expect(await failure(send(origin))).not.toBeInstanceOf(NotSentError)
  })
})

// A `fetch` tells names only, and each `fetch` has its own way to tell them.
describe('the error of a fetch', () => {
  const wrapped = (cause: object) => new TypeError('fetch failed', { cause })
  const system = (code: string, syscall?: string) =>
    Object.assign(new Error('it failed'), { code, ...(syscall === undefined ? {} : { syscall }) })

  test.each([
    ['a refused connection', wrapped(system('ECONNREFUSED', 'connect')), 'ECONNREFUSED'],
    ['a refused connection, of no call', wrapped(system('ECONNREFUSED')), 'ECONNREFUSED'],
    ['a name', wrapped(system('ENOTFOUND', 'getaddrinfo')), 'ENOTFOUND'],
    ['a name, of another resolver', system('EAI_AGAIN'), 'EAI_AGAIN'],
    ['a name that the system cannot ask for', system('EAI_FAIL', 'getaddrinfo'), 'EAI_FAIL'],
    ['no way to the host', wrapped(system('EHOSTUNREACH', 'connect')), 'EHOSTUNREACH'],
    ['no network', wrapped(system('ENETUNREACH', 'connect')), 'ENETUNREACH'],
    ['a connection too late for the system', system('ETIMEDOUT', 'connect'), 'ETIMEDOUT'],
    [
      'a connection too late',
      wrapped(system('UND_ERR_CONNECT_TIMEOUT')),
      'UND_ERR_CONNECT_TIMEOUT',
    ],
    ['a certificate', wrapped(system('CERT_HAS_EXPIRED')), 'CERT_HAS_EXPIRED'],
    [
      'several addresses',
      wrapped(new AggregateError([system('ECONNREFUSED'), system('ENETUNREACH', 'connect')])),
      'ECONNREFUSED',
    ],
    ['a cause of a cause', wrapped(wrapped(system('ENOTFOUND'))), 'ENOTFOUND'],
    ['Electron without a name', new Error('net::ERR_NAME_NOT_RESOLVED'), 'ERR_NAME_NOT_RESOLVED'],
    [
      'Electron without network',
      new Error('net::ERR_INTERNET_DISCONNECTED'),
      'ERR_INTERNET_DISCONNECTED',
    ],
    ['Electron refused', new TypeError('net::ERR_CONNECTION_REFUSED'), 'ERR_CONNECTION_REFUSED'],
    [
      'Electron with a certificate',
      new Error('net::ERR_CERT_DATE_INVALID'),
      'ERR_CERT_DATE_INVALID',
    ],
  ])('says that nothing was sent: %s', (_name, error, reason) => {
    const failed = failureOfFetch(error)
    expect(failed).toBeInstanceOf(NotSentError)
    expect(failed).toMatchObject({ reason, cause: error })
  })

  test.each([
    ['a reset', wrapped(system('ECONNRESET', 'read'))],
    ['a broken pipe', wrapped(system('EPIPE', 'write'))],
    ['no way to the host any more', wrapped(system('EHOSTUNREACH', 'read'))],
    ['an open connection that is too slow', wrapped(system('ETIMEDOUT', 'read'))],
    ['the other side', wrapped(system('UND_ERR_SOCKET'))],
    ['too many headers', wrapped(system('UND_ERR_HEADERS_OVERFLOW'))],
    ['headers too late', wrapped(system('UND_ERR_HEADERS_TIMEOUT'))],
    ['a parser', wrapped(system('HPE_INVALID_CONSTANT'))],
    [
      'one address of two',
      wrapped(new AggregateError([system('ECONNREFUSED'), system('ECONNRESET', 'read')])),
    ],
    ['no address', wrapped(new AggregateError([]))],
    ['Electron reset', new Error('net::ERR_CONNECTION_RESET')],
    ['Electron without an answer', new Error('net::ERR_EMPTY_RESPONSE')],
    ['Electron at a change of the network', new Error('net::ERR_NETWORK_CHANGED')],
    ['a text with the name in it', new Error('the page says net::ERR_NAME_NOT_RESOLVED')],
    ['no cause', new TypeError('Failed to fetch')],
    ['no error', 'ECONNREFUSED'],
    ['nothing', undefined],
  ])('leaves it unknown: %s', (_name, error) => {
    expect(failureOfFetch(error)).toBe(error)
  })

  test('is looked at only so deep', () => {
    const circle: { cause?: unknown } = {}
    circle.cause = circle
    expect(failureOfFetch(circle)).toBe(circle)
  })
})
