/** What the anonymous identity has pending goes to who logs in (I3), and what outlives a user (I7, I8, I12). */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { defineOperation } from '../src/operations/define-operation.ts'
import { memoryVault } from '../src/ports/vault.ts'
import { create, echo, positioned, use } from './support/kinds.ts'
import { count, note, replying, Rig } from './support/rig.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const keys = (rig: Rig) => rig.sent.map(({ request }) => request.headers['idempotency-key'])

// I3
describe('adoption', () => {
  const adopt = { requirement: 'unknown', anonymous: 'adopt' } as const

  test('puts it behind what the user has pending, in order', async () => {
    const rig = await Rig.start(adopt)
    await rig.login('alice', 'a1')
    await rig.enqueue('of alice')
    await rig.whileResting(rig.holdfast.logout())
    const ids = [await rig.enqueue('one'), await rig.enqueue('two')]
    await rig.login('alice')
    await rig.enqueue('after')
    rig.answer = replying(200)
    await rig.whileResting(rig.holdfast.setRequirement('required'))
    await rig.advance()
    expect(rig.bodies).toEqual(['of alice', 'one', 'two', 'after'])
    expect(rig.sent.map(({ token }) => token)).toEqual(['a1', 'a1', 'a1', 'a1'])
    expect(rig.sent.slice(1, 3).flatMap(({ request }) => request.operations)).toEqual(ids)
  })

  test('keeps the key of an envelope of unknown outcome', async () => {
    const rig = await Rig.start({ ...adopt, whileUnknown: 'send' })
    for (const by of [1, 2]) await rig.whileResting(rig.holdfast.enqueue(count({ by })))
    rig.last.fail()
    await rig.advance()
    await rig.login('alice', 'a1')
    rig.answer = replying(200)
    await rig.advance(60_000)
    const [first, second] = rig.sent
    expect(second?.request.user).toBe('alice')
    expect(keys(rig)[1]).toBe(keys(rig)[0])
    expect(second?.request.body).toBe(first?.request.body)
    expect(rig.bodies).toEqual([1, 1, 2])
  })

  test('keeps the wait that the server asked for', async () => {
    const rig = await Rig.start({ ...adopt, whileUnknown: 'send' })
    await rig.enqueue('one')
    rig.last.reply(425, { headers: { 'retry-after': '20' } })
    await rig.advance()
    await rig.login('alice', 'a1')
    await rig.advance(19_999)
    expect(rig.sent).toHaveLength(1)
    await rig.advance(1)
    expect(rig.sent).toHaveLength(2)
    expect(rig.last.request.user).toBe('alice')
  })

  test('leaves what is in flight until its outcome is known', async () => {
    const rig = await Rig.start({ ...adopt, whileUnknown: 'send' })
    await rig.enqueue('one')
    await rig.enqueue('two')
    const inFlight = rig.last
    await rig.login('alice', 'a1')
    expect(rig.last.request.user).toBe('alice')
    expect(rig.bodies).toEqual(['one', 'two'])
    inFlight.reply(500)
    await rig.advance()
    rig.last.reply(200)
    rig.answer = replying(200)
    await rig.advance(60_000)
    expect(rig.bodies).toEqual(['one', 'two', 'one'])
    expect(rig.last.request.user).toBe('alice')
    expect(keys(rig)[2]).toBe(keys(rig)[0])
  })

  test('happens once and one way: not for the next user, and not back', async () => {
    const rig = await Rig.start(adopt)
    await rig.enqueue('one')
    await rig.login('alice', 'a1')
    await rig.login('bob', 'b1')
    await rig.whileResting(rig.holdfast.logout())
    await rig.whileResting(rig.holdfast.setRequirement('required'))
    await rig.advance()
    expect(rig.sent.map(({ request }) => request.user)).toEqual(['alice'])
  })

  test('knows that what was refused has not arrived, also after a restart', async () => {
    const rig = await Rig.start({ ...adopt, requirement: 'off' })
    const id = await rig.enqueue('one')
    rig.last.reply(401)
    await rig.advance()
    await rig.whileResting(rig.holdfast.setRequirement('required'))
    rig.crash()
    await rig.open({ requirement: 'required' })
    await rig.login('alice')
    await rig.whileResting(rig.holdfast.cancel(id))
    expect(rig.eventsOf('operation.cancelled')).toMatchObject([{ id }])
  })

  test('leaves no doubt behind: what comes next can be cancelled', async () => {
    const rig = await Rig.start({ ...adopt, operations: [note, create] })
    // A dead letter keeps the lane.
    await rig.whileResting(rig.holdfast.setRequirement('off'))
    await rig.enqueue('dead')
    rig.last.reply(400)
    await rig.advance()
    await rig.whileResting(rig.holdfast.setRequirement('required'))
    await rig.enqueue('one')
    rig.crash()
    await rig.open({ requirement: 'required' })
    await rig.login('alice')
    await rig.whileResting(rig.holdfast.logout())
    const id = await rig.enqueue('two')
    await rig.whileResting(rig.holdfast.cancel(id))
    expect(rig.eventsOf('operation.cancelled')).toMatchObject([{ id }])
  })

  test('does not happen under off', async () => {
    const rig = await Rig.start({ ...adopt, requirement: 'off' })
    await rig.enqueue('one')
    const inFlight = rig.last
    await rig.enqueue('two')
    await rig.login('alice', 'a1')
    inFlight.reply(200)
    await rig.advance()
    expect(rig.sent.map(({ request }) => request.user)).toEqual([null, null])
  })

  test('takes the records along: what needs them is not held up', async () => {
    const rig = await Rig.start({ ...adopt, operations: [note, create] })
    await rig.whileResting(rig.holdfast.enqueue(create({ record: 'r1' })))
    await rig.login('alice', 'a1')
    await rig.whileResting(rig.holdfast.enqueue(create({ record: 'r2', needs: ['r1'] })))
    rig.answer = (sent) => echo(sent)
    await rig.whileResting(rig.holdfast.setRequirement('required'))
    await rig.advance()
    expect(rig.bodies).toEqual(['r1', 'r2,srv-r1'])
  })
})

