/** A reply whose status has arrived is judged by its status, whatever becomes of the rest (Q6). */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { EventEmitter, once } from 'node:events'
import type { Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { beforeEach, describe, expect, test } from 'vitest'
import { statusOfHead } from '../src/transport/status-of-head.ts'
import { serve, serveBytes } from './support/http-servers.ts'
import { failure, type Send, sendThrough, WAYS } from './support/sending.ts'

let send: Send = sendThrough({})

/** A reply as it is on the wire. */
function wire(status: string, headers: readonly string[], body = ''): string {
  return `HTTP/1.1 ${status}\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n${body}`
}

const JSON_BODY = '{"ok":true}'
const LABEL = 'content-type: application/json'
const GZIP = 'content-encoding: gzip'
const CHUNKED = 'transfer-encoding: chunked'

/** What the server sends, and what is known of it then. */
const ENDED_BY_THE_SERVER: readonly [string, string, number, string][] = [
  [
    'a length that is never reached',
    wire('422 No', [LABEL, 'content-length: 99'], '{"a"'),
    422,
    '{"a"',
  ],
  ['no body where a length is said', wire('200 OK', [LABEL, 'content-length: 99']), 200, ''],
  ['chunks without the last one', wire('401 No', [CHUNKED], '3\r\nabc\r\n'), 401, 'abc'],
  ['chunks that are none', wire('503 No', [CHUNKED], '3\r\nabc\r\nzz\r\n'), 503, 'abc'],
]

const UNDECODED: readonly [string, string, number][] = [
  [
    '200, said to be gzip, but plain',
    wire('200 OK', [LABEL, GZIP, 'content-length: 11'], JSON_BODY),
    200,
  ],
  [
    '422, said to be gzip, but plain',
    wire('422 No', [LABEL, GZIP, 'content-length: 11'], JSON_BODY),
    422,
  ],
  [
    '401, said to be gzip, but plain',
    wire('401 No', [LABEL, GZIP, 'content-length: 11'], JSON_BODY),
    401,
  ],
  [
    '422, said to be br, but plain',
    wire('422 No', ['content-encoding: br', 'content-length: 11'], JSON_BODY),
    422,
  ],
]

const TOO_MANY_BYTES: readonly [string, string, number, string][] = [
  ['a 204 with a body', wire('204 No Content', [LABEL, 'content-length: 2'], '{}'), 204, ''],
  ['a 304 with a body', wire('304 No', [LABEL, 'content-length: 2'], '{}'), 304, ''],
  [
    'two bytes more',
    wire('200 OK', [LABEL, 'content-length: 11'], `${JSON_BODY}xx`),
    200,
    JSON_BODY,
  ],
  [
    'a refusal and more',
    wire('422 No', [LABEL, 'content-length: 11'], `${JSON_BODY}xx`),
    422,
    JSON_BODY,
  ],
  [
    'a line end more',
    wire('200 OK', [LABEL, 'content-length: 11'], `${JSON_BODY}\r\n`),
    200,
    JSON_BODY,
  ],
  ['bytes behind the last chunk', wire('200 OK', [CHUNKED], '2\r\n{}\r\n0\r\n\r\nxx'), 200, '{}'],
  ['a second reply', wire('200 OK', ['content-length: 2'], `{}${wire('500 No', [])}`), 200, '{}'],
]

// Q6
describe.each(WAYS)('through %s', (_way, way) => {
  beforeEach(() => {
    send = sendThrough(way)
  })

  test.each(ENDED_BY_THE_SERVER)(
    'a reply that breaks off is cut: %s',
    async (_name, bytes, status, body) => {
      const origin = await serveBytes((socket) => socket.end(bytes))
      expect(await send(origin)).toMatchObject({ status, body, isCut: true })
    },
  )

  test('a connection that is reset in the middle of the body leaves the reply cut', async () => {
    const origin = await serve((_request, response) => {
      response.writeHead(429, { 'Content-Length': '100', 'Retry-After': '7' })
      response.write('half', () => response.socket?.resetAndDestroy())
    })
    const { status, headers, isCut } = await send(origin)
    expect({ status, isCut, after: headers['retry-after'] }).toEqual({
      status: 429,
      isCut: true,
      after: '7',
    })
  })

  test.each(UNDECODED)('a body that cannot be decoded is cut: %s', async (_name, bytes, status) => {
    const origin = await serveBytes((socket) => void socket.write(bytes))
    expect(await send(origin)).toMatchObject({ status, body: '', isCut: true })
  })

  test('a compressed body that breaks off is cut', async () => {
    const origin = await serve((_request, response) => {
      response.writeHead(404, { 'Content-Encoding': 'gzip', 'Content-Length': '9999' })
      response.write(gzipSync(JSON_BODY).subarray(0, 15), () => response.destroy())
    })
    expect(await send(origin)).toMatchObject({ status: 404, isCut: true })
  })

  test.each(TOO_MANY_BYTES)(
    'bytes behind the end of a reply are ignored: %s',
    async (_name, bytes, status, body) => {
      const origin = await serveBytes((socket) => void socket.write(bytes))
      const reply = await send(origin)
      expect(reply).toMatchObject({ status, body })
      expect(reply).not.toHaveProperty('isCut')
      // Nor do they spoil the reply to the next request.
      expect(await send(origin)).toMatchObject({ status, body })
    },
  )

  test('an abort in the middle of the body leaves the reply cut, and ends the connection', async () => {
    const server = new EventEmitter()
    const origin = await serve((_request, response) => {
      response.on('close', () => server.emit('closed'))
      response.write('half')
    })
    const abort = new AbortController()
    const [head, closed] = [headOfReply(), once(server, 'closed')]
    const sent = send(origin, { signal: abort.signal })
    await head
    // A `fetch` hands the head over at the end of the turn.
    await nextTurn()
    abort.abort()
    expect(await sent).toMatchObject({ status: 200, isCut: true })
    await closed
  })

  test('a reply that is whole is not cut, also over a connection that the server closes', async () => {
    const origin = await serveBytes((socket) => socket.end(wire('422 No', [LABEL], JSON_BODY)))
    const reply = await send(origin)
    expect(reply).toMatchObject({ status: 422, body: JSON_BODY })
    expect(reply).not.toHaveProperty('isCut')
  })

  test('a byte order mark is no part of the body', async () => {
    const origin = await serve((_request, response) => void response.end(`\uFEFF${JSON_BODY}`))
    expect((await send(origin)).body).toBe(JSON_BODY)
  })

  test('without a status there is no reply', async () => {
    for (const bytes of [
      '',
      'HTTP/1.1',
      'HTTP/1.1 42',
      'SSH-2.0-OpenSSH\r\n\r\n',
      'HTTP/1.1 x\r\n',
    ]) {
      const origin = await serveBytes((socket) => socket.end(bytes))
      expect(await failure(send(origin))).toBeInstanceOf(TypeError)
    }
  })
})

/** Resolves as the client has read the head of the next reply, however it reads. */
function headOfReply(): Promise<unknown> {
  return new Promise((resolve) => {
    for (const channel of ['http.client.response.finish', 'undici:request:headers']) {
      const hear = (message: unknown) => {
        unsubscribe(channel, hear)
        resolve(message)
      }
      subscribe(channel, hear)
    }
  })
}

// A `fetch` says nothing of a head that it could not read to the end.
describe('through Node itself', () => {
  beforeEach(() => {
    send = sendThrough({})
  })

  test.each([
    ['a header without a name', wire('422 No', ['x-a: 1', ': 2'])],
    ['a header without a colon', wire('422 No', ['nonsense'])],
    ['a header with a control character', wire('422 No', ['x-a: \x01'])],
    ['a length that is no number', wire('422 No', ['content-length: many'])],
    ['two lengths', wire('422 No', ['content-length: 1', 'content-length: 2'])],
    ['more than 64 KB of headers', wire('422 No', [`x-a: ${'x'.repeat(70_000)}`])],
    ['one broken line behind many', wire('422 No', [`x-a: ${'x'.repeat(60_000)}`, 'nonsense'])],
    ['a broken head behind one of 1xx', `${wire('103 Early', [])}${wire('422 No', ['nonsense'])}`],
  ])('a head that cannot be read to its end has a status: %s', async (_name, bytes) => {
    const origin = await serveBytes((socket) => void socket.write(bytes))
    expect(await send(origin)).toEqual({ status: 422, headers: {}, body: '', isCut: true })
  })

  test.each([
    ['is closed', (socket: Socket) => socket.end()],
    ['is reset', (socket: Socket) => socket.resetAndDestroy()],
  ])('a connection that %s in the middle of the head leaves the status', async (_name, end) => {
    const origin = await serveBytes((socket) => {
      socket.write('HTTP/1.1 401 No\r\ncontent-ty', () => end(socket))
    })
    expect(await send(origin)).toEqual({ status: 401, headers: {}, body: '', isCut: true })
  })

  test('an abort in the middle of the head leaves the status', async () => {
    const origin = await serveBytes((socket) => void socket.write('HTTP/1.1 401 No\r\ncontent-ty'))
    const abort = new AbortController()
    const arrived = firstBytes()
    const sent = send(origin, { signal: abort.signal })
    await arrived
    abort.abort()
    expect(await sent).toEqual({ status: 401, headers: {}, body: '', isCut: true })
  })

  test('headers of up to 64 KB are read', async () => {
    const bytes = wire('422 No', [`x-debug: ${'x'.repeat(60_000)}`, 'content-length: 2'], '{}')
    const origin = await serveBytes((socket) => void socket.write(bytes))
    const reply = await send(origin)
    expect(reply).toMatchObject({ status: 422, body: '{}' })
    expect(reply.headers['x-debug']).toHaveLength(60_000)
  })

  test('what could not be parsed is in no error', async () => {
    const origin = await serveBytes((socket) => socket.end('SSH-2.0-secret-of-the-server\r\n\r\n'))
    const { cause } = await failure(send(origin))
    expect(cause).toMatchObject({ code: expect.stringMatching(/^HPE_/) as string })
    expect(cause).not.toHaveProperty('rawPacket')
  })
})

/** Resolves as the next client that connects has read something. */
function firstBytes(): Promise<unknown> {
  return new Promise((resolve) => {
    const hear = (message: unknown) => {
      unsubscribe('net.client.socket', hear)
      ;(message as { readonly socket: Socket }).socket.once('data', resolve)
    }
    subscribe('net.client.socket', hear)
  })
}

describe('the status in a head', () => {
  test.each([
    ['HTTP/1.1 200 OK\r\n', 200],
    ['HTTP/1.0 404\r\n', 404],
    ['HTTP/1.1 503 ', 503],
    ['HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 422 No\r\n', 422],
    ['HTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 100 Go\r\n\r\nHTTP/1.1 401 No\r\n', 401],
  ])('of %j is %d', (head, status) => {
    expect(statusOfHead(Buffer.from(head))).toBe(status)
  })

  test.each([
    '',
    'HTTP/1.1',
    'HTTP/1.1 4',
    'HTTP/1.1 422',
    'HTTP/1.1 4222 No',
    'HTTP/1.1 042 No',
    'HTTP/2 422 No',
    'ICY 200 OK',
    ' HTTP/1.1 422 No',
    'HTTP/1.1 100 Continue\r\n',
    'HTTP/1.1 100 Continue\r\n\r\nnonsense',
  ])('of %j has not arrived', (head) => {
    expect(statusOfHead(Buffer.from(head))).toBe(null)
  })

  test('is found in time that grows with the length alone', () => {
    const many = 'HTTP/1.1 102 Wait\r\n\r\n'.repeat(100_000)
    expect(statusOfHead(Buffer.from(`${many}HTTP/1.1 422 No\r\n`))).toBe(422)
  })
})
