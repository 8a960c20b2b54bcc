/** Tokens, refreshes and replies in every order (T3, T6, T7, T8, T11). */
import { describe, expect, test } from 'vitest'
import type { TokenRequest } from '../src/ports/token-source.ts'
import { type Gate, gate } from './support/gate.ts'
import { neighbours } from './support/neighbours.ts'
import { note, Rig, type RigOptions } from './support/rig.ts'

/** Calls of the token source, each answered by the test. */
function source() {
  const calls: (TokenRequest & Gate<string | null>)[] = []
  const tokens = (request: TokenRequest) => {
    const call = { ...request, ...gate<string | null>() }
    calls.push(call)
    return call.promise
  }
  return { calls, tokens }
}

async function start(options: RigOptions = {}) {
  const { calls, tokens } = source()
  const rig = await Rig.start({ tokenSource: tokens, ...options })
  await rig.login('alice', 'a1')
  const read = () => {
    const ended: unknown[] = []
    rig.holdfast.read({ request: () => ({ method: 'GET', path: '/r' }), after: [] }).then(
      ({ status }) => ended.push(status),
      (error: { readonly code?: unknown }) => ended.push(error.code),
    )
    return ended
  }
  return { rig, calls, read, tokens: () => rig.sent.map(({ token }) => token) }
}

// T8
describe('stale, stale, fresh, fresh, with one call of the source', () => {
  test.each([
    'both 401s come before the refresh has ended',
    'the second 401 comes after it',
    'the second comes while its token is being stored',
  ])('where %s', async (order) => {
    const { rig, calls, read, tokens } = await start()
    await rig.enqueue('one')
    const ended = read()
    await rig.advance()
    expect(tokens()).toEqual(['a1', 'a1'])
    const [first, second] = rig.sent
    first?.reply(401)
    if (order.startsWith('both')) second?.reply(401)
    await rig.advance()
    expect(calls).toHaveLength(1)
    calls[0]?.open('a2')
    if (order.includes('being stored')) second?.reply(401)
    await rig.advance()
    if (order.includes('after it')) second?.reply(401)
    await rig.advance()
    expect(tokens()).toEqual(['a1', 'a1', 'a2', 'a2'])
    for (const sent of rig.sent.slice(2)) sent.reply(200)
    await rig.advance()
    expect(ended).toEqual([200])
    expect(rig.eventsOf('operation.completed')).toHaveLength(1)
    expect(calls).toHaveLength(1)
    expect(rig.eventsOf('token.refreshFailed')).toEqual([])
    expect(rig.eventsOf('token.refused')).toHaveLength(1)
  })

  test('where the read is refused first and the write after the refresh', async () => {
    const { rig, calls, read, tokens } = await start()
    const ended = read()
    await rig.enqueue('one')
    const [first, second] = rig.sent
    first?.reply(401)
    await rig.advance()
    calls[0]?.open('a2')
    await rig.advance()
    second?.reply(401)
    await rig.advance()
    expect(tokens()).toEqual(['a1', 'a1', 'a2', 'a2'])
    for (const sent of rig.sent.slice(2)) sent.reply(200)
    await rig.advance()
    expect(ended).toEqual([200])
    expect(calls).toHaveLength(1)
  })

  test('where two reads are refused: the token is refused once, and each goes once more', async () => {
    const { rig, calls, read, tokens } = await start()
    const ends = [read(), read()]
    await rig.advance()
    for (const sent of rig.sent) sent.reply(401)
    await rig.advance()
    expect(rig.eventsOf('token.refused')).toHaveLength(1)
    calls[0]?.open('a2')
    await rig.advance()
    expect(tokens()).toEqual(['a1', 'a1', 'a2', 'a2'])
    for (const sent of rig.sent.slice(2)) sent.reply(401)
    await rig.advance()
    expect(ends).toEqual([['AUTH_REFRESH_FAILED'], ['AUTH_REFRESH_FAILED']])
    expect(rig.eventsOf('token.refreshFailed')).toHaveLength(1)
    expect(calls).toHaveLength(1)
  })
})

