/** The token source: when it is asked, how often, and what becomes of its answers (T6, T8, T9). */
import { describe, expect, test } from 'vitest'
import { TokenDeniedError } from '../src/errors.ts'
import { replay } from '../src/journal/replay.ts'
import type { TokenRequest, TokenSource } from '../src/ports/token-source.ts'
import { WALL_START } from '../src/simulation/virtual-time.ts'
import { jwt } from './support/jwt.ts'
import { replying, Rig, type RigOptions } from './support/rig.ts'
import { throwing } from './support/throwing.ts'

interface Call extends TokenRequest {
  readonly at: number
  readonly yield: (token: string | null) => void
  readonly fail: (error: unknown) => void
}

/** A rig with a source whose calls the test answers. */
async function sourced(options: RigOptions = {}): Promise<{ rig: Rig; calls: Call[] }> {
  const calls: Call[] = []
  const rig = Rig.prepare(options)
  await rig.open({
    tokenSource: (request) =>
      new Promise((resolve, reject) => {
        calls.push({
          ...request,
          at: rig.time.now,
          yield: resolve,
          fail: (error) => reject(error as Error),
        })
      }),
  })
  return { rig, calls }
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

/** Takes good tokens only. */
const checking: RigOptions['answer'] = ({ token, reply }) =>
  reply(token?.startsWith('good') === true ? 200 : 401)

// T6
describe('a call of the source', () => {
  test('is one per user, shared by all who wait', async () => {
    const { rig, calls } = await sourced({ answer: checking })
    await rig.login('alice', 'bad')
    for (const text of ['one', 'two', 'three']) await rig.enqueue(text)
    await rig.advance(100)
    await rig.whileResting(rig.holdfast.refreshToken('alice'))
    await rig.whileResting(rig.holdfast.refreshToken('alice'))
    await rig.login('bob')
    await rig.enqueue('four')
    await rig.advance(100)
    expect(calls.map(({ user, reason }) => [user, reason])).toEqual([
      ['alice', 'refused'],
      ['bob', 'missing'],
    ])
    calls[0]?.yield('good-a')
    calls[1]?.yield('good-b')
    await rig.advance()
    expect(rig.eventsOf('operation.completed')).toHaveLength(4)
    expect(rig.eventsOf('token.needed')).toEqual([])
    expect(calls).toHaveLength(2)
  })

  test.each<[string, (call: Call) => void]>([
    ['null', (call) => call.yield(null)],
    ['a TokenDeniedError', (call) => call.fail(new TokenDeniedError())],
  ])('that is answered with %s signs the lane out, and the app is asked', async (_name, answer) => {
    const { rig, calls } = await sourced({ answer: checking })
    await rig.login('alice', 'bad')
    await rig.enqueue('one')
    await rig.advance()
    const call = calls[0]
    if (call !== undefined) answer(call)
    await rig.advance(3_600_000)
    expect(rig.holdsOf('alice')).toContain('signed-out')
    expect(rig.eventsOf('token.needed')).toMatchObject([{ user: 'alice', reason: 'refused' }])
    expect(calls).toHaveLength(1)
    expect(rig.time.nextAt()).toBeNull()
    await rig.whileResting(rig.holdfast.updateToken('alice', 'good'))
    await rig.advance()
    expect(rig.eventsOf('operation.completed')).toHaveLength(1)
    expect(rig.holdsOf('alice')).toEqual([])
  })

  test('after a denial is made by refreshToken() alone', async () => {
    const { rig, calls } = await sourced({ answer: checking })
    await rig.login('alice', 'bad')
    await rig.enqueue('one')
    await rig.advance()
    calls[0]?.yield(null)
    await rig.advance()
    await rig.enqueue('two')
    await rig.advance(1000)
    expect(calls).toHaveLength(1)
    await rig.whileResting(rig.holdfast.refreshToken('alice'))
    expect(calls).toHaveLength(2)
    calls[1]?.yield('good')
    await rig.advance()
    expect(rig.eventsOf('operation.completed')).toHaveLength(2)
  })

  test.each<[string, (call: Call) => void]>([
    ['throws', (call) => call.fail(new Error('offline'))],
    ['throws what is no error', (call) => call.fail('offline')],
    ['throws nothing', (call) => call.fail(undefined)],
    ['answers a number', (call) => call.yield(5 as never)],
    ['answers an empty token', (call) => call.yield('')],
    ['answers an object', (call) => call.yield({ token: 'good' } as never)],
  ])(
    'that %s counts as unavailable: asked again after 1 s, doubling to 5 min',
    async (_n, answer) => {
      const { rig, calls } = await sourced({ answer: checking })
      await rig.login('alice', 'bad')
      await rig.enqueue('one')
      const waits: number[] = []
      await rig.advance()
      for (let n = 0; n < 11; n += 1) {
        const call = calls[n]
        if (call !== undefined) answer(call)
        await rig.advance()
        const waitMs = (rig.time.nextAt() ?? Number.NaN) - rig.time.now
        waits.push(waitMs)
        await rig.advance(waitMs)
      }
      expect(waits.slice(0, 4)).toEqual([1000, 2000, 4000, 8000])
      expect(waits.slice(-2)).toEqual([300_000, 300_000])
      expect(rig.eventsOf('token.needed')).toEqual([])
      expect(rig.holdfast.status().tokenNeeds).toMatchObject([{ reason: 'refused' }])
      expect(rig.eventsOf('token.refreshFailed')[0]).toMatchObject({
        error: { code: 'AUTH_SOURCE_FAILED', retryable: true },
      })
    },
  )

  test.each<[string, () => unknown]>([
    ['throws', throwing(new Error('bug'))],
    ['throws nothing', throwing(undefined)],
    ['throws a word', throwing('bug')],
    ['answers a number', () => 5],
    ['answers an object', () => ({ token: 'good' })],
    ['answers an object that cannot be looked at', revoked],
    ['answers true', () => true],
  ])('that %s, at once, counts as unavailable too', async (_what, tokens) => {
    const rig = await Rig.start({ answer: checking, tokenSource: tokens as TokenSource })
    await rig.login('alice')
    await rig.enqueue('one')
    await rig.advance(1000)
    expect(rig.eventsOf('token.refreshFailed').map(({ error }) => error.code)).toEqual([
      'AUTH_SOURCE_FAILED',
      'AUTH_SOURCE_FAILED',
    ])
    expect(rig.holdsOf('alice')).toEqual(['awaiting-token'])
    await rig.whileResting(rig.holdfast.updateToken('alice', 'good'))
    await rig.advance()
    expect(rig.eventsOf('operation.completed')).toHaveLength(1)
    await rig.close()
    expect((await replay(rig.journal.lines().join('\n'))).withStorage).toBe(true)
  })

  test('that never ends leaves close() nothing to wait for', async () => {
    const { rig } = await sourced()
    await rig.login('alice')
    await rig.enqueue('one')
    await rig.advance(200_000)
    await rig.close(5000)
    expect(rig.time.nextAt()).toBeNull()
  })

  test('without an answer for 60 s counts as unavailable; a late one is still taken', async () => {
    const { rig, calls } = await sourced({ answer: checking })
    await rig.login('alice', 'bad')
    await rig.enqueue('one')
    await rig.advance(59_999)
    expect(rig.eventsOf('token.refreshFailed')).toEqual([])
    await rig.advance(1)
    expect(rig.eventsOf('token.refreshFailed')).toHaveLength(1)
    expect(calls[0]?.signal.aborted).toBe(true)
    await rig.advance(500)
    calls[0]?.yield('good')
    await rig.advance()
    expect(rig.eventsOf('operation.completed')).toHaveLength(1)
    await rig.advance(600_000)
    expect(calls).toHaveLength(1)
  })

  test('is ended in its wait by refreshToken(), and by a token that the app pushes', async () => {
    const { rig, calls } = await sourced({ answer: checking })
    await rig.login('alice', 'bad')
    await rig.enqueue('one')
    await rig.advance()
    calls[0]?.fail(new Error('offline'))
    await rig.advance(10)
    await rig.whileResting(rig.holdfast.refreshToken('alice'))
    expect(calls.map(({ at }) => at)).toEqual([0, 10])
    calls[1]?.fail(new Error('offline'))
    await rig.advance(10)
    await rig.whileResting(rig.holdfast.updateToken('alice', 'good'))
    await rig.advance(600_000)
    expect(calls).toHaveLength(2)
    expect(rig.eventsOf('operation.completed')).toHaveLength(1)
  })

  test('is always made by refreshToken(), with a valid token too', async () => {
    const { rig, calls } = await sourced({ answer: checking })
    await rig.login('alice', 'good-1')
    await rig.whileResting(rig.holdfast.refreshToken('alice'))
    calls[0]?.yield('good-2')
    await rig.advance()
    await rig.enqueue('one')
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual(['good-2'])
  })

  test.each<[string, (rig: Rig) => Promise<unknown>]>([
    ['the engine closes', (rig) => rig.close()],
    ['the session ends', (rig) => rig.whileResting(rig.holdfast.logout({ unsent: 'discard' }))],
    ['its user is forgotten', (rig) => rig.whileResting(rig.holdfast.forget('alice'))],
    ['there is no answer for 60 s', (rig) => rig.advance(60_000)],
  ])('gets a signal that is aborted when %s', async (_when, end) => {
    const { rig, calls } = await sourced()
    await rig.login('alice')
    await rig.enqueue('one')
    await rig.advance(59_000)
    expect(calls[0]?.signal.aborted).toBe(false)
    await end(rig)
    expect(calls[0]?.signal.aborted).toBe(true)
  })

  test('gets a signal that a logout with something pending, and the login of another, leave alone', async () => {
    const { rig, calls } = await sourced()
    await rig.login('alice')
    await rig.enqueue('one')
    await rig.whileResting(rig.holdfast.logout())
    await rig.login('bob')
    await rig.advance(1000)
    expect(calls[0]?.signal.aborted).toBe(false)
  })

  test('gets a signal that is aborted as soon as close() is called', async () => {
    const { rig, calls } = await sourced({ answer: () => undefined })
    await rig.login('bob', 'good')
    await rig.enqueue('in flight')
    await rig.login('alice')
    await rig.enqueue('one')
    const closed = rig.holdfast.close({ deadlineMs: 5000 })
    await rig.advance()
    expect(calls[0]?.signal.aborted).toBe(true)
    await rig.advance(5000)
    await closed
  })

  test('whose answer says TokenDeniedError in any realm is a denial', async () => {
    const { rig, calls } = await sourced({ answer: checking })
    await rig.login('alice', 'bad')
    await rig.enqueue('one')
    await rig.advance()
    calls[0]?.fail(Object.assign(new Error('sign in'), { name: 'TokenDeniedError' }))
    await rig.advance()
    expect(rig.holdsOf('alice')).toContain('signed-out')
  })

  test('in the name of a user called like a member of every object is one of that user', async () => {
    const { rig, calls } = await sourced({ answer: checking })
    for (const user of ['__proto__', 'constructor', 'toString', '0', 'null']) {
      await rig.login(user)
      await rig.enqueue('one')
    }
    await rig.advance()
    expect(calls.map(({ user }) => user)).toEqual([
      '__proto__',
      'constructor',
      'toString',
      '0',
      'null',
    ])
    for (const call of calls) call.yield(`good-${call.user}`)
    await rig.advance()
    expect(rig.sent.map(({ request, token }) => [request.user, token])).toEqual(
      calls.map(({ user }) => [user, `good-${user}`]),
    )
  })
})

// T6
describe('of the calls of the source', () => {
  const users = ['alice', 'bob', 'carol', 'dave', 'erin']

  /** Everyone needs a token, in this order. */
  async function crowded(maxSourceCalls?: number, names: readonly string[] = users) {
    const opened = await sourced(maxSourceCalls === undefined ? {} : { maxSourceCalls })
    for (const user of names) {
      await opened.rig.login(user)
      await opened.rig.enqueue('one')
    }
    return { ...opened, called: () => opened.calls.map(({ user }) => user) }
  }

  test('16 are in flight over all users, unless told otherwise', async () => {
    const many = Array.from({ length: 20 }, (_, n) => `user-${n}`)
    const { calls, called, rig } = await crowded(undefined, many)
    expect(called()).toEqual(many.slice(0, 16))
    calls[3]?.yield('token')
    await rig.advance()
    expect(called()).toEqual(many.slice(0, 17))
  })

  test('the others wait in line, and each that ends makes room for the first', async () => {
    const { calls, called, rig } = await crowded(2)
    expect(called()).toEqual(['alice', 'bob'])
    calls[1]?.yield('b')
    await rig.advance()
    expect(called()).toEqual(['alice', 'bob', 'carol'])
    calls[0]?.fail(new Error('offline'))
    await rig.advance()
    expect(called()).toEqual(['alice', 'bob', 'carol', 'dave'])
    calls[2]?.yield(null)
    await rig.advance()
    // The second try of alice stands behind erin.
    await rig.advance(1000)
    expect(called()).toEqual(['alice', 'bob', 'carol', 'dave', 'erin'])
    calls[3]?.yield('d')
    await rig.advance()
    expect(called()).toEqual(['alice', 'bob', 'carol', 'dave', 'erin', 'alice'])
  })

  test('one without an answer for 60 s takes no room', async () => {
    const { called, rig } = await crowded(2)
    await rig.advance(60_000)
    expect(called()).toEqual(['alice', 'bob', 'carol', 'dave'])
  })

  test('one of a session that has ended takes no room, and a user who waits may leave the line', async () => {
    const { called, rig } = await crowded(2)
    await rig.whileResting(rig.holdfast.forget('carol'))
    await rig.whileResting(rig.holdfast.forget('alice'))
    await rig.advance()
    expect(called()).toEqual(['alice', 'bob', 'dave'])
    await rig.advance(600_000)
    expect(called()).not.toContain('carol')
  })

  test('one that waits in line is joined by refreshToken()', async () => {
    const { called, calls, rig } = await crowded(1, ['alice', 'bob'])
    await rig.whileResting(rig.holdfast.refreshToken('bob'))
    expect(called()).toEqual(['alice'])
    calls[0]?.yield('a')
    await rig.advance()
    calls[1]?.yield('b')
    await rig.advance()
    expect(called()).toEqual(['alice', 'bob'])
  })
})

// T8
describe('a refreshed token that is refused too', () => {
  test('is asked for again only after 30 s, doubling to 15 min; the cause is the first 401', async () => {
    const { rig, calls } = await sourced({ answer: checking })
    await rig.login('alice', 'bad')
    await rig.enqueue('one')
    await rig.advance()
    const waits: number[] = []
    for (let n = 0; n < 8; n += 1) {
      calls[n]?.yield(`bad-${n}`)
      await rig.advance()
      const waitMs = (rig.time.nextAt() ?? Number.NaN) - rig.time.now
      waits.push(waitMs)
      await rig.advance(waitMs)
    }
    expect(waits.map((wait) => wait / 1000)).toEqual([30, 60, 120, 240, 480, 900, 900, 900])
    const failures = rig.eventsOf('token.refreshFailed').map(({ error }) => error)
    expect(failures).toHaveLength(8)
    for (const error of failures) {
      expect(error.code).toBe('AUTH_REFRESH_FAILED')
      expect(error.cause).toBe(failures[0]?.cause)
      expect(error.cause).toMatchObject({ code: 'AUTH_TOKEN_REFUSED' })
    }
    expect(rig.eventsOf('operation.dead')).toEqual([])
  })

  test('and is yielded again counts the same', async () => {
    const { rig, calls } = await sourced({ answer: checking })
    await rig.login('alice', 'bad')
    await rig.enqueue('one')
    await rig.advance()
    calls[0]?.yield('bad')
    await rig.advance()
    expect(rig.eventsOf('token.refreshFailed')).toMatchObject([
      { error: { code: 'AUTH_REFRESH_FAILED', cause: { code: 'AUTH_TOKEN_REFUSED' } } },
    ])
    expect(rig.sent).toHaveLength(1)
    await rig.advance(29_999)
    expect(calls).toHaveLength(1)
    await rig.advance(1)
    expect(calls).toHaveLength(2)
  })

  test('gives way at once to one that the app pushes; accepted, it makes the count begin anew', async () => {
    const { rig, calls } = await sourced({ answer: checking })
    await rig.login('alice', 'bad')
    await rig.enqueue('one')
    await rig.advance()
    calls[0]?.yield('bad-2')
    await rig.advance(100)
    await rig.whileResting(rig.holdfast.updateToken('alice', 'good'))
    await rig.advance()
    expect(rig.eventsOf('operation.completed')).toHaveLength(1)
    rig.answer = replying(401)
    await rig.enqueue('two')
    await rig.advance()
    expect(calls).toHaveLength(2)
  })
})

// T9
describe('a refresh ahead', () => {
  const short = () => jwt({ iat: WALL_START, exp: WALL_START + 600_000 })

  test('is asked for by work, never by the clock of an idle engine', async () => {
    const { rig, calls } = await sourced({ answer: replying(200) })
    await rig.login('alice', short())
    await rig.advance(580_000)
    expect(calls).toEqual([])
    expect(rig.time.nextAt()).toBeNull()
    await rig.enqueue('one')
    expect(calls.map(({ reason }) => reason)).toEqual(['expiring'])
    expect(rig.bodies).toEqual(['one'])
  })

  test('is asked for once per generation, unless it failed', async () => {
    const { rig, calls } = await sourced({ answer: replying(200) })
    await rig.login('alice', short())
    await rig.advance(575_000)
    await rig.enqueue('one')
    await rig.enqueue('two')
    expect(calls).toHaveLength(1)
    calls[0]?.fail(new Error('offline'))
    await rig.advance(2000)
    expect(calls).toHaveLength(1)
    await rig.enqueue('three')
    expect(calls).toHaveLength(2)
    expect(rig.bodies).toEqual(['one', 'two', 'three'])
  })

  test('that is denied keeps the token while it still works, and asks the app once', async () => {
    const { rig, calls } = await sourced({ answer: replying(200) })
    await rig.login('alice', short())
    await rig.advance(575_000)
    await rig.enqueue('one')
    calls[0]?.yield(null)
    await rig.advance()
    await rig.enqueue('two')
    await rig.advance()
    expect(rig.bodies).toEqual(['one', 'two'])
    expect(rig.holdsOf('alice')).toEqual([])
    expect(rig.eventsOf('token.needed')).toMatchObject([{ reason: 'expiring' }])
  })

  test('came too late: with an expired token the lane waits for a fresh one', async () => {
    const { rig, calls } = await sourced({ answer: replying(200) })
    await rig.login('alice', short())
    await rig.advance(600_000)
    await rig.enqueue('one')
    expect(rig.sent).toEqual([])
    expect(rig.holdsOf('alice')).toEqual(['awaiting-token'])
    expect(calls.map(({ reason }) => reason)).toEqual(['expired'])
    calls[0]?.yield('opaque')
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual(['opaque'])
  })

  test('under off is not asked for, whatever the end of the token (I4)', async () => {
    const { rig, calls } = await sourced({ answer: replying(200), requirement: 'off' })
    await rig.login('alice', short())
    await rig.advance(700_000)
    await rig.enqueue('one')
    await rig.advance()
    expect(calls).toEqual([])
    expect(rig.sent).toHaveLength(1)
  })
})
