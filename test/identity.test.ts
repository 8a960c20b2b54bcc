/** Who is logged in and what the server demands (I1, I2, I7, I8, I10). */
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { defineOperation } from '../src/operations/define-operation.ts'
import { note, replying, Rig } from './support/rig.ts'
import { Watched } from './support/watched.ts'

// I1
describe('login() and logout()', () => {
  test('change the identity at the call, before their promise', async () => {
    const rig = await Rig.start()
    const { holdfast } = rig
    const identities: unknown[] = []
    const calls = [holdfast.login('alice', { token: 'a1' })]
    identities.push(holdfast.status().identity)
    calls.push(holdfast.login('bob', { token: 'b1' }))
    identities.push(holdfast.status().identity)
    const loggedOut = holdfast.logout()
    identities.push(holdfast.status().identity)
    expect(identities).toEqual(['alice', 'bob', null])
    await rig.whileResting(Promise.all([...calls, loggedOut]))
    expect(rig.eventsOf('identity.changed')).toEqual([
      { user: 'alice', former: null },
      { user: 'bob', former: 'alice' },
      { user: null, former: 'bob' },
    ])
  })

  test('of nobody is nothing', async () => {
    const rig = await Rig.start()
    expect(await rig.whileResting(rig.holdfast.logout())).toEqual({ pending: 0 })
    expect(rig.eventsOf('identity.changed')).toEqual([])
  })

  test.each(['keep', 'flush', 'discard'] as const)(
    'with %s answers what was left (I7)',
    async (pending) => {
      const rig = await Rig.start()
      await rig.login('alice', 'a1')
      for (const text of ['one', 'two', 'three']) await rig.enqueue(text)
      const logout = new Watched(rig.holdfast.logout({ unsent: pending, deadlineMs: 1000 }))
      if (pending === 'flush') {
        rig.last.reply(200)
        await rig.advance(999)
      }
      await rig.time.rest()
      expect(logout.isOpen).toBe(pending === 'flush')
      await rig.advance(1)
      const left = { keep: 3, flush: 2, discard: 1 }[pending]
      expect(await rig.whileResting(logout.promise)).toEqual({ pending: left })
      expect(rig.eventsOf('operation.dropped')).toHaveLength(pending === 'discard' ? 2 : 0)
    },
  )

  // I7
  test.each([0, 1])(
    'with discard leaves nothing of an enqueue() that nobody awaits, behind %i that were awaited',
    async (awaitedCount) => {
      const rig = await Rig.start()
      await rig.login('alice')
      for (let nth = 0; nth < awaitedCount; nth += 1) await rig.enqueue('awaited')
      const enqueued = [note({ text: 'one' }), note({ text: 'two' })].map((draft) =>
        rig.holdfast.enqueue(draft),
      )
      const left = rig.holdfast.logout({ unsent: 'discard' })
      const receipts = await rig.whileResting(Promise.all(enqueued))
      expect(await rig.whileResting(left)).toEqual({ pending: 0 })
      expect(rig.eventsOf('operation.dropped').slice(awaitedCount)).toMatchObject(
        receipts.map(({ id }) => ({ id, reason: 'logout' })),
      )
    },
  )

  test('that flushes ends as soon as the lane is empty (I7)', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    const logout = new Watched(rig.holdfast.logout({ unsent: 'flush', deadlineMs: 60_000 }))
    await rig.advance(10)
    expect(logout.isOpen).toBe(true)
    rig.last.reply(200)
    await rig.advance()
    expect(await rig.whileResting(logout.promise)).toEqual({ pending: 0 })
    expect(rig.time.nextAt()).toBeNull()
  })
})

