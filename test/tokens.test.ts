/** Tokens that the app pushes, and what 401 and expiry do (T2 to T4, T7, T9, T10, I11). */
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { ServerClock } from '../src/engine/tokens/server-clock.ts'
import { readToken } from '../src/engine/tokens/token.ts'
import { WALL_START } from '../src/simulation/virtual-time.ts'
import { jwt } from './support/jwt.ts'
import { replying, Rig } from './support/rig.ts'

// T2
describe('updateToken()', () => {
  test('works for any user, current or not, also for one never seen', async () => {
    const rig = await Rig.start({ answer: replying(200) })
    await rig.whileResting(rig.holdfast.updateToken('bob', 'b1'))
    await rig.login('bob')
    await rig.enqueue('one')
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual(['b1'])
  })

  test('with the current valid one is silent', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a1'))
    expect(rig.eventsOf('token.updated')).toEqual([{ user: 'alice', generation: 1 }])
  })

  test('with the refused one is ignored, and the need stays open', async () => {
    const rig = await Rig.start({ answer: replying(401) })
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.advance()
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a1'))
    await rig.advance()
    expect(rig.sent).toHaveLength(1)
    expect(rig.holdsOf('alice')).toEqual(['awaiting-token'])
    expect(rig.holdfast.status().tokenNeeds).toMatchObject([{ user: 'alice', reason: 'refused' }])
    expect(rig.eventsOf('token.needed')).toHaveLength(1)
  })

  test('with the refused one after a restart is ignored too', async () => {
    const rig = await Rig.start({ answer: replying(401) })
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.advance()
    await rig.close()
    await rig.open()
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a1'))
    await rig.advance()
    expect(rig.sent).toHaveLength(1)
  })

  test('with one held for expired counts as arrived anew, and is sent', async () => {
    const token = jwt({ sub: 'alice', iat: WALL_START, exp: WALL_START + 60_000 })
    const rig = await Rig.start({
      tokenSource: () => new Promise(() => undefined),
      answer: replying(200),
    })
    await rig.login('alice', token)
    await rig.advance(61_000)
    await rig.enqueue('one')
    expect(rig.holdsOf('alice')).toEqual(['awaiting-token'])
    await rig.whileResting(rig.holdfast.updateToken('alice', token))
    await rig.advance()
    expect(rig.sent.map((sent) => sent.token)).toEqual([token])
    expect(rig.eventsOf('token.updated').map(({ generation }) => generation)).toEqual([1, 2])
  })

  test('called thrice at once keeps the order of the calls', async () => {
    const rig = await Rig.start({ answer: replying(200) })
    await rig.login('alice')
    const calls = ['a1', 'a2', 'a3'].map((token) => rig.holdfast.updateToken('alice', token))
    await rig.whileResting(Promise.all(calls))
    await rig.enqueue('one')
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual(['a3'])
    expect(rig.eventsOf('token.updated').map(({ generation }) => generation)).toEqual([1, 2, 3])
  })
})

// I11
describe('login() of the current user', () => {
  test('with a new token is a token update, without one nothing', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    await rig.login('alice')
    await rig.login('alice', 'a2')
    expect(rig.eventsOf('identity.changed')).toEqual([{ user: 'alice', former: null }])
    expect(rig.eventsOf('token.updated').map(({ generation }) => generation)).toEqual([1, 2])
    await rig.enqueue('one')
    expect(rig.last.token).toBe('a2')
  })
})

// T5
test('a fetch of a token that failed once is made again by work, and parks its user no longer', async () => {
  const rig = await Rig.start({ answer: replying(200) })
  let fetches = 0
  const fetchToken = async () => {
    fetches += 1
    if (fetches === 1) throw new Error('the issuer is away')
    return 'a1'
  }
  const failures: unknown[] = []
  rig.holdfast.on('token.needed', ({ user }) => {
    fetchToken()
      .then((token) => rig.holdfast.updateToken(user, token))
      .catch((error: unknown) => failures.push(error))
  })
  await rig.login('alice')
  await rig.enqueue('one')
  await rig.advance(30_000)
  expect(failures).toHaveLength(1)
  expect(rig.holdsOf('alice')).toEqual(['awaiting-token'])
  expect(rig.time.nextAt()).toBeNull()
  await rig.enqueue('two')
  await rig.advance()
  expect(fetches).toBe(2)
  expect(rig.bodies).toEqual(['one', 'two'])
})

// T5
test('a need that is told again is told to every listener, with its reason and generation', async () => {
  const rig = await Rig.start({ answer: replying(401) })
  await rig.login('alice', 'a1')
  await rig.enqueue('one')
  await rig.advance()
  rig.tell('offline')
  rig.tell('online')
  await rig.advance()
  expect(rig.eventsOf('token.needed')).toEqual([
    { user: 'alice', reason: 'refused', generation: 1 },
    { user: 'alice', reason: 'refused', generation: 1 },
  ])
  expect(rig.sent).toHaveLength(1)
})

