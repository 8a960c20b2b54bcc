/** The server's ids of records, as the code of a kind asks for them (Q12, Q23). */
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { defineOperation } from '../src/operations/define-operation.ts'
import { create, echo, use } from './support/kinds.ts'
import { replying, Rig } from './support/rig.ts'

/** Asks for an optional need with `record()`. */
const careless = defineOperation({
  kind: 'careless',
  payload: z.object({ record: z.string() }),
  needs: ({ record }) => ({ optional: [record] }),
  request: ({ payload, record }) => ({
    method: 'POST',
    path: '/careless',
    body: { text: record(payload.record) },
  }),
})

async function start(): Promise<Rig> {
  const rig = await Rig.start({ operations: [create, use, careless] })
  await rig.login('alice', 'a1')
  return rig
}

test('record() answers the server’s id of an optional need whose creation succeeded', async () => {
  const rig = await start()
  await rig.whileResting(rig.holdfast.enqueue(create({ record: 'r1' })))
  echo(rig.last)
  await rig.advance()
  await rig.whileResting(rig.holdfast.enqueue(careless({ record: 'r1' })))
  expect(rig.bodies.at(-1)).toBe('srv-r1')
})

test('optionalRecord() answers the server’s id of a required record', async () => {
  const both = defineOperation({
    kind: 'both',
    payload: z.object({ record: z.string() }),
    needs: ({ record }) => ({ required: [record] }),
    request: ({ payload, optionalRecord }) => ({
      method: 'POST',
      path: '/both',
      body: { text: optionalRecord(payload.record) },
    }),
  })
  const rig = await Rig.start({ operations: [create, both] })
  await rig.login('alice', 'a1')
  await rig.whileResting(rig.holdfast.enqueue(create({ record: 'r1' })))
  echo(rig.last)
  await rig.advance()
  await rig.whileResting(rig.holdfast.enqueue(both({ record: 'r1' })))
  expect(rig.bodies.at(-1)).toBe('srv-r1')
})

test('record() of an optional need whose creation failed makes the operation unreadable', async () => {
  const rig = await start()
  rig.answer = replying(400)
  await rig.whileResting(rig.holdfast.enqueue(create({ record: 'r1' })))
  await rig.advance()
  const sentCount = rig.sent.length
  await rig.whileResting(rig.holdfast.enqueue(careless({ record: 'r1' })))
  await rig.advance()
  expect(rig.sent).toHaveLength(sentCount)
  const { items: letters } = await rig.whileResting(rig.holdfast.deadLetters())
  const why = "record('r1'): its creation failed; use optionalRecord() for an optional need"
  expect(letters.at(-1)).toMatchObject({
    kind: 'careless',
    reason: 'unreadable',
    excerpt: expect.stringContaining(why) as string,
  })
  expect(rig.eventsOf('error')).toMatchObject([
    { error: { code: 'APP_CODE_FAILED', cause: { message: why } } },
  ])
})

// Q23
describe('holdfast.record()', () => {
  const idOf = (rig: Rig, local: string) => rig.whileResting(rig.holdfast.record(local))

  test('answers the server’s id once the record is made, and null before', async () => {
    const rig = await start()
    expect(await idOf(rig, 'r1')).toBeNull()
    await rig.whileResting(rig.holdfast.enqueue(create({ record: 'r1' })))
    expect(await idOf(rig, 'r1')).toBeNull()
    echo(rig.last)
    await rig.advance()
    expect(await idOf(rig, 'r1')).toBe('srv-r1')
    expect(await idOf(rig, 'srv-r1')).toBeNull()
  })

  test('answers the local id of a record that the reply did not translate', async () => {
    const silent = defineOperation({
      kind: 'silent',
      payload: z.object({ record: z.string() }),
      creates: ({ record }) => [record],
      request: () => ({ method: 'POST', path: '/records' }),
    })
    const rig = await Rig.start({ operations: [silent] })
    await rig.login('alice', 'a1')
    await rig.whileResting(rig.holdfast.enqueue(silent({ record: 'r1' })))
    rig.last.reply(200)
    await rig.advance()
    expect(await idOf(rig, 'r1')).toBe('r1')
  })

  test('answers null for a record whose creation failed, and while it is to be created anew', async () => {
    const rig = await start()
    rig.answer = replying(400)
    const { id } = await rig.whileResting(rig.holdfast.enqueue(create({ record: 'r1' })))
    await rig.advance()
    expect(await idOf(rig, 'r1')).toBeNull()
    rig.answer = () => undefined
    await rig.whileResting(rig.holdfast.retry(id))
    expect(await idOf(rig, 'r1')).toBeNull()
    echo(rig.last)
    await rig.advance()
    expect(await idOf(rig, 'r1')).toBe('srv-r1')
  })

  test('answers after a restart, and to whoever is logged in', async () => {
    const rig = await start()
    await rig.whileResting(rig.holdfast.enqueue(create({ record: 'r1' })))
    echo(rig.last)
    await rig.advance()
    await rig.close()
    await rig.open()
    await rig.login('bob', 'b1')
    expect(await idOf(rig, 'r1')).toBe('srv-r1')
  })

  test('answers null once the user of the record is forgotten (I12)', async () => {
    const rig = await start()
    await rig.whileResting(rig.holdfast.enqueue(create({ record: 'r1' })))
    echo(rig.last)
    await rig.advance()
    await rig.whileResting(rig.holdfast.forget('alice'))
    expect(await idOf(rig, 'r1')).toBeNull()
  })

  test('sees a record of a call that is just being stored', async () => {
    const rig = await start()
    void rig.holdfast.enqueue(create({ record: 'r1' }))
    expect(await idOf(rig, 'r1')).toBeNull()
    echo(rig.last)
    await rig.advance()
    expect(await idOf(rig, 'r1')).toBe('srv-r1')
  })

  test.each([
    ['', "''"],
    [7, '7'],
    [undefined, 'undefined'],
  ])('refuses %j as a local id', async (wrong, shown) => {
    const rig = await start()
    await expect(rig.holdfast.record(wrong as string)).rejects.toThrow(
      new TypeError(`record: the local id must be a non-empty string, not ${shown}`),
    )
  })

  test('rejects after close()', async () => {
    const rig = await start()
    const { holdfast } = rig
    await rig.close()
    await expect(holdfast.record('r1')).rejects.toMatchObject({ code: 'CLOSED' })
  })
})