// I2
describe('the requirement', () => {
  test.each([
    ['required', 'off', 'off'],
    ['off', 'required', 'required'],
    ['required', 'unknown', 'required'],
    ['off', 'unknown', 'off'],
    ['unknown', 'unknown', 'unknown'],
  ] as const)('stored as %s, with the option %s, is %s', async (stored, option, found) => {
    const rig = await Rig.start({ requirement: 'unknown' })
    await rig.whileResting(rig.holdfast.setRequirement(stored))
    await rig.close()
    await rig.open({ requirement: option })
    expect(rig.holdfast.status().requirement).toBe(found)
    await rig.close()
    await rig.open({ requirement: 'unknown' })
    expect(rig.holdfast.status().requirement).toBe(found)
  })

  test('that changes is told, one that is said again is not', async () => {
    const rig = await Rig.start({ requirement: 'unknown' })
    for (const value of ['off', 'off', 'required', 'required'] as const) {
      await rig.whileResting(rig.holdfast.setRequirement(value))
    }
    expect(rig.eventsOf('requirement.changed')).toEqual([
      { requirement: 'off', suspected: false },
      { requirement: 'required', suspected: false },
    ])
  })

  test('that becomes required drops what is stored of nobody in one transaction, each reported (I3)', async () => {
    const rig = await Rig.start({ requirement: 'unknown' })
    const ids = [await rig.enqueue('one'), await rig.enqueue('two')]
    await rig.login('alice', 'a1')
    await rig.enqueue('three')
    await rig.whileResting(rig.holdfast.setRequirement('required'))
    await rig.advance()
    expect(rig.eventsOf('operation.dropped')).toEqual(
      ids.map((id) => ({ id, user: null, kind: 'note', reason: 'anonymous' })),
    )
    const dropped = rig.heard.filter(({ name }) => name === 'operation.dropped')
    expect(new Set(dropped.map(({ at }) => at)).size).toBe(1)
    expect(rig.bodies).toEqual(['three'])
  })
})

// I10
describe('under off a 401 to an unsigned request', () => {
  test('of nobody holds the anonymous lane, and is told; off said again frees it silently', async () => {
    const rig = await Rig.start({ requirement: 'off' })
    await rig.enqueue('one')
    rig.last.reply(401)
    await rig.advance()
    expect(rig.holdfast.status().requirement).toBe('off')
    expect(rig.holdsOf(null)).toEqual(['requirement-unknown'])
    expect(rig.eventsOf('requirement.changed')).toEqual([{ requirement: 'off', suspected: true }])
    expect(rig.eventsOf('operation.dead')).toEqual([])
    await rig.advance(3_600_000)
    expect(rig.sent).toHaveLength(1)
    await rig.whileResting(rig.holdfast.setRequirement('off'))
    rig.last.reply(200)
    await rig.advance()
    expect(rig.sent).toHaveLength(2)
    expect(rig.eventsOf('requirement.changed')).toHaveLength(1)
  })

  test('of a user parks that lane and opens a need; a token frees it', async () => {
    const rig = await Rig.start({ requirement: 'off' })
    await rig.login('alice')
    await rig.enqueue('one')
    rig.last.reply(401)
    await rig.advance()
    expect(rig.holdsOf('alice')).toEqual(['awaiting-token'])
    expect(rig.eventsOf('token.needed')).toEqual([
      { user: 'alice', reason: 'missing', generation: null },
    ])
    expect(rig.eventsOf('requirement.changed')).toEqual([{ requirement: 'off', suspected: true }])
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a1'))
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual([null, 'a1'])
  })

  test('that turns out to be right drops what nobody may send any more (I3)', async () => {
    const rig = await Rig.start({ requirement: 'off' })
    const id = await rig.enqueue('one')
    rig.last.reply(401)
    await rig.advance()
    await rig.whileResting(rig.holdfast.setRequirement('required'))
    await rig.advance()
    expect(rig.eventsOf('operation.dropped')).toMatchObject([{ id, reason: 'anonymous' }])
    expect(rig.sent).toHaveLength(1)
  })
})