// Q12
describe('a record that is to be created behind what needs it', () => {
  test('is missing where its creation was adopted: an optional need is cleared, a required one kills', async () => {
    const rig = await Rig.start({
      requirement: 'off',
      anonymous: 'adopt',
      operations: [create, use],
    })
    await rig.whileResting(rig.holdfast.enqueue(create({ record: 'r1' })))
    const creation = rig.last
    await rig.login('alice', 'a1')
    await rig.whileResting(rig.holdfast.enqueue(use({ optional: ['r1'] })))
    const { id } = await rig.whileResting(rig.holdfast.enqueue(use({ required: ['r1'] })))
    await rig.whileResting(rig.holdfast.setRequirement('required'))
    creation.reply(500)
    rig.answer = (sent) => echo(sent)
    await rig.advance(60_000)
    expect(rig.bodies).toEqual(['r1', [null], 'r1'])
    expect(rig.eventsOf('operation.dead')).toMatchObject([{ id, reason: 'dependency-dead' }])
    await rig.whileResting(rig.holdfast.retry(id))
    await rig.advance()
    expect(rig.bodies.at(-1)).toEqual(['srv-r1'])
  })

  test('is missing where its creation had a later place in the lane that it was adopted from', async () => {
    const rig = await Rig.start({
      requirement: 'off',
      anonymous: 'adopt',
      operations: [note, create, use],
    })
    await rig.enqueue('ahead')
    await rig.whileResting(rig.holdfast.enqueue(create({ record: 'r1' })))
    rig.last.reply(200)
    await rig.advance()
    const creation = rig.last
    await rig.login('alice', 'a1')
    const { id } = await rig.whileResting(rig.holdfast.enqueue(use({ required: ['r1'] })))
    await rig.whileResting(rig.holdfast.setRequirement('required'))
    creation.reply(500)
    rig.answer = (sent) => echo(sent)
    await rig.advance(60_000)
    expect(rig.bodies).toEqual(['ahead', 'r1', 'r1'])
    expect(rig.eventsOf('operation.dead')).toMatchObject([{ id, reason: 'dependency-dead' }])
  })

  test('is missing where its creation was retried, as it was when that was sent first', async () => {
    const rig = await Rig.start({ operations: [note, create, use] })
    await rig.login('alice', 'a1')
    const { id } = await rig.whileResting(rig.holdfast.enqueue(create({ record: 'r1' })))
    await rig.whileResting(rig.holdfast.enqueue(use({ optional: ['r1'] })))
    rig.last.reply(400)
    await rig.advance()
    rig.last.fail()
    await rig.advance()
    await rig.whileResting(rig.holdfast.retry(id))
    rig.answer = (sent) => echo(sent)
    await rig.advance(60_000)
    expect(rig.bodies).toEqual(['r1', [null], [null], 'r1'])
    expect(keys(rig)[2]).toBe(keys(rig)[1])
  })

  test('is another one where it is only created later: the former one is meant, or the id itself', async () => {
    const rig = await Rig.start({ operations: [note, create, use] })
    await rig.login('alice', 'a1')
    rig.answer = (sent) => echo(sent)
    await rig.whileResting(rig.holdfast.enqueue(create({ record: 'r1' })))
    rig.holdfast.pause()
    await rig.whileResting(rig.holdfast.enqueue(use({ required: ['r1', 'r2'] })))
    for (const record of ['r1', 'r2']) {
      await rig.whileResting(rig.holdfast.enqueue(create({ record })))
    }
    rig.holdfast.resume()
    await rig.advance()
    expect(rig.bodies).toEqual(['r1', ['srv-r1', 'r2'], 'r1', 'r2'])
  })

  test('is another one where it is only created after the adoption of what needs it', async () => {
    const rig = await Rig.start({ anonymous: 'adopt', operations: [note, create, use] })
    await rig.whileResting(rig.holdfast.enqueue(use({ required: ['r1'] })))
    await rig.login('alice')
    await rig.whileResting(rig.holdfast.enqueue(create({ record: 'r1' })))
    rig.answer = (sent) => echo(sent)
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a1'))
    await rig.advance()
    expect(rig.bodies).toEqual([['r1'], 'r1'])
  })
})

