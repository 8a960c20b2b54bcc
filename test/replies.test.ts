/** What the engine does with replies, and with what is no reply at all (Q6, Q7, E3). */
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { defineOperation, type InterpretContext } from '../src/operations/define-operation.ts'
import type { Reply } from '../src/ports/transport.ts'
import { HTML_REPLY, JSON_REPLY, note, replying, Rig } from './support/rig.ts'
import { throwing } from './support/throwing.ts'

async function oneNote(rig: Rig): Promise<string> {
  await rig.login('alice', 'a1')
  return rig.enqueue('one')
}

// Q6
describe('a captive portal', () => {
  test.each([
    ['407', 407, {}],
    ['511', 511, {}],
    ['a redirect elsewhere', 302, { headers: { location: 'http://portal.local/' } }],
    ['HTML', 200, HTML_REPLY],
  ])(
    'that answers with %s holds every lane offline, probed after a wait',
    async (_n, status, more) => {
      const rig = await Rig.start()
      await oneNote(rig)
      await rig.login('bob', 'b1')
      rig.holdfast.pause()
      await rig.enqueue('two')
      rig.last.reply(status, more)
      await rig.advance()
      rig.holdfast.resume()
      expect(rig.holdsOf('alice')).toEqual(['offline'])
      expect(rig.holdsOf('bob')).toEqual(['offline'])
      await rig.advance(999)
      expect(rig.sent).toHaveLength(1)
      await rig.advance(1)
      expect(rig.bodies).toEqual(['one', 'one'])
      rig.last.reply(200)
      await rig.advance()
      expect(rig.bodies).toEqual(['one', 'one', 'two'])
      expect(rig.holdsOf('bob')).toEqual([])
      expect(rig.eventsOf('operation.dead')).toEqual([])
      expect(rig.eventsOf('operation.retrying')).toEqual([])
    },
  )

  test('is probed with the heads of the lanes in turn, ever more rarely', async () => {
    const rig = await Rig.start({ answer: replying(200, HTML_REPLY) })
    await oneNote(rig)
    await rig.login('bob', 'b1')
    await rig.enqueue('two')
    await rig.advance(15_000)
    expect(rig.sent.map(({ at, request }) => [at, request.user])).toEqual([
      [0, 'alice'],
      [1000, 'alice'],
      [3000, 'bob'],
      [7000, 'alice'],
      [15_000, 'bob'],
    ])
  })

  test('ends with any genuine reply, also one that refuses', async () => {
    const rig = await Rig.start()
    await oneNote(rig)
    rig.last.reply(200, HTML_REPLY)
    await rig.advance(1000)
    rig.last.reply(503)
    await rig.advance()
    expect(rig.holdsOf('alice')).toEqual(['backing-off'])
  })

  test.each([
    ['HTML', 200, HTML_REPLY],
    ['407', 407, {}],
  ])(
    'that only one operation still meets with %s is its own trouble: retry',
    async (_n, status, more) => {
      const rig = await Rig.start({
        answer: ({ request, reply }) => {
          if (request.user === 'alice') reply(status, more)
          else reply(200)
        },
      })
      const one = await oneNote(rig)
      await rig.login('bob', 'b1')
      await rig.enqueue('two')
      await rig.advance(10_000)
      expect(rig.eventsOf('operation.completed')).toHaveLength(1)
      expect(rig.eventsOf('operation.retrying')[0]).toMatchObject({
        id: one,
        outcome: 'retry',
        status,
      })
      expect(rig.eventsOf('operation.dead')).toEqual([])
      expect(rig.holdsOf('alice')).toEqual(['backing-off'])
    },
  )

  test('that one operation alone still meets is no reply of the server to others', async () => {
    const rig = await Rig.start({
      maxAttempts: 1,
      patienceMs: 0,
      answer: ({ request, reply, fail }) => {
        if (request.user === 'alice') reply(200, HTML_REPLY)
        else if (request.user === 'bob') reply(200)
        else fail()
      },
    })
    await oneNote(rig)
    await rig.login('bob', 'b1')
    await rig.enqueue('two')
    await rig.advance(10_000)
    expect(rig.eventsOf('operation.dead')).toHaveLength(1)
  })

  test('ends when the network comes back, and everybody is sent at once', async () => {
    const rig = await Rig.start()
    await oneNote(rig)
    rig.last.reply(200, HTML_REPLY)
    await rig.advance(10)
    rig.tell('online')
    await rig.advance()
    expect(rig.bodies).toEqual(['one', 'one'])
  })
})

