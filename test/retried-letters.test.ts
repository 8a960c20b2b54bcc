/** What the app does with its dead letters: retry with a receipt or another payload, retry or discard many (Q9). */
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { replay } from '../src/journal/replay.ts'
import { defineOperation } from '../src/operations/define-operation.ts'
import { neighbours } from './support/neighbours.ts'
import { note, replying, Rig } from './support/rig.ts'

const create = defineOperation({
  kind: 'create',
  payload: z.object({ list: z.string(), parent: z.string().optional() }),
  creates: ({ list }) => [list],
  needs: ({ parent }) => (parent === undefined ? {} : { required: [parent] }),
  request: ({ payload }) => ({ method: 'POST', path: '/lists', body: payload }),
})

/** An engine with so many letters of alice, and the ids in the order of their places. */
async function withLetters(count: number): Promise<{ rig: Rig; ids: readonly string[] }> {
  const rig = await Rig.start({ answer: replying(422), operations: [note, create] })
  await rig.login('alice', 'a1')
  const texts = Array.from({ length: count }, (_, n) => `n${n}`)
  const receipts = await rig.whileResting(
    Promise.all(texts.map((text) => rig.holdfast.enqueue(note({ text })))),
  )
  await rig.advance(count * 10)
  expect(rig.holdfast.status().counts).toMatchObject({ dead: count, pending: 0 })
  return { rig, ids: receipts.map(({ id }) => id) }
}

describe('retry()', () => {
  test('resolves with a receipt, which settles with the end of the retried operation', async () => {
    const { rig, ids } = await withLetters(1)
    rig.answer = replying(200)
    const receipt = await rig.whileResting(rig.holdfast.retry(ids[0] ?? ''))
    expect(receipt.id).toBe(ids[0])
    expect(await rig.whileResting(receipt.settled)).toEqual({ outcome: 'completed', id: ids[0] })
  })

  test('whose operation dies again settles its receipt as dead', async () => {
    const { rig, ids } = await withLetters(1)
    const receipt = await rig.whileResting(rig.holdfast.retry(ids[0] ?? ''))
    expect(await rig.whileResting(receipt.settled)).toMatchObject({ outcome: 'dead', status: 422 })
  })

  test('with another payload sends it under another key each time, and the letter keeps it', async () => {
    const { rig, ids } = await withLetters(1)
    const [id = ''] = ids
    for (const text of ['second', 'third']) {
      await rig.whileResting(rig.holdfast.retry(id, { payload: { text } }))
      await rig.advance()
    }
    expect(rig.bodies).toEqual(['n0', 'second', 'third'])
    const keys = rig.sent.map(({ request }) => request.headers['idempotency-key'])
    expect(keys).toEqual([id, `${id}~1`, `${id}~2`])
    expect((await rig.whileResting(rig.holdfast.deadLetters())).items).toMatchObject([
      { id, payload: { text: 'third' } },
    ])
  })

  test('with another payload keeps its key over a restart, and when it is retried as it is', async () => {
    const { rig, ids } = await withLetters(1)
    const [id = ''] = ids
    await rig.whileResting(rig.holdfast.retry(id, { payload: { text: 'second' } }))
    await rig.advance()
    await rig.close()
    rig.answer = replying(200)
    await rig.open()
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    await rig.whileResting(rig.holdfast.retry(id))
    await rig.advance()
    expect(rig.last.request.headers['idempotency-key']).toBe(`${id}~1`)
    expect(rig.bodies.at(-1)).toBe('second')
  })

  test.each([
    ['that does not fit the schema', { text: 5 }, 'INVALID_PAYLOAD'],
    ['that is no JSON', 1n, 'INVALID_PAYLOAD'],
    ['that is undefined', undefined, 'INVALID_PAYLOAD'],
    ['that is too large', { text: 'x'.repeat(300_000) }, 'PAYLOAD_TOO_LARGE'],
  ])('with a payload %s rejects, and the letter stays as it was', async (_name, payload, code) => {
    const { rig, ids } = await withLetters(1)
    const [id = ''] = ids
    const retried = rig.whileResting(rig.holdfast.retry(id, { payload }))
    await expect(retried).rejects.toMatchObject({ code })
    const { items } = await rig.whileResting(rig.holdfast.deadLetters())
    expect(items).toMatchObject([{ id, payload: { text: 'n0' } }])
    expect(rig.sent).toHaveLength(1)
  })

  test('with another payload asks anew which records the operation creates and needs', async () => {
    const rig = await Rig.start({ answer: replying(422), operations: [note, create] })
    await rig.login('alice', 'a1')
    const { id } = await rig.whileResting(rig.holdfast.enqueue(create({ list: 'l1' })))
    await rig.advance()
    rig.answer = replying(200)
    await rig.whileResting(rig.holdfast.retry(id, { payload: { list: 'l2' } }))
    await rig.advance()
    const child = await rig.whileResting(rig.holdfast.enqueue(create({ list: 'l3', parent: 'l1' })))
    expect(await rig.whileResting(child.settled)).toMatchObject({
      outcome: 'dead',
      reason: 'dependency-dead',
    })
    const other = await rig.whileResting(rig.holdfast.enqueue(create({ list: 'l4', parent: 'l2' })))
    expect(await rig.whileResting(other.settled)).toMatchObject({ outcome: 'completed' })
  })

  test('of a letter whose kind is gone takes no payload', async () => {
    const { rig, ids } = await withLetters(1)
    await rig.close()
    await rig.open({ operations: [create] })
    const retried = rig.whileResting(rig.holdfast.retry(ids[0] ?? '', { payload: {} }))
    await expect(retried).rejects.toMatchObject({ code: 'UNKNOWN_KIND' })
  })
})