// I8
describe('a device-scoped operation of a former user', () => {
  const unsubscribe = defineOperation({
    kind: 'unsubscribe',
    payload: z.object({ text: z.string() }),
    request: ({ payload }) => ({ method: 'POST', path: '/unsubscribe', body: payload }),
    deviceScoped: true,
  })

  async function withOneBehindANote(): Promise<{ rig: Rig; id: string }> {
    const rig = await Rig.start({ operations: [note, unsubscribe] })
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    const receipt = rig.holdfast.enqueue(unsubscribe({ text: 'device' }))
    const { id } = await rig.whileResting(receipt)
    await rig.enqueue('two')
    return { rig, id }
  }

  test('is dropped, never sent, though its turn comes in the tick of the login', async () => {
    const { rig, id } = await withOneBehindANote()
    rig.last.reply(200)
    const loggedIn = rig.holdfast.login('bob', { token: 'b1' })
    await rig.whileResting(loggedIn)
    await rig.advance()
    rig.last.reply(200)
    await rig.advance()
    expect(rig.eventsOf('operation.dropped')).toMatchObject([{ id, reason: 'superseded' }])
    expect(rig.bodies).toEqual(['one', 'two'])
  })

  test('is dropped, never sent, whenever between the reply to the one before it and its sending the login comes', async () => {
    let droppedCount = 0
    for (let steps = 0; steps < 40; steps += 1) {
      const { rig, id } = await withOneBehindANote()
      rig.last.reply(200)
      for (let n = 0; n < steps; n += 1) await Promise.resolve()
      const wasSent = rig.bodies.includes('device')
      await rig.whileResting(rig.holdfast.login('bob', { token: 'b1' }))
      await rig.advance()
      const dropped = rig.eventsOf('operation.dropped').map((drop) => [drop.id, drop.reason])
      expect(dropped).toEqual(wasSent ? [] : [[id, 'superseded']])
      expect(rig.bodies).toEqual(['one', wasSent ? 'device' : 'two'])
      if (!wasSent) droppedCount += 1
      rig.last.reply(200)
      await rig.advance()
    }
    // The reply is judged in one of these steps, and committed in a later one.
    expect(droppedCount).toBeGreaterThan(2)
    expect(droppedCount).toBeLessThan(40)
  })

  test('that is in flight already is left to end', async () => {
    const { rig, id } = await withOneBehindANote()
    rig.last.reply(200)
    await rig.advance()
    expect(rig.bodies).toEqual(['one', 'device'])
    await rig.login('bob', 'b1')
    rig.last.reply(200)
    await rig.advance()
    expect(rig.eventsOf('operation.dropped')).toEqual([])
    expect(rig.eventsOf('operation.completed').map((done) => done.id)).toContain(id)
  })

  test('stays with its user where they log in again', async () => {
    const { rig } = await withOneBehindANote()
    await rig.whileResting(rig.holdfast.logout())
    await rig.login('alice')
    for (let n = 0; n < 3; n += 1) {
      rig.last.reply(200)
      await rig.advance()
    }
    expect(rig.bodies).toEqual(['one', 'device', 'two'])
  })
})

// I12
test('forget() erases what is stored of a user, though their request is in flight', async () => {
  const rig = await Rig.start()
  await rig.login('alice', 'a1')
  await rig.enqueue('one')
  rig.last.reply(422)
  await rig.advance()
  const ids = [await rig.enqueue('two'), await rig.enqueue('three')]
  await rig.whileResting(rig.holdfast.forget('alice'))
  rig.last.reply(200)
  await rig.advance()
  expect(rig.eventsOf('operation.dropped').map(({ id, reason }) => [id, reason])).toEqual(
    expect.arrayContaining(ids.map((id) => [id, 'forgotten'])),
  )
  expect(rig.holdfast.status()).toMatchObject({ identity: null, lanes: [], tokenNeeds: [] })
  expect(rig.holdfast.status().counts).toEqual({ pending: 0, sending: 0, dead: 0 })
  for (const table of ['operations', 'letters', 'tokens', 'envelopes']) {
    const rows = rig.database.prepare(`SELECT * FROM holdfast_${table}`).all()
    expect({ table, rows }).toEqual({ table, rows: [] })
  }
  expect(rig.bodies).toEqual(['one', 'two'])
  rig.answer = replying(200)
  await rig.login('alice')
  await rig.enqueue('four')
  await rig.advance()
  expect(rig.eventsOf('token.needed')).toMatchObject([{ user: 'alice', reason: 'missing' }])
})

// I12, T3
test('a reply to what was forgotten is not judged by what came after it', async () => {
  const rig = await Rig.start()
  await rig.login('alice', 'a1')
  await rig.enqueue('one')
  const first = rig.last
  await rig.whileResting(rig.holdfast.forget('alice'))
  expect(first.signal.aborted).toBe(true)
  await rig.login('alice', 'a2')
  await rig.enqueue('two')
  await rig.login('bob', 'b1')
  await rig.enqueue('three')
  first.reply(401)
  await rig.advance()
  expect(rig.sent.map(({ token }) => token)).toEqual(['a1', 'a2', 'b1'])
  expect(rig.holdfast.status().tokenNeeds).toEqual([])
  for (const sent of rig.sent.slice(1)) sent.reply(200)
  await rig.advance()
  expect(rig.eventsOf('operation.completed').map(({ user }) => user)).toEqual(['alice', 'bob'])
})

// I12, T11
test('a refresh that comes back after forget() stores nothing', async () => {
  let answer: ((token: string) => void) | undefined
  const rig = await Rig.start({
    tokenSource: () =>
      new Promise((resolve) => {
        answer = resolve
      }),
  })
  await rig.login('alice')
  await rig.enqueue('one')
  await rig.advance()
  await rig.whileResting(rig.holdfast.forget('alice'))
  answer?.('a1')
  await rig.advance()
  expect(rig.database.prepare('SELECT * FROM holdfast_tokens').all()).toEqual([])
  expect(rig.time.nextAt()).toBeNull()
})