// I7
describe('what a kind adds at a logout', () => {
  const farewell = defineOperation({
    kind: 'farewell',
    payload: z.object({ text: z.string() }),
    request: ({ payload }) => ({ method: 'POST', path: '/farewell', body: payload }),
    onLogout: ({ user }) => ({ text: `farewell, ${user ?? 'nobody'}` }),
  })
  const operations = [note, farewell]

  test.each(['keep', 'flush', 'discard'] as const)('is sent last, with %s', async (pending) => {
    const rig = await Rig.start({ operations })
    await rig.login('alice', 'a1')
    await rig.enqueue('in flight')
    await rig.enqueue('waiting')
    const loggedOut = rig.holdfast.logout({ unsent: pending })
    const inFlight = rig.last
    rig.answer = replying(200)
    inFlight.reply(200)
    await rig.whileResting(loggedOut)
    await rig.advance()
    const left = pending === 'discard' ? [] : ['waiting']
    expect(rig.bodies).toEqual(['in flight', ...left, 'farewell, alice'])
    expect(new Set(rig.sent.map(({ token }) => token))).toEqual(new Set(['a1']))
  })

  test('with discard does not save what was in flight and did not arrive', async () => {
    const rig = await Rig.start({ operations })
    await rig.login('alice', 'a1')
    const id = await rig.enqueue('in flight')
    await rig.whileResting(rig.holdfast.logout({ unsent: 'discard' }))
    rig.last.reply(500)
    rig.answer = replying(200)
    await rig.advance(60_000)
    expect(rig.bodies).toEqual(['in flight', 'farewell, alice'])
    expect(rig.eventsOf('operation.dropped')).toMatchObject([{ id, reason: 'logout' }])
  })

  test('with discard is sent, though nothing was in flight', async () => {
    const rig = await Rig.start({ operations })
    await rig.login('alice', 'a1')
    rig.holdfast.pause()
    await rig.enqueue('waiting')
    await rig.whileResting(rig.holdfast.logout({ unsent: 'discard' }))
    rig.answer = replying(200)
    rig.holdfast.resume()
    await rig.advance()
    expect(rig.bodies).toEqual(['farewell, alice'])
    expect(rig.last.token).toBe('a1')
  })

  test('with discard does not save what was enqueued in the very tick', async () => {
    const rig = await Rig.start({ operations })
    await rig.login('alice', 'a1')
    const enqueued = rig.holdfast.enqueue(note({ text: 'one' }))
    const loggedOut = rig.holdfast.logout({ unsent: 'discard' })
    rig.answer = replying(200)
    await rig.whileResting(Promise.all([enqueued, loggedOut]))
    await rig.advance()
    expect(rig.bodies).toEqual(['farewell, alice'])
  })
})

