/** A login in a process that does not dispatch: what is in flight of the former user is not known there (I8, Q17). */
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { defineOperation } from '../src/operations/define-operation.ts'
import { memoryVault } from '../src/ports/vault.ts'
import { type Neighbour, neighbours } from './support/neighbours.ts'
import { note, replying } from './support/rig.ts'

const unsubscribe = defineOperation({
  kind: 'unsubscribe',
  payload: z.object({ text: z.string() }),
  request: ({ payload }) => ({ method: 'POST', path: '/unsubscribe', body: payload }),
  deviceScoped: true,
})

async function unsubscribing({ rig }: Neighbour, text: string): Promise<string> {
  const { id } = await rig.whileResting(rig.holdfast.enqueue(unsubscribe({ text })))
  return id
}

/** Both are open, and alice is logged in in both; the first dispatches, and has the first of three in flight. */
async function opened() {
  const both = neighbours({
    vault: memoryVault(Buffer.alloc(32)),
    operations: [note, unsubscribe],
  })
  const { first, second } = both
  await first.rig.open()
  await first.rig.login('alice', 'a1')
  const ids = [await unsubscribing(first, 'in flight'), await unsubscribing(first, 'waiting')]
  const other = await first.rig.enqueue('of alice')
  await second.rig.open()
  expect(first.rig.bodies).toEqual(['in flight'])
  return { ...both, ids, other }
}

function droppedBy({ rig }: Neighbour): readonly string[] {
  return rig.eventsOf('operation.dropped').map(({ id, reason }) => `${id} ${reason}`)
}

// I8, Q17
describe('after a login in a process that does not dispatch', () => {
  test('what is device-scoped of the former user is dropped, once the dispatcher hears of it', async () => {
    const { first, second, ids } = await opened()
    await second.rig.login('bob', 'b1')
    expect(droppedBy(first)).toEqual([])
    await first.hear()
    expect(droppedBy(first)).toEqual([`${ids[1]} superseded`])
    first.rig.last.reply(200)
    first.rig.answer = replying(200)
    await first.rig.advance()
    expect(first.rig.bodies).toEqual(['in flight', 'of alice'])
    expect(droppedBy(first)).toEqual([`${ids[1]} superseded`])
  })

  test('what was in flight is not sent again', async () => {
    const { first, second, ids } = await opened()
    await second.rig.login('bob', 'b1')
    await first.hear()
    first.rig.last.reply(500)
    first.rig.answer = replying(200)
    await first.rig.advance(60_000)
    expect(first.rig.bodies).toEqual(['in flight', 'of alice'])
    expect(droppedBy(first)).toEqual([ids[1], ids[0]].map((id) => `${id} superseded`))
    expect(first.rig.holdfast.status().counts.pending).toBe(0)
  })

  test('a lane that is parked loses it all the same', async () => {
    const { first, second, ids } = await opened()
    first.rig.last.reply(401)
    await first.rig.advance()
    expect(first.rig.holdsOf('alice')).toEqual(['awaiting-token'])
    await second.rig.login('bob', 'b1')
    await first.hear()
    expect(droppedBy(first)).toEqual(ids.map((id) => `${id} superseded`))
    expect(first.rig.holdfast.status().counts.pending).toBe(1)
  })

  test('it is dropped by whoever dispatches next, if nobody does any more', async () => {
    const { first, second, ids } = await opened()
    await second.rig.login('bob', 'b1')
    await first.rig.close()
    second.rig.answer = replying(200)
    await second.rig.advance(30_000)
    expect(droppedBy(second)).toEqual(ids.map((id) => `${id} superseded`))
    expect(second.rig.bodies).toEqual(['of alice'])
  })

  test('it is dropped at once by that process, if it takes over with a state that was read before', async () => {
    const { first, second, ids } = await opened()
    await first.rig.close()
    second.rig.holdfast.pause()
    const release = second.answerLate('reload')
    await second.rig.advance(30_000)
    expect(droppedBy(second)).toEqual([])
    const login = second.rig.holdfast.login('bob', { token: 'b1' })
    release()
    await second.rig.whileResting(login)
    await second.rig.advance()
    expect(droppedBy(second)).toEqual(ids.map((id) => `${id} superseded`))
    expect(second.rig.holdfast.status().counts.pending).toBe(1)
  })

  test('what the former user makes later, elsewhere, is not meant', async () => {
    const { first, second } = await opened()
    await second.rig.login('bob', 'b1')
    await unsubscribing(first, 'later')
    first.rig.answer = replying(200)
    first.rig.last.reply(200)
    await first.hear()
    await first.rig.advance()
    expect(first.rig.bodies.at(-1)).toBe('later')
  })

  test('receipts settle', async () => {
    const { first, second } = await opened()
    await second.rig.login('alice')
    const receipt = await second.rig.whileResting(
      second.rig.holdfast.enqueue(unsubscribe({ text: 'four' })),
    )
    await second.rig.login('bob', 'b1')
    await first.hear()
    await second.hear()
    expect(await receipt.settled).toMatchObject({ outcome: 'dropped', reason: 'superseded' })
  })
})
