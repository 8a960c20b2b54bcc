/** The transport over HTTP keeps the token to its own origin, and to itself whatever goes wrong. */
import { EventEmitter, once } from 'node:events'
import type { IncomingHttpHeaders } from 'node:http'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { beforeEach, describe, expect, it, test } from 'vitest'
import { startReferenceServer } from '../examples/server/reference-server.ts'
import { httpTransport, type HttpTransportOptions, NotSentError } from '../src/index.ts'
import { VERSION } from '../src/version.ts'
import { serve } from './support/http-servers.ts'
import { failure, type Send, sendThrough, TOKEN, WAYS } from './support/sending.ts'

/** Sends through the way that the tests of a block are about. */
let send: Send = sendThrough({})

interface Seen {
  readonly url: string
  readonly method: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A server that answers 200 to everything, and what it saw. */
async function recorder(): Promise<{ readonly origin: string; readonly seen: Seen[] }> {
  const seen: Seen[] = []
  const origin = await serve((request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (part: string) => {
      body += part
    })
    request.on('end', () => {
      const { url = '', method = '', headers } = request
      seen.push({ url, method, headers, body })
      response.setHeader('X-Custom-Name', 'Value').end('{"ok":true}')
    })
  })
  return { origin, seen }
}

describe.each(WAYS)('what goes out through %s', (_way, way) => {
  beforeEach(() => {
    send = sendThrough(way)
  })

  it('is the method, the headers, the body, and the token as a bearer', async () => {
    const { origin, seen } = await recorder()
    await send(origin)
    expect(seen).toMatchObject([
      {
        url: '/notes',
        method: 'POST',
        body: '{"text":"hi"}',
        headers: {
          authorization: `Bearer ${TOKEN}`,
          'content-type': 'application/json',
          'idempotency-key': 'key-1',
        },
      },
    ])
  })

  it('has no authorization where there is no token, whoever asks for one', async () => {
    const { origin, seen } = await recorder()
    const headers = { Authorization: 'Basic YXBw', 'x-app': '1' }
    await send(origin, { token: null })
    await send(origin, { token: null, options: { headers } })
    await send(origin, { token: null, request: { headers: { authorization: 'Basic a2luZA' } } })
    for (const request of seen) expect(request.headers).not.toHaveProperty('authorization')
    expect(seen[1]?.headers).toMatchObject({ 'x-app': '1' })
  })

  it('has every header once, however its name is written', async () => {
    const { origin, seen } = await recorder()
    const headers = { Authorization: 'Basic YXBw', 'Idempotency-Key': 'app', 'X-App': '1' }
    await send(origin, { options: { headers } })
    expect(seen[0]?.headers).toMatchObject({
      authorization: `Bearer ${TOKEN}`,
      'idempotency-key': 'key-1',
      'x-app': '1',
    })
  })

  test.each([
    ['', '/notes?draft=1', '/notes?draft=1'],
    ['/', '/notes', '/notes'],
    ['/v1', '/notes', '/v1/notes'],
    ['/v1/', '/notes?a=b', '/v1/notes?a=b'],
    ['/v1/app%20one', '/users/%C3%A9', '/v1/app%20one/users/%C3%A9'],
  ])('goes below the base path %j: %s to %s', async (base, path, url) => {
    const { origin, seen } = await recorder()
    await send(origin + base, { request: { path } })
    expect(seen[0]?.url).toBe(url)
  })

  it('has no body where there is none', async () => {
    const { origin, seen } = await recorder()
    await send(origin, { request: { method: 'GET', body: null, headers: {} } })
    expect(seen[0]).toMatchObject({ method: 'GET', body: '' })
    expect(seen[0]?.headers).not.toHaveProperty('content-type')
  })

  it('goes through the fetch that is given', async () => {
    const urls: string[] = []
    const fetch = (async (url: URL) => {
      urls.push(url.href)
      return new Response('{}', { status: 201 })
    }) as unknown as typeof globalThis.fetch
    const reply = await send('https://api.example.com/v1', { options: { fetch } })
    expect(urls).toEqual(['https://api.example.com/v1/notes'])
    expect(reply.status).toBe(201)
  })
})