// T3, T4, T7
describe('a 401', () => {
  test('to a token that has been replaced meanwhile is followed by the new one at once', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    rig.last.reply(401)
    await rig.advance()
    expect(rig.sent.map(({ at, token }) => [at, token])).toEqual([
      [0, 'a1'],
      [0, 'a2'],
    ])
    expect(rig.eventsOf('token.needed')).toEqual([])
    expect(rig.eventsOf('token.refused')).toEqual([])
  })

  test('in the very tick of a fresh token is followed by it at once, whichever comes first', async () => {
    for (const isReplyFirst of [true, false]) {
      const rig = await Rig.start()
      await rig.login('alice', 'a1')
      await rig.enqueue('one')
      if (isReplyFirst) rig.last.reply(401)
      const updated = rig.holdfast.updateToken('alice', 'a2')
      if (!isReplyFirst) rig.last.reply(401)
      await rig.whileResting(updated)
      await rig.advance()
      expect(rig.sent.map(({ token }) => token)).toEqual(['a1', 'a2'])
      expect(rig.holdsOf('alice')).toEqual([])
      expect(rig.holdfast.status().tokenNeeds).toEqual([])
    }
  })

  test('never kills: a hundred of them, and the operation is still there', async () => {
    const rig = await Rig.start({ answer: replying(401), maxAttempts: 1, patienceMs: 0 })
    await rig.login('alice')
    const id = await rig.enqueue('one')
    for (let n = 0; n < 100; n += 1) {
      await rig.whileResting(rig.holdfast.updateToken('alice', `a${n}`))
      // Longer than the longest wait after refused tokens (T8).
      await rig.advance(1_000_000)
    }
    expect(rig.sent).toHaveLength(100)
    expect(rig.eventsOf('operation.dead')).toEqual([])
    expect(rig.eventsOf('operation.retrying')).toEqual([])
    expect(rig.holdfast.status().lanes).toMatchObject([{ refusedTokens: 100, attempts: 0 }])
    rig.answer = replying(200)
    await rig.whileResting(rig.holdfast.updateToken('alice', 'good'))
    await rig.advance()
    expect(rig.eventsOf('operation.completed')).toMatchObject([{ id }])
  })

  test('does not touch the lanes of others', async () => {
    const rig = await Rig.start()
    await rig.login('bob', 'b1')
    await rig.enqueue('bob')
    await rig.login('alice', 'a1')
    await rig.enqueue('alice')
    rig.sent[1]?.reply(401)
    await rig.advance()
    rig.sent[0]?.reply(200)
    await rig.enqueue('alice 2')
    await rig.advance()
    expect(rig.eventsOf('operation.completed')).toHaveLength(1)
    expect(rig.holdsOf('alice')).toEqual(['awaiting-token'])
  })
})

// T8
describe('a token that is pushed after a refusal and refused itself', () => {
  test('is told of; the cause is the first 401, by identity, until a token is taken', async () => {
    const rig = await Rig.start({ answer: replying(401) })
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    for (const token of ['a2', 'a3']) {
      await rig.whileResting(rig.holdfast.updateToken('alice', token))
      await rig.advance()
    }
    const [second, third, ...others] = rig.eventsOf('token.refreshFailed')
    expect(others).toEqual([])
    expect(second?.error).toMatchObject({
      code: 'AUTH_REFRESH_FAILED',
      cause: { code: 'AUTH_TOKEN_REFUSED', message: expect.stringContaining('generation 1') },
    })
    expect(third?.error.cause).toBe(second?.error.cause)
    expect(rig.time.nextAt()).toBe(30_000)
    rig.answer = replying(200)
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a4'))
    await rig.advance()
    expect(rig.time.nextAt()).toBeNull()
    rig.answer = replying(401)
    await rig.enqueue('two')
    await rig.advance()
    expect(rig.eventsOf('token.refreshFailed')).toHaveLength(2)
  })

  test('is told of though the refusal was before a restart', async () => {
    const rig = await Rig.start({ answer: replying(401) })
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.advance()
    await rig.close()
    await rig.open()
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    await rig.advance()
    expect(rig.eventsOf('token.refreshFailed')).toHaveLength(1)
  })

  test('is not told of where it is of the next session (T11)', async () => {
    const rig = await Rig.start({ answer: replying(401) })
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.advance()
    await rig.whileResting(rig.holdfast.logout({ unsent: 'discard' }))
    await rig.login('alice', 'a2')
    await rig.enqueue('two')
    await rig.advance()
    expect(rig.eventsOf('token.refused')).toHaveLength(2)
    expect(rig.eventsOf('token.refreshFailed')).toEqual([])
  })
})