// T2, T6
describe('a token that is pushed while the source is asked', () => {
  test('is used at once; what the source answers later is not used', async () => {
    const { rig, calls, tokens } = await start()
    await rig.enqueue('one')
    rig.last.reply(401)
    await rig.advance()
    await rig.whileResting(rig.holdfast.updateToken('alice', 'pushed'))
    await rig.advance()
    expect(tokens()).toEqual(['a1', 'pushed'])
    calls[0]?.open('pulled')
    await rig.advance()
    rig.last.reply(200)
    await rig.enqueue('two')
    expect(tokens()).toEqual(['a1', 'pushed', 'pushed'])
    expect(calls).toHaveLength(1)
    expect(rig.eventsOf('token.updated').map(({ generation }) => generation)).toEqual([1, 2])
  })

  test('is not lost when the source answers the refused one', async () => {
    const { rig, calls, tokens } = await start()
    await rig.enqueue('one')
    rig.last.reply(401)
    await rig.advance()
    calls[0]?.open('a1')
    const pushed = rig.holdfast.updateToken('alice', 'pushed')
    await rig.whileResting(pushed)
    await rig.advance()
    expect(tokens()).toEqual(['a1', 'pushed'])
  })

  test('and is refused too does not ask twice at once', async () => {
    const { rig, calls, tokens } = await start()
    await rig.enqueue('one')
    rig.last.reply(401)
    await rig.advance()
    await rig.whileResting(rig.holdfast.updateToken('alice', 'pushed'))
    await rig.advance()
    rig.last.reply(401)
    await rig.advance()
    expect(calls).toHaveLength(1)
    calls[0]?.open('overtaken')
    await rig.advance(29_999)
    expect(calls).toHaveLength(1)
    expect(tokens()).toEqual(['a1', 'pushed'])
    await rig.advance(1)
    calls[1]?.open('pulled')
    await rig.advance()
    expect(tokens()).toEqual(['a1', 'pushed', 'pulled'])
  })

  test('ends the denial of the source with it (T6)', async () => {
    const { rig, calls, tokens } = await start()
    await rig.enqueue('one')
    rig.last.reply(401)
    await rig.advance()
    await rig.whileResting(rig.holdfast.updateToken('alice', 'pushed'))
    calls[0]?.open(null as never)
    await rig.advance()
    expect(tokens()).toEqual(['a1', 'pushed'])
    rig.last.reply(200)
    await rig.advance()
    expect(rig.eventsOf('token.needed')).toEqual([])
    expect(rig.eventsOf('operation.completed')).toHaveLength(1)
  })
})

// T11
describe('during a refresh', () => {
  test('a logout that keeps the lane lets it end, and the lane goes with the fresh token', async () => {
    const { rig, calls, tokens } = await start()
    await rig.enqueue('one')
    rig.last.reply(401)
    await rig.advance()
    await rig.whileResting(rig.holdfast.logout())
    calls[0]?.open('a2')
    await rig.advance()
    expect(tokens()).toEqual(['a1', 'a2'])
    expect(calls[0]?.signal.aborted).toBe(false)
  })

  test('a logout that discards ends the session: what comes back is not stored', async () => {
    const { rig, calls } = await start()
    await rig.enqueue('one')
    rig.last.reply(401)
    await rig.advance()
    await rig.whileResting(rig.holdfast.logout({ unsent: 'discard' }))
    calls[0]?.open('a2')
    await rig.advance()
    expect(rig.eventsOf('token.updated')).toHaveLength(1)
    await rig.login('alice')
    await rig.enqueue('two')
    expect(rig.sent).toHaveLength(1)
    expect(calls).toHaveLength(2)
    calls[1]?.open('a3')
    await rig.advance()
    expect(rig.last.token).toBe('a3')
  })

  test.each(['before', 'after'])(
    'the login of another user touches neither it nor the token (%s it ends)',
    async (when) => {
      const { rig, calls } = await start()
      await rig.enqueue('one')
      rig.last.reply(401)
      await rig.advance()
      if (when === 'before') await rig.login('bob', 'b1')
      calls[0]?.open('a2')
      if (when === 'after') await rig.login('bob', 'b1')
      await rig.advance()
      expect(calls[0]?.signal.aborted).toBe(false)
      expect(rig.last.token).toBe('a2')
      expect(rig.last.request.user).toBe('alice')
      await rig.enqueue('of bob')
      expect(rig.last.token).toBe('b1')
      expect(calls).toHaveLength(1)
    },
  )

  test('of one user, that of another is a call of its own', async () => {
    const { rig, calls } = await start()
    await rig.enqueue('one')
    rig.last.reply(401)
    await rig.advance()
    await rig.login('bob')
    await rig.enqueue('of bob')
    expect(calls.map(({ user }) => user)).toEqual(['alice', 'bob'])
    calls[1]?.open('b1')
    await rig.advance()
    expect(rig.last.token).toBe('b1')
    calls[0]?.open('a2')
    await rig.advance()
    expect(rig.last.token).toBe('a2')
  })

  test('a restart forgets the call, and asks anew', async () => {
    const { rig, calls } = await start()
    await rig.enqueue('one')
    rig.last.reply(401)
    await rig.advance()
    rig.crash()
    await rig.open()
    expect(calls).toHaveLength(2)
    calls[0]?.open('late')
    await rig.advance()
    expect(rig.sent).toHaveLength(1)
    calls[1]?.open('a2')
    await rig.advance()
    expect(rig.last.token).toBe('a2')
  })

  test('refreshToken() joins it (T6)', async () => {
    const { rig, calls } = await start()
    await rig.enqueue('one')
    rig.last.reply(401)
    await rig.advance()
    await rig.whileResting(rig.holdfast.refreshToken('alice'))
    expect(calls).toHaveLength(1)
  })
})