describe.each(WAYS)('what comes back through %s', (_way, way) => {
  beforeEach(() => {
    send = sendThrough(way)
  })

  it('is the status, the headers in lower case, and the body as text', async () => {
    const { origin } = await recorder()
    const { status, headers, body } = await send(origin)
    expect({ status, body }).toEqual({ status: 200, body: '{"ok":true}' })
    expect(headers).toMatchObject({ 'x-custom-name': 'Value' })
    expect(Object.keys(headers).filter((name) => name !== name.toLowerCase())).toEqual([])
  })

  test.each([204, 304, 401, 404, 429, 503])('status %d is a reply', async (code) => {
    const origin = await serve((_request, response) => {
      response.writeHead(code, { 'Retry-After': '7' }).end()
    })
    const { status, headers, body } = await send(origin)
    expect({ status, body, after: headers['retry-after'] }).toEqual({
      status: code,
      body: '',
      after: '7',
    })
  })

  test.each([301, 302, 303, 307, 308])('a redirect (%d) is a reply, not followed', async (code) => {
    const elsewhere = await recorder()
    const paths: (string | undefined)[] = []
    const origin = await serve((request, response) => {
      paths.push(request.url)
      const location = paths.length === 1 ? `${elsewhere.origin}/login` : '/again'
      response.writeHead(code, { Location: location }).end('moved')
    })
    const { status, headers } = await send(origin)
    expect(status).toBe(code)
    expect(headers.location).toBe(`${elsewhere.origin}/login`)
    expect((await send(origin)).headers.location).toBe('/again')
    expect(paths).toEqual(['/notes', '/notes'])
    expect(elsewhere.seen).toEqual([])
  })

  it('is cut off where it grows too long, and the rest is not waited for', async () => {
    const ends = new EventEmitter()
    const origin = await serve((_request, response) => {
      response.on('close', () => ends.emit('closed'))
      // It never ends by itself.
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(10_000)));
      }
      response.on('drain', more)
      more()
    })
    const closed = once(ends, 'closed')
    const { status, body } = await send(origin, { options: { maxReplyBytes: 25_000 } })
    expect({ status, length: body.length }).toEqual({ status: 200, length: 25_000 })
    await closed
  })

  test.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['gzip, br', (text: string) => brotliCompressSync(gzipSync(text))],
  ])('is decoded where the server compressed it (%s)', async (encoding, compress) => {
    const origin = await serve((_request, response) => {
      response.writeHead(200, { 'Content-Encoding': encoding }).end(compress('{"text":"é"}'))
    })
    expect(await send(origin)).toMatchObject({ status: 200, body: '{"text":"é"}' })
  })

  it('is decoded also where the server left the end away', async () => {
    const origin = await serve((_request, response) => {
      const whole = gzipSync('{"text":"hi"}')
      response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(whole.subarray(0, -8))
    })
    expect((await send(origin)).body).toBe('{"text":"hi"}')
  })

  it('is as it came where nobody knows how it is encoded', async () => {
    const origin = await serve((_request, response) => {
      response.writeHead(200, { 'Content-Encoding': 'gzip, rot13' }).end('whatever')
    })
    expect((await send(origin)).body).toBe('whatever')
  })

  it('is cut off by what it is decoded to', async () => {
    const origin = await serve((_request, response) => {
      response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync('x'.repeat(1_000_000)))
    })
    const { body, isCut } = await send(origin, { options: { maxReplyBytes: 1000 } })
    expect({ length: body.length, isCut }).toEqual({ length: 1000, isCut: true })
  })

  it('has no body to decode where the status says so', async () => {
    const origin = await serve((_request, response) => {
      response.writeHead(204, { 'Content-Encoding': 'gzip' }).end()
    })
    expect(await send(origin)).toMatchObject({ status: 204, body: '' })
  })

  it('is whole where it is just as long as it may be', async () => {
    const origin = await serve((_request, response) => void response.end('é'.repeat(50)))
    const { body } = await send(origin, { options: { maxReplyBytes: 100 } })
    expect(body).toBe('é'.repeat(50))
  })
})