// I8
describe('a device-scoped operation', () => {
  const unsubscribe = defineOperation({
    kind: 'unsubscribe',
    payload: z.object({}),
    request: () => ({ method: 'POST', path: '/unsubscribe', body: {} }),
    deviceScoped: true,
  })
  const operations = [note, unsubscribe]

  test('of a former user is dropped once another one has logged in, also after a restart', async () => {
    const rig = await Rig.start({ operations, vault: memoryVault() })
    await rig.login('alice')
    const { id } = await rig.whileResting(rig.holdfast.enqueue(unsubscribe({})))
    await rig.login('bob', 'b1')
    expect(rig.eventsOf('operation.dropped')).toMatchObject([{ id, reason: 'superseded' }])
    await rig.close()
    await rig.open()
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a1'))
    await rig.advance()
    expect(rig.sent).toEqual([])
  })

  test('that was in flight then is not sent again, though nobody is logged in by now', async () => {
    const rig = await Rig.start({ operations })
    await rig.login('alice', 'a1')
    await rig.whileResting(rig.holdfast.enqueue(unsubscribe({})))
    await rig.login('bob', 'b1')
    await rig.whileResting(rig.holdfast.logout())
    rig.last.reply(500)
    await rig.advance(60_000)
    expect(rig.sent).toHaveLength(1)
    expect(rig.eventsOf('operation.dropped')).toMatchObject([{ reason: 'superseded' }])
  })

  test('is sent where the same user comes back', async () => {
    const rig = await Rig.start({ operations })
    await rig.login('alice')
    await rig.whileResting(rig.holdfast.enqueue(unsubscribe({})))
    await rig.whileResting(rig.holdfast.logout())
    await rig.login('alice', 'a1')
    await rig.advance()
    expect(rig.sent).toHaveLength(1)
  })
})

// I12
test('forget() leaves nothing of a user in the file but ids', async () => {
  const folder = temporaryFolder()
  const file = join(folder, 'holdfast.db')
  const rig = await Rig.start({
    database: new SqliteDatabase(file),
    operations: [note, create, positioned],
    vault: memoryVault(),
  })
  await rig.login('user-of-old', 'the-token-of-old')
  await rig.whileResting(rig.holdfast.enqueue(create({ record: 'record-of-old' })))
  echo(rig.last)
  await rig.advance()
  await rig.whileResting(rig.holdfast.enqueue(positioned({ token: 'position-of-old' })))
  echo(rig.last)
  await rig.advance()
  await rig.enqueue('letter-of-old')
  rig.last.reply(400, { headers: {}, body: 'reply-of-old' })
  await rig.advance()
  const pending = await rig.enqueue('text-of-old')
  await rig.whileResting(rig.holdfast.forget('user-of-old'))
  rig.last.reply(200)
  await rig.advance()
  expect(rig.holdfast.status().identity).toBeNull()
  expect(rig.eventsOf('operation.dropped')).toMatchObject([{ id: pending, reason: 'forgotten' }])
  await rig.close()
  rig.database.pragma('wal_checkpoint(TRUNCATE)')
  rig.database.close()
  const bytes = readFileSync(file).toString('latin1')
  expect(bytes.match(/[\w-]*of-old/g) ?? []).toEqual([])
  expect(bytes).toContain(pending)
})
