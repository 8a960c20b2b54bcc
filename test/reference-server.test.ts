/** The reference server over real HTTP on loopback: what tests and demos of Holdfast rely on. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterEach, describe, expect, it } from 'vitest'
import { DocumentText } from '../examples/server/document-text.ts'
import { startReferenceServer } from '../examples/server/reference-server.ts'
import { leftOutOnWindows, NO_REQUESTS_TO_END } from './support/systems.ts'
import type {
  ReferenceServer,
  ReferenceServerOptions,
} from '../examples/server/reference-server.ts'

const running: ReferenceServer[] = []

afterEach(async () => {
  await Promise.all(running.splice(0).map(async (server) => server.close()))
})

async function start(options?: ReferenceServerOptions): Promise<ReferenceServer> {
  const server = await startReferenceServer(options)
  running.push(server)
  return server
}

interface Sending {
  /** null: the anonymous path. */
  readonly user?: string | null
  readonly token?: string | undefined
  readonly key?: string | null
  readonly body?: unknown
}

const note = { kind: 'note', text: 'hi' }
let keyCount = 0

async function send(server: ReferenceServer, sending: Sending = {}): Promise<Response> {
  const { user = 'alice', token, body = note } = sending
  const key = sending.key === undefined ? `key-${(keyCount += 1)}` : sending.key
  const headers = new Headers({ 'Content-Type': 'application/json' })
  if (key !== null) headers.set('Idempotency-Key', key)
  if (token !== undefined) headers.set('Authorization', `Bearer ${token}`)
  const path = user === null ? '/anonymous' : `/users/${encodeURIComponent(user)}`
  return fetch(`${server.origin}${path}/operations`, {
    method: 'POST',
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

async function statusOf(server: ReferenceServer, sending?: Sending): Promise<number> {
  const response = await send(server, sending)
  await response.arrayBuffer()
  return response.status
}

async function tokenOf(server: ReferenceServer, user = 'alice', ttlMs?: number): Promise<string> {
  return (await server.mint(user, ttlMs === undefined ? {} : { ttlMs })).token
}

async function postJson(server: ReferenceServer, path: string, body: unknown): Promise<Response> {
  return fetch(server.origin + path, { method: 'POST', body: JSON.stringify(body) })
}

const edit = (index: number, ...patches: [number, number, string][]) => ({
  document: 'letter',
  index,
  patches,
})

describe('tokens', () => {
  it('a token minted over HTTP verifies against the served key set, and is accepted', async () => {
    const server = await start()
    const minted = (await (
      await postJson(server, '/issuer/token', { user: 'alice', ttlMs: 60_000 })
    ).json()) as { token: string; expiresAt: number }
    const keySet = createRemoteJWKSet(new URL(`${server.origin}/.well-known/jwks.json`))
    const { payload } = await jwtVerify(minted.token, keySet)

    expect(payload.sub).toBe('alice')
    expect((payload.exp ?? 0) * 1_000).toBe(minted.expiresAt)
    expect(await statusOf(server, { token: minted.token })).toBe(200)
  })

  it('a request without a token is 401 while the requirement is on, without an error code', async () => {
    const server = await start()
    const response = await send(server)

    expect(response.status).toBe(401)
    expect(response.headers.get('WWW-Authenticate')).toBe('Bearer')
    expect(await statusOf(server, { user: null })).toBe(401)
    expect(server.summary().users['alice']).toMatchObject({ refused401: 1, applied: 0 })
  })

  it('a token that does not hold is 401 invalid_token', async () => {
    const server = await start()
    const stranger = await start()
    const good = await tokenOf(server)
    const bad = {
      expired: await tokenOf(server, 'alice', -1_000),
      ofAnotherIssuer: await tokenOf(stranger),
      changed: `${good.slice(0, -4)}AAAA`,
      noJwt: 'abc',
    }
    for (const [name, token] of Object.entries(bad)) {
      const response = await send(server, { token })
      const challenge = response.headers.get('WWW-Authenticate')
      expect([name, response.status, challenge]).toEqual([
        name,
        401,
        'Bearer error="invalid_token"',
      ])
    }
    expect(await statusOf(server, { token: good })).toBe(200)
  })

  it('a token that was good is 401 once its time is over', async () => {
    let now = 1_800_000_000_000
    const server = await start({ now: () => now })
    const token = await tokenOf(server, 'alice', 60_000)

    expect(await statusOf(server, { token })).toBe(200)
    now += 59_999
    expect(await statusOf(server, { token })).toBe(200)
    now += 1
    expect(await statusOf(server, { token })).toBe(401)
  })

  it("a token of another user than the path's is 403, on the anonymous path too", async () => {
    const server = await start()
    const token = await tokenOf(server, 'bob')

    expect(await statusOf(server, { token })).toBe(403)
    expect(await statusOf(server, { token, user: null })).toBe(403)
    expect(server.summary().users['alice']).toMatchObject({ forbidden403: 1, applied: 0 })
    expect(server.summary().anonymous).toMatchObject({ forbidden403: 1, applied: 0 })
  })

  it('after a rotation of keys tokens of the old key are 401 at once, new ones pass', async () => {
    const server = await start()
    const old = await tokenOf(server)
    expect(await statusOf(server, { token: old })).toBe(200)
    await postJson(server, '/control', { rotateKeys: true })

    expect(await statusOf(server, { token: old })).toBe(401)
    expect(await statusOf(server, { token: await tokenOf(server) })).toBe(200)
  })

  it('with the requirement off unsigned requests pass, bad tokens still do not', async () => {
    const server = await start({ requirement: 'off' })

    expect(await statusOf(server)).toBe(200)
    expect(await statusOf(server, { user: null })).toBe(200)
    expect(await statusOf(server, { token: 'abc' })).toBe(401)
    await server.control.apply({ requirement: 'required' })
    expect(await statusOf(server)).toBe(401)
    expect(server.summary().violations).toBe(0)
  })

  it('a refusal covers all, one user, or the tokens so far', async () => {
    const server = await start()
    const alice = await tokenOf(server)
    const bob = await tokenOf(server, 'bob')
    const both = async () => [
      await statusOf(server, { token: alice }),
      await statusOf(server, { token: bob, user: 'bob' }),
    ]

    await server.control.apply({ refuseAll: true })
    expect(await both()).toEqual([401, 401])
    await server.control.apply({ refuseAll: false, refuseUser: 'alice' })
    expect(await both()).toEqual([401, 200])
    await server.control.apply({ acceptUser: 'alice', revokeUser: 'bob' })
    expect(await both()).toEqual([200, 401])
    expect(await statusOf(server, { token: await tokenOf(server, 'bob'), user: 'bob' })).toBe(200)
    expect(server.summary().users['alice']).toMatchObject({ refused401: 2, refusedAgain: 1 })
  })
})

describe('idempotency keys', () => {
  it('the same key and body gets the first answer again and is applied once', async () => {
    const server = await start()
    const token = await tokenOf(server)
    const sending = { token, key: 'k', body: edit(0, [0, 0, 'ab']) }
    const first = await send(server, sending)
    const second = await send(server, sending)

    expect(first.headers.get('Idempotent-Replayed')).toBeNull()
    expect(second.headers.get('Idempotent-Replayed')).toBe('true')
    expect(await second.json()).toEqual(await first.json())
    expect(server.documentText('alice', 'letter')).toBe('ab')
    expect(server.summary().users['alice']).toMatchObject({ applied: 1, duplicatesSuppressed: 1 })
  })

  it('the same key with another body is 422 and a violation', async () => {
    const server = await start()
    const token = await tokenOf(server)
    await statusOf(server, { token, key: 'k' })

    expect(await statusOf(server, { token, key: 'k', body: { kind: 'other' } })).toBe(422)
    expect(server.summary().violations).toBe(1)
  })

  it('a key belongs to its user', async () => {
    const server = await start()
    for (const user of ['alice', 'bob']) {
      const token = await tokenOf(server, user)
      const response = await send(server, { user, token, key: 'k', body: { kind: user } })
      expect(response.status).toBe(200)
    }
    expect(server.summary().violations).toBe(0)
  })

  it('a request without a key, or with a body that is no operation, is 400', async () => {
    const server = await start()
    const token = await tokenOf(server)
    const bodies = ['{', '[]', '{}', { document: 'd', index: -1, patches: [] }]

    expect(await statusOf(server, { token, key: null })).toBe(400)
    for (const body of bodies) expect(await statusOf(server, { token, body })).toBe(400)
    expect(server.summary().users['alice']).toMatchObject({ malformed400: 5, applied: 0 })
  })

  it('a second request while the first is in progress is 409, and a replay afterwards', async () => {
    const entered = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    const wait = async (ms: number) => {
      if (ms !== 1) return
      entered.resolve()
      await gate.promise
    }
    const server = await start({ wait })
    const sending = { token: await tokenOf(server), key: 'k' }
    await server.control.apply({ latencyMs: 1 })
    const first = send(server, sending)
    await entered.promise
    await server.control.apply({ latencyMs: 0 })

    expect(await statusOf(server, sending)).toBe(409)
    gate.resolve()
    expect((await first).status).toBe(200)
    expect((await send(server, sending)).headers.get('Idempotent-Replayed')).toBe('true')
    expect(server.summary().users['alice']).toMatchObject({ applied: 1, inProgress409: 1 })
  })

  it('a failure is not remembered', async () => {
    const server = await start()
    const sending = { token: await tokenOf(server), key: 'k' }
    await server.control.apply({ failNext: { count: 1, status: 500 } })

    expect(await statusOf(server, sending)).toBe(500)
    const second = await send(server, sending)
    expect(second.status).toBe(200)
    expect(second.headers.get('Idempotent-Replayed')).toBeNull()
  })

  it('keys are forgotten after their window, and when there are too many; doubles are seen', async () => {
    let now = 1_800_000_000_000
    const server = await start({ now: () => now, keyWindowMs: 10_000, maxKeys: 2 })
    const token = await tokenOf(server)
    await statusOf(server, { token, key: 'k' })
    now += 9_999
    await statusOf(server, { token, key: 'k' })
    expect(server.summary()).toMatchObject({ violations: 0, keys: { remembered: 1 } })
    now += 1
    await statusOf(server, { token, key: 'k' })
    expect(server.summary().users['alice']).toMatchObject({ applied: 2, appliedTwice: 1 })
    await statusOf(server, { token })
    await statusOf(server, { token })
    expect(server.summary().keys).toEqual({ remembered: 2, forgottenEarly: 1 })
  })
})

describe('misbehaviour', () => {
  it('a dropped reply was applied; the same key then gets the answer', async () => {
    const server = await start()
    const sending = { token: await tokenOf(server), key: 'k', body: edit(0, [0, 0, 'x']) }
    await postJson(server, '/control', { dropReplies: { count: 1 } })

    await expect(send(server, sending)).rejects.toThrow('fetch failed')
    expect(server.documentText('alice', 'letter')).toBe('x')
    expect((await send(server, sending)).headers.get('Idempotent-Replayed')).toBe('true')
    expect(server.documentText('alice', 'letter')).toBe('x')
    expect(server.summary().users['alice']).toMatchObject({ repliesDropped: 1, applied: 1 })
  })

  it('a dropped request was not applied', async () => {
    const server = await start()
    const sending = { token: await tokenOf(server), key: 'k' }
    await server.control.apply({ dropRequests: { count: 1 } })

    await expect(send(server, sending)).rejects.toThrow('fetch failed')
    expect(server.applied().entries).toEqual([])
    expect((await send(server, sending)).headers.get('Idempotent-Replayed')).toBeNull()
  })

  it('503 and 429 carry Retry-After, other failures do not, and it can be chosen', async () => {
    const server = await start()
    const token = await tokenOf(server)
    const date = 'Fri, 01 Jan 2027 00:00:00 GMT'
    const cases = [
      { status: 503, expected: '1' },
      { status: 429, expected: '1' },
      { status: 500, expected: null },
      { status: 503, retryAfter: 7, expected: '7' },
      { status: 503, retryAfter: date, expected: date },
      { status: 503, retryAfter: null, expected: null },
    ]
    for (const { expected, ...failure } of cases) {
      await server.control.apply({ failNext: { count: 1, ...failure } })
      const response = await send(server, { token })
      expect(response.status).toBe(failure.status)
      expect(response.headers.get('Retry-After')).toBe(expected)
    }
    expect(await statusOf(server, { token })).toBe(200)
    expect(server.summary().users['alice']).toMatchObject({ failuresInjected: 6, applied: 1 })
  })

  it('a captive portal answers 200 with HTML and applies nothing', async () => {
    const server = await start()
    const token = await tokenOf(server)
    await server.control.apply({ html: { count: 1 } })
    const response = await send(server, { token })

    expect(response.status).toBe(200)
    expect(response.headers.get('Content-Type')).toMatch('text/html')
    expect(server.summary().users['alice']).toMatchObject({ applied: 0, htmlPages: 1 })
    expect(await statusOf(server, { token })).toBe(200)
  })

  it('every answer carries a Date', async () => {
    const server = await start()
    const response = await send(server)
    expect(Date.parse(response.headers.get('Date') ?? '')).not.toBeNaN()
  })

  it('a rain of faults depends on the seed and the number of the request alone', async () => {
    const rates = { refuse: 0.1, dropRequest: 0.1, dropReply: 0.1, fail503: 0.1, html: 0.1 }
    const fates = async (seed: number, users: readonly string[]) => {
      const server = await start()
      await server.control.apply({ faults: { seed, ...rates } })
      const seen: Record<string, string[]> = {}
      for (let i = 0; i < 60; i += 1) {
        for (const user of users) {
          const token = await tokenOf(server, user)
          const fate = await send(server, { user, token }).then(
            (response) => `${response.status} ${response.headers.get('Content-Type')}`,
            () => 'lost',
          )
          ;(seen[user] ??= []).push(fate)
        }
      }
      return seen
    }
    const alone = await fates(7, ['alice'])

    expect((await fates(7, ['bob', 'alice']))['alice']).toEqual(alone['alice'])
    expect((await fates(8, ['alice']))['alice']).not.toEqual(alone['alice'])
    expect(new Set(alone['alice'])).toEqual(
      new Set([
        '200 application/json',
        '401 application/json',
        '503 application/json',
        '200 text/html; charset=UTF-8',
        'lost',
      ]),
    )
  })

  it('a client that retries under its key gets every edit through the rain, once and in order', async () => {
    const server = await start()
    await server.control.apply({
      faults: { seed: 1, refuse: 0.1, dropRequest: 0.1, dropReply: 0.2, fail503: 0.1, html: 0.1 },
    })
    let token = await tokenOf(server)
    for (let index = 0; index < 50; index += 1) {
      const sending = { key: `edit-${index}`, body: edit(index, [index, 0, String(index % 10)]) }
      for (let done = false; !done;) {
        const response = await send(server, { ...sending, token }).catch(() => null)
        if (response?.status === 401) token = await tokenOf(server)
        done = response?.headers.get('Content-Type') === 'application/json' && response.ok
      }
    }

    const { violations, users } = server.summary()
    expect(server.documentText('alice', 'letter')).toBe('0123456789'.repeat(5))
    expect(violations).toBe(0)
    expect(users['alice']?.applied).toBe(50)
    expect(users['alice']?.duplicatesSuppressed).toBeGreaterThan(0)
    expect(users['alice']?.refusedAgain).toBe(0)
  })

  it('calm ends all of it, and a malformed control changes nothing', async () => {
    const server = await start()
    const token = await tokenOf(server)
    await server.control.apply({
      refuseUser: 'alice',
      dropRequests: { count: 9 },
      failNext: { count: 9, status: 500 },
      faults: { seed: 1, fail503: 1 },
    })
    const before = server.control.state()

    await expect(server.control.apply({ refuseAll: true, typo: 1 } as object)).rejects.toThrow(
      TypeError,
    )
    expect((await postJson(server, '/control', { faults: { seed: 1, html: 2 } })).status).toBe(400)
    expect(await (await fetch(`${server.origin}/control`)).json()).toEqual(before)
    await server.control.apply({ calm: true })
    expect(await statusOf(server, { token })).toBe(200)
  })
})

describe('documents and the log', () => {
  it('patches applied in order give the text, over the API and on the workbench', async () => {
    const server = await start()
    const token = await tokenOf(server)
    const edits = [
      edit(0, [0, 0, 'holdfst']),
      edit(1, [5, 0, 'a'], [0, 1, 'H']),
      { ...edit(2, [8, 0, ' 🪝'], [8, 0, '!']), count: 2 },
      edit(4, [8, 1, '']),
    ]
    for (const body of edits) expect(await statusOf(server, { token, body })).toBe(200)

    const headers = { Authorization: `Bearer ${token}` }
    const read = await fetch(`${server.origin}/users/alice/documents/letter`, { headers })
    const shown = await fetch(`${server.origin}/documents/letter?user=alice`)
    expect(await read.json()).toEqual({ document: 'letter', text: 'Holdfast 🪝' })
    expect(await shown.text()).toBe('Holdfast 🪝')
    expect((await fetch(`${server.origin}/documents/letter`)).status).toBe(404)
    expect(server.summary()).toMatchObject({
      violations: 0,
      documents: [{ user: 'alice', document: 'letter', next: 5, orderViolations: 0 }],
    })
  })

  it('an edit that is lost, doubled or late is an order violation', async () => {
    const server = await start()
    const token = await tokenOf(server)
    for (const index of [0, 1, 3, 2, 4, 4]) {
      await statusOf(server, { token, body: edit(index, [0, 0, 'x']) })
    }
    expect(server.summary().documents[0]).toMatchObject({ next: 5, orderViolations: 3 })
    expect(server.summary().violations).toBe(3)
  })

  it('the log lists what was applied, page by page', async () => {
    const server = await start()
    const token = await tokenOf(server)
    await statusOf(server, { token, key: 'a', body: edit(0) })
    await statusOf(server, { token, key: 'b' })
    await statusOf(server, { token, key: 'c', body: edit(1) })
    const page = async (query: string) =>
      (await fetch(`${server.origin}/log/applied?${query}`)).json()

    expect(await page('limit=2')).toEqual({
      entries: [
        { n: 1, user: 'alice', key: 'a', document: 'letter', index: 0, body: null },
        { n: 2, user: 'alice', key: 'b', document: null, index: null, body: note },
      ],
      next: 2,
      more: true,
    })
    expect(await page('after=2')).toMatchObject({ entries: [{ key: 'c' }], next: 3, more: false })
    expect(await page('after=3')).toEqual({ entries: [], next: 3, more: false })
  })

  it('a document text does what slicing a string does', () => {
    const patch = fc.tuple(fc.nat(3_000), fc.nat(40), fc.string({ unit: 'binary', maxLength: 900 }))
    fc.assert(
      fc.property(fc.array(patch, { maxLength: 60 }), (patches) => {
        const text = new DocumentText()
        let expected = ''
        for (const [position, deleted, inserted] of patches) {
          text.splice(position, deleted, inserted)
          expected = expected.slice(0, position) + inserted + expected.slice(position + deleted)
        }
        expect(text.toString()).toBe(expected)
        expect(text.length).toBe(expected.length)
      }),
    )
  })
})

describe('the life of the server', () => {
  it('close breaks what is in progress, which is not applied any more', async () => {
    const entered = Promise.withResolvers<void>()
    const server = await start({
      wait: async (_ms, signal) => {
        entered.resolve()
        await once(signal, 'abort')
      },
    })
    const token = await tokenOf(server)
    await server.control.apply({ latencyMs: 1 })
    const fate = send(server, { token }).then(
      () => 'answered',
      () => 'broken',
    )
    await entered.promise
    await server.close()
    await server.close()

    expect(await fate).toBe('broken')
    expect(server.applied().entries).toEqual([])
    await expect(fetch(server.origin)).rejects.toThrow('fetch failed')
  })

  const isNotAsked = leftOutOnWindows('a server that a signal ends', NO_REQUESTS_TO_END)
  const signals = isNotAsked ? [] : (['SIGTERM', 'SIGINT'] as const)

  it.each([...signals, 'end of stdin'] as const)(
    'as a process it says where it listens, and ends on %s with status 0',
    async (end) => {
      const main = fileURLToPath(new URL('../examples/server/main.ts', import.meta.url))
      const child = spawn(process.execPath, ['--import', 'tsx', main, '--requirement', 'off'], {
        stdio: ['pipe', 'pipe', 'inherit'],
      })
      try {
        const [line] = (await once(child.stdout, 'data')) as [Buffer]
        const { origin } = JSON.parse(line.toString()) as { origin: string }
        expect(await (await fetch(`${origin}/control`)).json()).toMatchObject({
          requirement: 'off',
        })
        const exited = once(child, 'exit')
        if (end === 'end of stdin') child.stdin.end()
        else child.kill(end)
        expect(await exited).toEqual([0, null])
      } finally {
        child.kill('SIGKILL')
      }
    },
  )
})