describe('through Node itself', () => {
  beforeEach(() => {
    send = sendThrough({})
  })

  it('says who sends, unless the app does', async () => {
    const { origin, seen } = await recorder()
    await send(origin)
    await send(origin, { options: { headers: { 'User-Agent': 'an app' } } })
    expect(seen.map(({ headers }) => headers['user-agent'])).toEqual([
      `holdfast/${VERSION}`,
      'an app',
    ])
  })

  it('takes the connection that is open', async () => {
    const ports = new Set<number | undefined>()
    const origin = await serve((request, response) => {
      ports.add(request.socket.remotePort)
      response.end('{}')
    })
    for (let n = 0; n < 3; n += 1) await send(origin)
    expect(ports.size).toBe(1)
  })

  it('goes once, though the connection that was kept open has died: nobody knows whether it has arrived (Q5)', async () => {
    const known = new WeakSet<object>()
    let arrivedCount = 0
    const origin = await serve((request, response) => {
      arrivedCount += 1
      if (known.has(request.socket)) request.socket.resetAndDestroy()
      else response.end('{}')
      known.add(request.socket)
    })
    await send(origin)
    expect(await failure(send(origin))).toBeInstanceOf(TypeError)
    expect((await send(origin)).status).toBe(200)
    expect(arrivedCount).toBe(3)
  })

  it('rejects where the server wants another protocol', async () => {
    const origin = await serve((request) => {
      const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: other', 'Connection: Upgrade']
      request.socket.write(`${head.join('\r\n')}\r\n\r\n`)
    })
    expect(await failure(send(origin))).toBeInstanceOf(TypeError)
  })

  it('a header that comes several times is one', async () => {
    const origin = await serve((_request, response) => {
      response.writeHead(200, { 'Set-Cookie': ['a=1', 'b=2'] }).end()
    })
    expect((await send(origin)).headers['set-cookie']).toBe('a=1, b=2')
  })
})

describe('what is refused before anything is sent', () => {
  beforeEach(() => {
    send = sendThrough({})
  })

  test.each([
    '//evil.example/notes',
    '/\\evil.example/notes',
    '/\t/evil.example/notes',
    '//evil.example:80/notes',
    'https://evil.example/notes',
    '@evil.example/notes',
    '.evil.example/notes',
    'notes',
    '',
  ])('the path %j', async (path) => {
    const calls: unknown[] = []
    const fetch = (async (...call: unknown[]) => {
      calls.push(call)
      return new Response('{}')
    }) as unknown as typeof globalThis.fetch
    const sent = send('https://api.example.com', { request: { path }, options: { fetch } })
    const error = await failure(sent)
    expect(error).toBeInstanceOf(NotSentError)
    expect(error.message).toContain('the request of note cannot be made: its path must')
    expect(calls).toEqual([])
  })

  // Q6: whichever door a request comes through, a client never gets one that it cannot carry.
  test.each([
    ['a method that is none', { method: 'POST IT' }],
    ['a method that is no request', { method: 'CONNECT' }],
    ['a query with a fragment', { path: '/notes?a=b#c' }],
    ['a query with a line end', { path: '/notes?a=b\n' }],
    ['a header with a line end', { headers: { 'x-title': 'one\ntwo' } }],
    ['a header beyond Latin-1', { headers: { 'x-title': 'Żółw' } }],
    ['a header that is undefined', { headers: { 'x-title': undefined } }],
    ['a header whose name has a blank', { headers: { 'x title': 'a' } }],
    ['a header of the connection', { headers: { 'Transfer-Encoding': 'chunked' } }],
  ])('%s', async (_name, request) => {
    const { origin, seen } = await recorder()
    const error = await failure(send(origin, { request: request as never }))
    expect(error).toBeInstanceOf(NotSentError)
    expect(error.cause).toBeInstanceOf(TypeError)
    expect(seen).toEqual([])
  })

  test.each([
    [{ 'x-client': 'a\nb' }, 'the header x-client'],
    [{ 'x client': 'a' }, `'x client'`],
    [{ connection: 'close' }, 'the header connection'],
    [new Map([['x-client', '1']]), 'a plain object'],
  ])('the headers %j of the options', (headers, word) => {
    const options = { baseUrl: 'https://example.com', headers } as unknown as HttpTransportOptions
    expect(() => httpTransport(options)).toThrow(TypeError)
    expect(() => httpTransport(options)).toThrow(word)
  })

  test.each(['\n', '\r\nx: y', '\0', '✓'])('a token that no header can carry (%j)', async (end) => {
    const { origin, seen } = await recorder()
    const error = await failure(send(origin, { token: `${TOKEN}${end}more` }))
    expect(error).toBeInstanceOf(NotSentError)
    expect(seen).toEqual([])
  })

  test.each([
    'api.example.com',
    '/v1',
    'ftp://example.com',
    'file:///etc/hosts',
    '',
    'https://',
    'https://api.example.com/v1?key=1',
    'https://api.example.com/v1#top',
    undefined,
    null,
    7,
  ])('the baseUrl %j', (baseUrl) => {
    const options = { baseUrl } as unknown as HttpTransportOptions
    expect(() => httpTransport(options)).toThrow(TypeError)
    expect(() => httpTransport(options)).toThrow('baseUrl must')
  })

  // E6
  test.each([
    'http://api.example.com',
    'HTTP://API.EXAMPLE.COM/v1',
    'http://intranet',
    'http://printer.local',
    'http://localhost.',
    'http://app.localhost',
    'http://localhost.example.com',
    'http://127.example.com',
    'http://0.0.0.0:8080',
    'http://10.0.0.7',
    'http://169.254.169.254',
    'http://[::]:8080',
    'http://[fe80::1]',
    'http://[::ffff:127.0.0.1]',
    'http://128.0.0.1',
  ])('http: to another machine, %s, unless it is told that this is meant', (baseUrl) => {
    const refusal = /^httpTransport: baseUrl must be https:.*insecure: true/
    expect(() => httpTransport({ baseUrl })).toThrow(TypeError)
    expect(() => httpTransport({ baseUrl })).toThrow(refusal)
    expect(() => httpTransport({ baseUrl, insecure: false })).toThrow(refusal)
    expect(() => httpTransport({ baseUrl, fetch: globalThis.fetch })).toThrow(refusal)
    expect(httpTransport({ baseUrl, insecure: true }).origin).toBe(new URL(baseUrl).origin)
    const secure = baseUrl.replace(/^http:/i, 'https:')
    expect(httpTransport({ baseUrl: secure }).origin).toBe(new URL(secure).origin)
  })

  // E6
  it('an insecure that is neither true nor false', () => {
    const options = { baseUrl: 'https://example.com', insecure: 'yes' as never }
    expect(() => httpTransport(options)).toThrow(/insecure must be true or false, not a string/)
  })

  it('a baseUrl with a password, which the message does not repeat', () => {
    const make = () => httpTransport({ baseUrl: 'https://app:pass-word@example.com' })
    expect(make).toThrow(TypeError)
    expect(make).not.toThrow('pass-word')
  })

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
    '%d maxReplyBytes',
    (maxReplyBytes) => {
      const make = () => httpTransport({ baseUrl: 'https://example.com', maxReplyBytes })
      expect(make).toThrow(RangeError)
    },
  )
})