describe('retryAll()', () => {
  test('retries every letter in the order of the places, over several transactions', async () => {
    const { rig, ids } = await withLetters(1200)
    rig.answer = replying(200)
    expect(await rig.whileResting(rig.holdfast.retryAll())).toEqual({ retried: 1200 })
    await rig.advance(1)
    for (let turns = 0; rig.holdfast.status().counts.pending > 0 && turns < 2000; turns += 1) {
      await rig.advance(1)
    }
    const again = rig.sent.slice(1200).flatMap(({ request }) => request.operations)
    expect(again).toEqual(ids)
  }, 30_000)

  test('retries each letter once, though it dies again at once', async () => {
    const { rig } = await withLetters(3)
    expect(await rig.whileResting(rig.holdfast.retryAll())).toEqual({ retried: 3 })
    await rig.advance(100)
    expect(rig.sent).toHaveLength(6)
    expect(rig.holdfast.status().counts.dead).toBe(3)
  })

  test('counts the operations that come back with a creation that they depend on', async () => {
    const rig = await Rig.start({ answer: replying(422), operations: [note, create] })
    await rig.login('alice', 'a1')
    await rig.whileResting(rig.holdfast.enqueue(create({ list: 'l1' })))
    await rig.whileResting(rig.holdfast.enqueue(create({ list: 'l2', parent: 'l1' })))
    await rig.advance(50)
    expect(rig.holdfast.status().counts.dead).toBe(2)
    rig.answer = replying(200)
    const filter = { reason: 'rejected' } as const
    expect(await rig.whileResting(rig.holdfast.retryAll(filter))).toEqual({ retried: 2 })
    await rig.advance(50)
    expect(rig.holdfast.status().counts).toMatchObject({ dead: 0, pending: 0 })
  })

  test('of nothing resolves with 0', async () => {
    const rig = await Rig.start()
    expect(await rig.whileResting(rig.holdfast.retryAll({ kind: 'none' }))).toEqual({ retried: 0 })
  })

  test.each([
    [{ user: 5 as never }, /retryAll: user/],
    [{ kind: '' }, /retryAll: kind/],
    [{ reason: 'gone' as never }, /retryAll: reason/],
  ])('of a wrong filter (%j) is a TypeError that names the field', async (filter, message) => {
    const rig = await Rig.start()
    await expect(rig.holdfast.retryAll(filter)).rejects.toThrow(message)
  })

  test('in a process that does not dispatch rejects', async () => {
    const { first, second } = neighbours()
    await first.rig.open()
    await second.rig.open()
    await expect(second.rig.whileResting(second.rig.holdfast.retryAll())).rejects.toMatchObject({
      code: 'OTHER_PROCESS',
    })
  })
})

describe('discardAll()', () => {
  test('drops the letters that the filter names, and reports each', async () => {
    const { rig, ids } = await withLetters(3)
    await rig.login('bob', 'b1')
    await rig.enqueue('bobs')
    await rig.advance()
    const discarded = await rig.whileResting(rig.holdfast.discardAll({ user: 'alice' }))
    expect(discarded).toEqual({ discarded: 3 })
    const events = rig.eventsOf('operation.dropped')
    expect(events.map(({ id, reason }) => [id, reason])).toEqual(ids.map((id) => [id, 'discarded']))
    expect(rig.holdfast.status().counts.dead).toBe(1)
  })

  test('lifts the hold of a lane whose last letter goes', async () => {
    const rig = await Rig.start({ answer: replying(422), onDead: 'hold' })
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.enqueue('two')
    await rig.advance()
    expect(rig.holdsOf('alice')).toEqual(['dead-letter'])
    rig.answer = replying(200)
    await rig.whileResting(rig.holdfast.discardAll())
    await rig.advance()
    expect(rig.bodies).toEqual(['one', 'two'])
    expect(rig.holdfast.status().counts).toMatchObject({ pending: 0, dead: 0 })
  })
})

test('a journal of retries with payloads, and of many letters, has no payload, and replays', async () => {
  const { rig, ids } = await withLetters(3)
  await rig.whileResting(rig.holdfast.retry(ids[0] ?? '', { payload: { text: 'the new text' } }))
  await rig.advance()
  await rig.whileResting(rig.holdfast.retryAll({ kind: 'note' }))
  await rig.advance(100)
  await rig.whileResting(rig.holdfast.discardAll({ user: 'alice' }))
  await rig.close()
  const journal = rig.journal.lines().join('\n')
  expect(journal).not.toContain('the new text')
  expect(await replay(journal)).toMatchObject({ withStorage: true })
})
