/** The server's ids of records, as the code of a kind asks for them (Q12, Q23). */
import { expect, test } from 'vitest'
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
  const letters = await rig.whileResting(rig.holdfast.deadLetters())
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