// T6
test('a source that gives no answer in time is unavailable; its late answer is still taken', async () => {
  const { rig, calls } = await start()
  await rig.enqueue('one')
  rig.last.reply(401)
  await rig.advance(60_000)
  expect(rig.eventsOf('token.refreshFailed')).toHaveLength(1)
  calls[0]?.open('late')
  await rig.advance()
  expect(rig.last.token).toBe('late')
  rig.last.reply(200)
  await rig.advance(3_600_000)
  expect(calls).toHaveLength(1)
})

// T3, T4
test('a 401 to a token that was replaced twice meanwhile goes on with the newest', async () => {
  const { rig, calls, tokens } = await start()
  await rig.enqueue('one')
  await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
  const updated = rig.holdfast.updateToken('alice', 'a3')
  rig.last.reply(401)
  await rig.whileResting(updated)
  await rig.advance()
  expect(tokens().at(-1)).toBe('a3')
  expect(tokens()).not.toContain('a2')
  expect(calls).toEqual([])
})

// T8
test('two lanes of two users refresh side by side, each refused token once', async () => {
  const { rig, calls } = await start()
  await rig.enqueue('of alice')
  await rig.login('bob', 'b1')
  await rig.enqueue('of bob')
  for (const sent of rig.sent) sent.reply(401)
  await rig.advance()
  expect(calls.map(({ user, reason }) => [user, reason])).toEqual([
    ['alice', 'refused'],
    ['bob', 'refused'],
  ])
  for (const call of calls) call.open(`${call.user}-2`)
  await rig.advance()
  expect(rig.sent.slice(2).map(({ token }) => token)).toEqual(['alice-2', 'bob-2'])
})

test('an enqueue in the very tick of the answer is sent once, with the fresh token', async () => {
  const { rig, calls, tokens } = await start()
  await rig.enqueue('one')
  rig.last.reply(401)
  await rig.advance()
  calls[0]?.open('a2')
  void rig.holdfast.enqueue(note({ text: 'two' }))
  await rig.advance()
  rig.last.reply(200)
  await rig.advance()
  expect(tokens()).toEqual(['a1', 'a2', 'a2'])
  expect(rig.bodies).toEqual(['one', 'one', 'two'])
})

// T11, Q17
describe('a login with a token, while another process ends the session of that user', () => {
  test.each([
    'is of the next session, also where this one hears of the end while it stores the token',
    'is of the next session, also where this one hears of the end after it has stored the token',
  ])('%s', async (order) => {
    const { first, second } = neighbours()
    await first.rig.open()
    await first.rig.login('alice', 'a1')
    await second.rig.open()
    await second.rig.whileResting(second.rig.holdfast.logout())
    const hearing = order.includes('while') ? first.hear() : null
    const loggedIn = first.rig.holdfast.login('alice', { token: 'a2' })
    await first.rig.whileResting(loggedIn)
    await hearing
    await first.hear()
    await first.rig.enqueue('one')
    expect(first.rig.sent.map(({ token }) => token)).toEqual(['a2'])
    expect(first.rig.eventsOf('token.needed')).toEqual([])
  })
})