// Q6
describe("a kind's own judgement", () => {
  const judging = (interpret: (reply: Reply, context: InterpretContext) => never) =>
    defineOperation({
      kind: 'judged',
      payload: z.object({ text: z.string() }),
      request: ({ payload }) => ({ method: 'POST', path: '/judged', body: payload }),
      interpret,
    })

  test('decides over that of the status, and may call 403 a refused token (T10)', async () => {
    const kind = judging((({ status }: Reply) => ({
      outcome: status === 403 ? 'refused-token' : status === 404 ? 'accepted' : 'retry',
    })) as never)
    const rig = await Rig.start({ operations: [kind, note] })
    await rig.login('alice', 'a1')
    await rig.whileResting(rig.holdfast.enqueue(kind({ text: 'one' })))
    rig.last.reply(403)
    await rig.advance()
    expect(rig.holdsOf('alice')).toEqual(['awaiting-token'])
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    rig.last.reply(404)
    await rig.advance()
    expect(rig.eventsOf('operation.completed')).toHaveLength(1)
  })

  test('says why it is rejected, where there is more to say', async () => {
    const kind = judging((() => ({ outcome: 'rejected', reason: 'conflict' })) as never)
    const rig = await Rig.start({ operations: [kind], answer: replying(200) })
    await rig.login('alice', 'a1')
    await rig.whileResting(rig.holdfast.enqueue(kind({ text: 'one' })))
    await rig.advance()
    expect(rig.eventsOf('operation.dead')).toMatchObject([{ reason: 'conflict', status: 200 }])
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('bug')
      },
    ],
    ['throws what is no error', throwing('bug')],
    ['answers nothing', () => undefined],
    ['answers an outcome there is not', () => ({ outcome: 'perhaps' })],
    ['answers a promise', () => Promise.resolve({ outcome: 'accepted' })],
  ])('that %s is retry, bounded, never a loss (Q8)', async (_name, interpret) => {
    const kind = judging(interpret as never)
    const rig = await Rig.start({
      operations: [kind],
      answer: replying(200),
      maxAttempts: 3,
      patienceMs: 0,
    })
    await rig.login('alice', 'a1')
    await rig.whileResting(rig.holdfast.enqueue(kind({ text: 'one' })))
    await rig.advance(10_000)
    expect(rig.sent.map(({ at }) => at)).toEqual([0, 1000, 3000])
    expect(rig.eventsOf('operation.dead')).toMatchObject([{ reason: 'attempts-exhausted' }])
    expect((await rig.holdfast.deadLetters()).items).toHaveLength(1)
  })
})

// Q6
describe('no reply', () => {
  test('for 30 s is unknown, and the waiting is aborted', async () => {
    const rig = await Rig.start()
    await oneNote(rig)
    const { signal } = rig.last
    await rig.advance(29_999)
    expect(signal.aborted).toBe(false)
    expect(rig.eventsOf('operation.retrying')).toEqual([])
    await rig.advance(1)
    expect(signal.aborted).toBe(true)
    expect(rig.eventsOf('operation.retrying')).toMatchObject([{ outcome: 'unknown', status: null }])
  })

  test('in time makes a later one unheard', async () => {
    const rig = await Rig.start()
    await oneNote(rig)
    const first = rig.last
    await rig.advance(30_000)
    first.reply(200)
    await rig.advance()
    expect(rig.eventsOf('operation.completed')).toEqual([])
    await rig.advance(1000)
    expect(rig.sent).toHaveLength(2)
    expect(rig.last.request.headers['idempotency-key']).toBe(
      first.request.headers['idempotency-key'],
    )
    rig.last.reply(200)
    await rig.advance()
    expect(rig.eventsOf('operation.completed')).toHaveLength(1)
  })
})

// E3
describe('a transport', () => {
  test.each([
    [
      'throws at once',
      () => {
        throw new Error('no')
      },
    ],
    ['throws what is no error', throwing('no')],
    ['rejects with what is no error', () => Promise.reject('no' as never)],
    ['rejects with nothing', () => Promise.reject(undefined as never)],
    ['answers nothing', () => Promise.resolve(undefined)],
    ['answers null', () => Promise.resolve(null)],
    ['answers without a status', () => Promise.resolve({ headers: {}, body: '' })],
    [
      'answers with a status that is no number',
      () => Promise.resolve({ ...JSON_REPLY, status: '200' }),
    ],
    ['answers without headers', () => Promise.resolve({ status: 200, body: '{}' })],
    ['answers without a body', () => Promise.resolve({ status: 200, headers: {} })],
    ['is not asynchronous', () => 5],
  ])('that %s gives an unknown outcome, and the engine goes on', async (_name, send) => {
    let isBroken = true
    const rig = Rig.prepare({ answer: replying(200) })
    const { transport } = rig
    await rig.open({
      transport: {
        origin: transport.origin,
        send: (request, options) =>
          isBroken ? (send as () => Promise<Reply>)() : transport.send(request, options),
      },
    })
    const one = await oneNote(rig)
    await rig.advance()
    expect(rig.eventsOf('operation.retrying')).toMatchObject([
      { id: one, outcome: 'unknown', status: null },
    ])
    isBroken = false
    await rig.advance(1000)
    expect(rig.eventsOf('operation.completed')).toMatchObject([{ id: one }])
    expect(rig.eventsOf('error')).toEqual([])
  })
})

// Q9
test('the excerpt of a reply that is kept is bounded and holds no secret', async () => {
  const token = 'secret-of-alice'
  const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJib2IifQ.c2lnbmF0dXJl'
  const rig = await Rig.start()
  await rig.login('alice', token)
  await rig.enqueue('one')
  const body = JSON.stringify({
    echo: `Bearer ${token}`,
    bare: token,
    other: jwt,
    refresh_token: 'r-1',
    password: 'p-1',
    filler: 'x'.repeat(5000),
  })
  rig.last.reply(422, { headers: { 'content-type': 'application/json' }, body })
  await rig.advance()
  const [letter] = (await rig.holdfast.deadLetters()).items
  expect(letter).toMatchObject({ state: 'dead', status: 422, reason: 'rejected' })
  const excerpt = letter?.state === 'dead' ? (letter.excerpt ?? '') : ''
  expect(excerpt.length).toBeLessThanOrEqual(256)
  expect(excerpt).toContain('[redacted]')
  for (const secret of [token, jwt, 'r-1', 'p-1']) expect(excerpt).not.toContain(secret)
})