// T10
test('403 neither refreshes nor signs out: the operation is rejected', async () => {
  let calls = 0
  const rig = await Rig.start({
    answer: replying(403),
    tokenSource: () => {
      calls += 1
      return 'a2'
    },
  })
  await rig.login('alice', 'a1')
  await rig.enqueue('one')
  await rig.advance()
  expect(calls).toBe(0)
  expect(rig.eventsOf('operation.dead')).toMatchObject([{ reason: 'rejected', status: 403 }])
  expect(rig.holdfast.status().tokenNeeds).toEqual([])
})

// T9
describe("the server's clock", () => {
  const minute = 60_000

  test('is believed where it differs by 5 s or more', () => {
    const clock = new ServerClock()
    const date = (ms: number) => new Date(WALL_START + ms).toUTCString()
    clock.heard(date(4000), WALL_START)
    expect(clock.now(WALL_START)).toBe(WALL_START)
    clock.heard(date(5000), WALL_START)
    expect(clock.now(WALL_START)).toBe(WALL_START + 5000)
    clock.heard(date(-minute), WALL_START)
    expect(clock.now(WALL_START)).toBe(WALL_START - minute)
    clock.heard('nonsense', WALL_START)
    clock.heard(undefined, WALL_START)
    expect(clock.now(WALL_START)).toBe(WALL_START - minute)
    clock.heard(date(0), WALL_START)
    expect(clock.now(WALL_START)).toBe(WALL_START)
  })

  test('saves a token from a client whose clock runs ahead', async () => {
    const token = jwt({ iat: WALL_START, exp: WALL_START + 60 * minute })
    const asked: string[] = []
    const rig = await Rig.start({
      tokenSource: ({ reason }) => {
        asked.push(reason)
        return new Promise(() => undefined)
      },
      answer: ({ reply }) =>
        reply(200, { headers: { date: new Date(WALL_START).toUTCString() }, body: '{}' }),
    })
    await rig.login('alice', token)
    rig.time.wallShift = 30 * minute
    await rig.enqueue('one')
    await rig.advance()
    rig.time.wallShift = 90 * minute
    await rig.enqueue('two')
    await rig.advance()
    expect(rig.bodies).toEqual(['one'])
    expect(asked).toEqual(['expired'])
  })
})

// T9
describe('without a source', () => {
  test('a token near its end is asked for once, and goes on being sent', async () => {
    const token = jwt({ iat: WALL_START, exp: WALL_START + 600_000 })
    const rig = await Rig.start({ answer: replying(200) })
    await rig.login('alice', token)
    await rig.advance(569_999)
    await rig.enqueue('one')
    expect(rig.eventsOf('token.needed')).toEqual([])
    await rig.advance(1)
    for (const text of ['two', 'three']) await rig.enqueue(text)
    await rig.advance(600_000)
    await rig.enqueue('four')
    await rig.advance()
    expect(rig.bodies).toEqual(['one', 'two', 'three', 'four'])
    expect(rig.eventsOf('token.needed')).toMatchObject([{ reason: 'expiring' }])
    expect(rig.holdsOf('alice')).toEqual([])
  })

  test('the margin of a short-lived token is a tenth of its life', async () => {
    const rig = await Rig.start({ answer: replying(200) })
    await rig.login('alice', jwt({ iat: WALL_START, exp: WALL_START + 60_000 }))
    await rig.advance(53_999)
    await rig.enqueue('one')
    expect(rig.eventsOf('token.needed')).toEqual([])
    await rig.advance(1)
    await rig.enqueue('two')
    expect(rig.eventsOf('token.needed')).toHaveLength(1)
  })

  test('a token that looks expired on arrival is sent all the same, and asked for by nobody', async () => {
    const rig = await Rig.start({ answer: replying(200) })
    await rig.login('alice', jwt({ iat: WALL_START - 60_000, exp: WALL_START - 1000 }))
    await rig.enqueue('one')
    await rig.advance()
    expect(rig.sent).toHaveLength(1)
    expect(rig.eventsOf('token.needed')).toEqual([])
  })
})

// T1
describe('a token', () => {
  const token = readToken('the-secret', 'key', null)

  test('shows its fingerprint, never its secret', () => {
    const shown = [String(token), JSON.stringify(token), inspect(token, { showHidden: true })]
    for (const text of shown) {
      expect(text).toContain(token.facts.fingerprint)
      expect(text).not.toContain('the-secret')
    }
    expect(token.reveal()).toBe('the-secret')
  })

  test('has another fingerprint under another key', () => {
    expect(readToken('the-secret', 'other', null).facts.fingerprint).not.toBe(
      token.facts.fingerprint,
    )
    expect(readToken('the-secret', 'key', null).facts).toEqual(token.facts)
  })
})
