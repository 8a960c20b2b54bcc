/** A logout that discards, where what is in flight is not known: in another process, and after a crash (I7, T11, Q17). */
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { defineOperation } from '../src/operations/define-operation.ts'
import { memoryVault } from '../src/ports/vault.ts'
import { type Neighbour, neighbours } from './support/neighbours.ts'
import { note, replying, Rig } from './support/rig.ts'

const farewell = defineOperation({
  kind: 'farewell',
  payload: z.object({ text: z.string() }),
  request: ({ payload }) => ({ method: 'POST', path: '/farewell', body: payload }),
  onLogout: () => ({ text: 'farewell' }),
})

/** Both are open, and alice is logged in in both; the first dispatches, and has the first of three in flight. */
async function opened(options: Parameters<typeof neighbours>[0] = {}) {
  const both = neighbours({ vault: memoryVault(Buffer.alloc(32)), ...options })
  const { first, second } = both
  await first.rig.open()
  await first.rig.login('alice', 'a1')
  const ids = []
  for (const text of ['one', 'two', 'three']) ids.push(await first.rig.enqueue(text))
  await second.rig.open()
  expect(first.rig.bodies).toEqual(['one'])
  return { ...both, ids }
}

function logout({ rig }: Neighbour): Promise<{ readonly pending: number }> {
  return rig.whileResting(rig.holdfast.logout({ unsent: 'discard' }))
}

function droppedBy({ rig }: Pick<Neighbour, 'rig'>): readonly string[] {
  return rig.eventsOf('operation.dropped').map(({ id, reason }) => `${id} ${reason}`)
}

// I7, T11, Q17
describe('a logout with discard in a process that does not dispatch', () => {
  test('drops what waits once the dispatcher hears of it, and what is in flight unless the server takes it', async () => {
    const { first, second, ids } = await opened()
    expect(await logout(second)).toEqual({ pending: 0 })
    expect(droppedBy(first)).toEqual([])
    await first.hear()
    expect(droppedBy(first)).toEqual([`${ids[1]} logout`, `${ids[2]} logout`])
    first.rig.last.reply(500)
    await first.rig.advance(60_000)
    expect(droppedBy(first).at(-1)).toBe(`${ids[0]} logout`)
    expect(first.rig.bodies).toEqual(['one'])
    expect(first.rig.holdfast.status().counts.pending).toBe(0)
  })

  test('lets the receipts of both settle', async () => {
    const { first, second } = await opened()
    await second.rig.login('alice')
    const receipt = await second.rig.whileResting(
      second.rig.holdfast.enqueue(note({ text: 'four' })),
    )
    await logout(second)
    await first.hear()
    await second.hear()
    expect(await receipt.settled).toMatchObject({ outcome: 'dropped', reason: 'logout' })
  })

  test('does not concern what comes after it', async () => {
    const { first, second, ids } = await opened()
    await logout(second)
    const later = await first.rig.enqueue('later')
    first.rig.last.reply(200)
    first.rig.answer = replying(200)
    await first.hear()
    await first.rig.whileResting(first.rig.holdfast.updateToken('alice', 'a2'))
    await first.rig.advance()
    expect(droppedBy(first)).not.toContain(`${later} logout`)
    expect(first.rig.bodies.at(-1)).toBe('later')
    expect(droppedBy(first)).toContain(`${ids[2]} logout`)
  })

  test('is carried out by whoever dispatches next, if nobody does any more', async () => {
    const { first, second, ids } = await opened()
    await logout(second)
    await first.rig.close()
    second.rig.answer = replying(200)
    await second.rig.login('bob', 'b1')
    await second.rig.enqueue('of bob')
    await second.rig.advance(30_000)
    expect(droppedBy(second)).toEqual(ids.map((id) => `${id} logout`))
    expect(second.rig.bodies).toEqual(['of bob'])
  })

  test('spares what the logout adds', async () => {
    const { first, second, ids } = await opened({ operations: [note, farewell] })
    expect(await logout(second)).toEqual({ pending: 1 })
    first.rig.last.reply(500)
    first.rig.answer = replying(200)
    await first.hear()
    await first.rig.advance(60_000)
    expect(droppedBy(first)).toEqual([ids[1], ids[2], ids[0]].map((id) => `${id} logout`))
    expect(first.rig.bodies).toEqual(['one', 'farewell'])
  })

  test('is taken back by a login before the dispatcher hears of it', async () => {
    const { first, second } = await opened()
    await logout(second)
    await second.rig.login('alice', 'a2')
    await first.hear()
    first.rig.last.reply(200)
    first.rig.answer = replying(200)
    await first.rig.advance(60_000)
    expect(first.rig.bodies).toEqual(['one', 'two', 'three'])
  })
})

// I7
describe('what a logout with discard has added', () => {
  test('is not dropped because another process has committed something', async () => {
    const { first, second, ids } = await opened({ operations: [note, farewell] })
    await logout(first)
    await second.rig.login('bob')
    await second.rig.enqueue('of bob')
    await first.hear()
    first.rig.last.reply(500)
    first.rig.answer = replying(200)
    await first.rig.advance(60_000)
    expect(droppedBy(first)).toEqual([ids[1], ids[2], ids[0]].map((id) => `${id} logout`))
    expect(first.rig.bodies).toContain('farewell')
  })

  test('is sent after a crash, and what was in flight is not', async () => {
    const rig = await Rig.start({ operations: [note, farewell], vault: memoryVault() })
    await rig.login('alice', 'a1')
    const id = await rig.enqueue('in flight')
    await rig.whileResting(rig.holdfast.logout({ unsent: 'discard' }))
    rig.crash()
    rig.answer = replying(200)
    await rig.open()
    await rig.advance(60_000)
    expect(rig.bodies).toEqual(['in flight', 'farewell'])
    expect(droppedBy({ rig })).toEqual([`${id} logout`])
    expect(rig.holdfast.status().tokenNeeds ?? []).toEqual([])
  })
})

// I7
test('who logs in again after a crash keeps what was in flight when the lane was discarded, if they are quick', async () => {
  const rig = await Rig.start({ vault: memoryVault() })
  await rig.login('alice', 'a1')
  await rig.enqueue('in flight')
  await rig.whileResting(rig.holdfast.logout({ unsent: 'discard' }))
  await rig.login('alice', 'a2')
  rig.crash()
  rig.answer = replying(200)
  await rig.open()
  await rig.advance()
  expect(rig.bodies).toEqual(['in flight', 'in flight'])
})

// T5, Q17
test('a dispatcher whose token another process has replaced, with no vault to bring the new one, asks for one', async () => {
  const { first, second } = neighbours()
  await first.rig.open()
  await first.rig.login('alice', 'a1')
  await second.rig.open()
  await second.rig.whileResting(second.rig.holdfast.updateToken('alice', 'a2'))
  await first.hear()
  await first.rig.enqueue('one')
  expect(first.rig.sent).toEqual([])
  expect(first.rig.eventsOf('token.needed')).toMatchObject([{ user: 'alice', reason: 'missing' }])
})
