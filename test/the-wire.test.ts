/** What a server says on the wire, and the engine makes of it, through both ways to the server (Q6). */
import type { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import {
  createHoldfast,
  defineOperation,
  type HoldfastOptions,
  httpTransport,
  sqliteStorage,
} from '../src/index.ts'
import { closedOrigin, serveBytes } from './support/http-servers.ts'
import { note } from './support/rig.ts'
import { WAYS } from './support/sending.ts'

type Fetch = Parameters<typeof httpTransport>[0]['fetch']

/** The first that the app hears of an operation of alice: how it ended, how its attempt did, or what it waits for. */
async function outcomeOf(
  baseUrl: string,
  fetch: Fetch,
  more: Partial<HoldfastOptions> = {},
): Promise<string> {
  const holdfast = await createHoldfast({
    storage: sqliteStorage({ file: ':memory:' }),
    transport: httpTransport({ baseUrl, ...(fetch === undefined ? {} : { fetch }) }),
    operations: [note],
    requirement: 'required',
    ...more,
  })
  const { promise, resolve } = Promise.withResolvers<string>()
  holdfast.on('operation.completed', () => resolve('completed'))
  holdfast.on('operation.dead', ({ reason, status }) => resolve(`dead ${reason} ${status}`))
  holdfast.on('operation.retrying', ({ outcome, status }) => resolve(`${outcome} ${status}`))
  holdfast.on('token.needed', ({ reason }) => resolve(`token ${reason}`))
  holdfast.on('lane.held', ({ hold }) => {
    if (hold === 'offline') resolve('offline')
  })
  await holdfast.login('alice', { token: 'a1' })
  await holdfast.enqueue(note({ text: 'hi' }))
  const told = await promise
  await holdfast.close({ deadlineMs: 0 })
  return told
}

function wire(status: string, headers: readonly string[], body = ''): string {
  return `HTTP/1.1 ${status}\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n${body}`
}

const JSON_BODY = '{"ok":true}'
const json = ['content-type: application/json', `content-length: ${JSON_BODY.length}`]
const gzip = [...json, 'content-encoding: gzip']
const html = (body: string) => [
  'content-type: text/html; charset=UTF-8',
  `content-length: ${Buffer.byteLength(body)}`,
]

const OUTCOMES: readonly [string, string, string][] = [
  // The status has arrived, and something behind it cannot be read.
  ['204 with a body', wire('204 No Content', json, JSON_BODY), 'completed'],
  ['200 with bytes behind its end', wire('200 OK', json, `${JSON_BODY}xx`), 'completed'],
  ['422 with bytes behind its end', wire('422 No', json, `${JSON_BODY}xx`), 'dead rejected 422'],
  ['200, said to be gzip, but plain', wire('200 OK', gzip, JSON_BODY), 'completed'],
  ['422, said to be gzip, but plain', wire('422 No', gzip, JSON_BODY), 'dead rejected 422'],
  ['401, said to be gzip, but plain', wire('401 No', gzip, JSON_BODY), 'token refused'],
  ['503, said to be gzip, but plain', wire('503 No', gzip, JSON_BODY), 'retry 503'],
  // The body decides whether it is a page, not its label.
  ['JSON under the label of HTML', wire('200 OK', html('{"id":1}'), '{"id":1}'), 'completed'],
  ['nothing under the label of HTML', wire('200 OK', html('')), 'completed'],
  ['201 with nothing under the label of HTML', wire('201 Made', html('')), 'completed'],
  ['204 under the label of HTML', wire('204 No Content', html('')), 'completed'],
  ['blanks under the label of HTML', wire('200 OK', html(' \r\n'), ' \r\n'), 'completed'],
  ['OK under the label of HTML', wire('200 OK', html('OK'), 'OK'), 'completed'],
  ['a page', wire('200 OK', html('<html>'), '<html>'), 'offline'],
  ['a page behind a byte order mark', wire('200 OK', html('\uFEFF<p>'), '\uFEFF<p>'), 'offline'],
]

describe.each(WAYS)('through %s', (_way, { fetch }) => {
  test.each(OUTCOMES)('%s comes to its outcome', async (_name, bytes, outcome) => {
    const origin = await serveBytes((socket) => void socket.write(bytes))
    expect(await outcomeOf(origin, fetch)).toBe(outcome)
  })

  test.each([
    ['200 OK', 'completed'],
    ['422 No', 'dead rejected 422'],
    ['401 No', 'token refused'],
  ])('%s that breaks off in the middle of its body is judged', async (status, outcome) => {
    const bytes = wire(status, ['content-length: 99'], '{"half":')
    const origin = await serveBytes((socket) => socket.write(bytes, () => end(socket)))
    expect(await outcomeOf(origin, fetch)).toBe(outcome)
  })

  test('a kind that declares JSON accepts a reply that is cut by its status', async () => {
    const bytes = wire('200 OK', ['content-length: 99'], '{"half":')
    const origin = await serveBytes((socket) => socket.write(bytes, () => end(socket)))
    const operations = [defineOperation({ ...note.spec, reply: 'json' })]
    expect(await outcomeOf(origin, fetch, { operations })).toBe('completed')
  })

  test('a request that was not sent is told from one that may have arrived', async () => {
    expect(await outcomeOf(await closedOrigin(), fetch)).toBe('unsent null')
    const origin = await serveBytes((socket) => socket.resetAndDestroy())
    expect(await outcomeOf(origin, fetch)).toBe('unknown null')
  })
})

function end(socket: Socket): void {
  socket.destroy()
}

test('through Node itself headers of 20 KB are read', async () => {
  const bytes = wire('422 No', [`x-debug: ${'x'.repeat(20_000)}`, 'content-length: 0'])
  const origin = await serveBytes((socket) => void socket.write(bytes))
  expect(await outcomeOf(origin, undefined)).toBe('dead rejected 422')
})
