/** After a sleep, or on another network, no request goes over a connection that may be dead (Q7, Q18). */
import { once } from 'node:events'
import { Agent, get, globalAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { httpTransport, NotSentError, type Transport } from '../src/index.ts'
import { replay } from '../src/journal/replay.ts'
import { serve } from './support/http-servers.ts'
import { replying, Rig } from './support/rig.ts'
import { failure, sendWith } from './support/sending.ts'

const agents: Agent[] = []

afterEach(() => {
  for (const agent of agents.splice(0)) agent.destroy()
})

function ownAgent(): Agent {
  const agent = new Agent({ keepAlive: true })
  agents.push(agent)
  return agent
}

/** A server that answers the first request of each connection and no later one: the connection has died, and nothing tells so. */
async function fallingSilent() {
  const known = new Set<Socket>()
  const { promise: silence, resolve: fellSilent } = Promise.withResolvers<void>()
  const origin = await serve((request, response) => {
    if (known.has(request.socket)) {
      fellSilent()
      return
    }
    known.add(request.socket)
    response.end('{}')
  })
  return { origin, silence, count: () => known.size }
}

/** Sends, and waits until its connection is idle. */
async function sendFirst(transport: Transport, agent: Agent): Promise<Socket> {
  const free = once(agent, 'free')
  expect(await sendWith(transport)).toMatchObject({ status: 200 })
  return (await free)[0] as Socket
}

describe.each([
  ['of the global agent', () => ({ agent: globalAgent, options: {} })],
  [
    'of an agent of the app',
    () => {
      const agent = ownAgent()
      return { agent, options: { agent } }
    },
  ],
])('idle connections %s', (_what, make) => {
  // Q18
  test('are not used any more after a waking: the next request takes a new one', async () => {
    const { origin, count } = await fallingSilent()
    const { agent, options } = make()
    const transport = httpTransport({ baseUrl: origin, ...options })
    await sendFirst(transport, agent)
    transport.renewConnections?.()
    expect(await sendWith(transport)).toMatchObject({ status: 200 })
    expect(count()).toBe(2)
  })

  // Q5, Q6
  test('are used without a waking, and a request that fails there is unknown and goes once', async () => {
    const { origin, silence, count } = await fallingSilent()
    const { agent, options } = make()
    const transport = httpTransport({ baseUrl: origin, ...options })
    await sendFirst(transport, agent)
    const abort = new AbortController()
    const sent = failure(sendWith(transport, abort.signal))
    await silence
    abort.abort(new DOMException('no reply in time', 'TimeoutError'))
    expect(await sent).not.toBeInstanceOf(NotSentError)
    expect(count()).toBe(1)
  })
})

// Q18
test('a waking closes no connection that has a request in flight, and none to another server', async () => {
  const agent = ownAgent()
  const waiting: (() => void)[] = []
  const origin = await serve((_request, response) => waiting.push(() => response.end('{}')))
  const other = await serve((_request, response) => response.end('{}'))
  const free = once(agent, 'free')
  get(other, { agent }).on('response', (response) => response.resume())
  const [kept] = (await free) as [Socket]
  const transport = httpTransport({ baseUrl: origin, agent })
  const sent = sendWith(transport)
  await expect.poll(() => waiting.length).toBe(1)
  transport.renewConnections?.()
  waiting[0]?.()
  expect(await sent).toMatchObject({ status: 200 })
  expect(kept.destroyed).toBe(false)
})

// Q18
test('a waking closes idle connections to the server that the app itself has opened in its agent', async () => {
  const agent = ownAgent()
  const { origin, count } = await fallingSilent()
  const free = once(agent, 'free')
  get(origin, { agent }).on('response', (response) => response.resume())
  await free
  const transport = httpTransport({ baseUrl: origin, agent })
  transport.renewConnections?.()
  expect(await sendWith(transport)).toMatchObject({ status: 200 })
  expect(count()).toBe(2)
})

test('a transport through fetch has nothing to renew: the connections are those of the fetch', () => {
  const transport = httpTransport({ baseUrl: 'https://api.example.com', fetch })
  expect(transport).not.toHaveProperty('renewConnections')
})

describe('the option agent of httpTransport is refused', () => {
  const baseUrl = 'https://api.example.com'

  test.each<[string, object, string]>([
    [
      'together with fetch',
      { agent: new HttpsAgent(), fetch },
      'agent and fetch exclude each other',
    ],
    ['where it is no agent', { agent: 'http://proxy:8080' }, 'not a string'],
    ['where it is null', { agent: null }, 'agent must be an agent of node:http or node:https'],
    ['where it is a dispatcher', { agent: { dispatch() {} } }, 'a dispatcher belongs to fetch'],
    ['where it is of the other protocol', { agent: new Agent() }, 'an agent of node:https'],
    [
      'where it is of https and baseUrl of http',
      { agent: new HttpsAgent(), baseUrl: 'http://localhost' },
      'an agent of node:http,',
    ],
  ])('%s', (_what, options, message) => {
    const make = () => httpTransport({ baseUrl, ...(options as object) })
    expect(make).toThrow(TypeError)
    expect(make).toThrow(message)
  })

  test('but not where it is of a package that serves both protocols', () => {
    class ProxyAgent extends Agent {}
    expect(httpTransport({ baseUrl, agent: new ProxyAgent() }).origin).toBe(baseUrl)
  })
})

/** An engine whose transport notes when it is to renew its connections, and what is sent. */
async function noting(renew: () => unknown = () => undefined) {
  const noted: string[] = []
  const rig = Rig.prepare({ backoff: { baseMs: 200_000, jitter: false } })
  const { transport } = rig
  await rig.open({
    transport: {
      ...transport,
      send: (request, options) => {
        noted.push('send')
        return transport.send(request, options)
      },
      renewConnections: () => {
        noted.push('renew')
        return renew() as undefined
      },
    },
  })
  await rig.login('alice', 'a1')
  return { rig, noted }
}

// Q7, Q15, Q18
describe('the engine has the connections renewed before the first request', () => {
  test.each([
    ['after the platform told of the waking', 'suspended', 'resumed'],
    ['after the return of the network', 'offline', 'online'],
  ] as const)('%s', async (_what, down, up) => {
    const { rig, noted } = await noting()
    rig.tell(down)
    await rig.enqueue('one')
    rig.tell(up)
    await rig.advance()
    expect(noted).toEqual(['renew', 'send'])
  })

  test('after a suspended that has ended by itself', async () => {
    const { rig, noted } = await noting()
    rig.tell('suspended')
    await rig.enqueue('one')
    await rig.advance(60_000)
    expect(noted).toEqual(['renew', 'send'])
  })

  test('after a waking that was noticed', async () => {
    const { rig, noted } = await noting()
    await rig.enqueue('one')
    rig.last.fail()
    await rig.advance()
    rig.time.sleep(60_000, 'macos')
    await rig.advance()
    expect(noted).toEqual(['send', 'renew', 'send'])
  })

  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
    ['answers with a promise', () => Promise.reject(new Error('no'))],
  ])('and sends though that %s, and tells the error; the journal replays', async (_what, renew) => {
    const { rig, noted } = await noting(renew)
    rig.answer = replying()
    rig.tell('suspended')
    await rig.enqueue('one')
    rig.tell('resumed')
    await rig.advance()
    expect(noted).toEqual(['renew', 'send'])
    expect(rig.eventsOf('error')).toMatchObject([{ error: { code: 'APP_CODE_FAILED' } }])
    expect(rig.eventsOf('error')[0]?.error.message).toContain('renewConnections()')
    expect((await replay(rig.journal.lines().join('\n'))).decided).toBeGreaterThan(0)
  })
})

test('a transport whose renewConnections is no function is refused at the door', async () => {
  const rig = Rig.prepare()
  const transport = { ...rig.transport, renewConnections: true as never }
  await expect(rig.open({ transport })).rejects.toThrow(
    'createHoldfast: transport must have the method renewConnections()',
  )
})