// E6
test.each([
  'http://localhost:8787',
  'http://LOCALHOST',
  'http://127.0.0.1:1',
  'http://127.1',
  'http://127.255.255.254',
  'http://2130706433',
  'http://0x7f.0.0.1',
  'http://[::1]:8080',
  'http://[0:0:0:0:0:0:0:1]',
])('http: to this machine, %s, needs no leave', (baseUrl) => {
  expect(httpTransport({ baseUrl }).origin).toBe(new URL(baseUrl).origin)
})

describe.each(WAYS)('where there is no reply through %s', (_way, way) => {
  beforeEach(() => {
    send = sendThrough(way)
  })

  it('a connection that is reset rejects', async () => {
    const origin = await serve((request) => void request.socket.resetAndDestroy())
    expect(await failure(send(origin))).toBeInstanceOf(TypeError)
  })

  it('an answer that is not HTTP rejects', async () => {
    const origin = await serve((request) => void request.socket.end('SSH-2.0-OpenSSH\r\n\r\n'))
    expect(await failure(send(origin))).toBeInstanceOf(TypeError)
  })

  it('an abort before the sending sends nothing', async () => {
    const { origin, seen } = await recorder()
    await failure(send(origin, { signal: AbortSignal.abort() }))
    expect(seen).toEqual([])
  })

  it('an abort ends a request that has no reply', async () => {
    const server = new EventEmitter()
    const origin = await serve((request) => {
      request.on('close', () => server.emit('closed'))
      server.emit('arrived')
    })
    const abort = new AbortController()
    const [arrived, closed] = [once(server, 'arrived'), once(server, 'closed')]
    const sent = failure(send(origin, { signal: abort.signal }))
    await arrived
    abort.abort()
    expect((await sent).name).toBe('AbortError')
    await closed
  })
})

describe('against the reference server', () => {
  it('an operation is taken with the token of its user, refused without, and broken off on demand', async () => {
    const server = await startReferenceServer()
    try {
      const request = { path: '/users/alice/operations', body: '{"kind":"note","text":"hi"}' }
      const { token } = await server.mint('alice')
      expect((await send(server.origin, { request, token: null })).status).toBe(401)
      expect((await send(server.origin, { request })).status).toBe(401)
      expect((await send(server.origin, { request, token })).status).toBeLessThan(300)
      await server.control.apply({ dropReplies: { count: 1 } })
      const headers = { 'content-type': 'application/json', 'idempotency-key': 'key-2' }
      await failure(send(server.origin, { request: { ...request, headers }, token }))
      expect(server.applied().entries).toHaveLength(2)
    } finally {
      await server.close()
    }
  })
})
