/** Stored operations and the code of today (Q14), and keys that a server forgets (Q5). */
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { defineOperation } from '../src/operations/define-operation.ts'
import { memoryVault } from '../src/ports/vault.ts'
import { note, replying, Rig } from './support/rig.ts'

const post = <Payload>({ payload }: { readonly payload: Payload }) =>
  ({ method: 'POST', path: '/notes', body: payload }) as const

const first = defineOperation({
  kind: 'it',
  payload: z.object({ text: z.string() }),
  request: post,
})
const upgraded = defineOperation({
  kind: 'it',
  version: 3,
  payload: z.object({ text: z.string(), from: z.number() }),
  upgrade: (payload, from) => ({ ...(payload as object), from }),
  request: post,
})
const unreadables = {
  'of an unknown kind': [note],
  'of an older version, without an upgrade': [
    note,
    defineOperation({ kind: 'it', version: 2, payload: z.object({}), request: post }),
  ],
  'that does not fit its schema any more': [
    note,
    defineOperation({ kind: 'it', payload: z.object({ text: z.number() }), request: post }),
  ],
  'whose upgrade throws': [
    note,
    defineOperation({
      kind: 'it',
      version: 2,
      payload: z.object({}),
      upgrade: () => {
        throw new Error('no way')
      },
      request: post,
    }),
  ],
  'whose request cannot be made': [
    note,
    defineOperation({
      kind: 'it',
      payload: z.object({}),
      request: () => {
        throw new Error('no way')
      },
    }),
  ],
}

async function stored(kinds: readonly (typeof first | typeof upgraded | typeof note)[]) {
  const rig = await Rig.start({ operations: [note, ...kinds], vault: memoryVault() })
  await rig.login('alice', 'a1')
  rig.holdfast.pause()
  return rig
}

// Q14
describe('a stored operation', () => {
  test('of an older version passes through its upgrade', async () => {
    const rig = await stored([first])
    await rig.whileResting(rig.holdfast.enqueue(first({ text: 'one' })))
    await rig.close()
    await rig.open({ operations: [note, upgraded] })
    expect(rig.last.request.body).toBe('{"text":"one","from":1}')
  })

  test.each(Object.entries(unreadables))(
    '%s is a dead letter that keeps everything, and the lane goes on',
    async (_name, operations) => {
      const rig = await stored([first])
      const { id } = await rig.whileResting(rig.holdfast.enqueue(first({ text: 'one' })))
      await rig.enqueue('behind')
      await rig.close()
      await rig.open({ operations })
      expect(rig.eventsOf('operation.dead')).toMatchObject([{ id, reason: 'unreadable' }])
      expect(rig.bodies).toEqual(['behind'])
      expect(await rig.holdfast.operation(id)).toMatchObject({
        state: 'dead',
        payload: { text: 'one' },
      })
      await rig.close()
      await rig.open({ operations: [note, upgraded] })
      await rig.whileResting(rig.holdfast.retry(id))
      rig.last.reply(200)
      await rig.advance()
      rig.last.reply(200)
      await rig.advance()
      expect(rig.bodies).toContain('one')
      expect(rig.holdfast.status().counts).toMatchObject({ pending: 0, dead: 0 })
    },
  )

  test('of a newer version is a dead letter', async () => {
    const rig = await stored([upgraded])
    await rig.whileResting(rig.holdfast.enqueue(upgraded({ text: 'one', from: 3 })))
    await rig.close()
    await rig.open({ operations: [note, first] })
    expect(rig.eventsOf('operation.dead')).toMatchObject([{ reason: 'unreadable' }])
    expect(rig.sent).toEqual([])
  })

  test('whose outcome is unknown is upgraded too, under the same key', async () => {
    const rig = await Rig.start({ operations: [note, first], vault: memoryVault() })
    await rig.login('alice', 'a1')
    await rig.whileResting(rig.holdfast.enqueue(first({ text: 'one' })))
    rig.crash()
    await rig.open({ operations: [note, upgraded] })
    const [before, after] = rig.sent.map(({ request }) => request.headers['idempotency-key'])
    expect(after).toBe(before)
    expect(rig.last.request.body).toBe('{"text":"one","from":1}')
  })
})

// Q5
describe('where the server forgets keys', () => {
  const forgetful = defineOperation({
    kind: 'forgetful',
    payload: z.object({ text: z.string() }),
    request: post,
    idempotencyWindowMs: 10_000,
  })

  async function unknownFor(ms: number, end: (rig: Rig) => Promise<void>) {
    const rig = await Rig.start({
      operations: [note, forgetful],
      vault: memoryVault(),
      backoff: { base: ms, cap: ms, jitter: false },
    })
    await rig.login('alice', 'a1')
    const { id } = await rig.whileResting(rig.holdfast.enqueue(forgetful({ text: 'one' })))
    await rig.enqueue('behind')
    await end(rig)
    await rig.advance(ms)
    return { rig, id }
  }

  const broken = async (rig: Rig) => {
    rig.last.fail()
    await rig.advance()
  }

  test('an unknown outcome is sent again while they are remembered', async () => {
    const { rig, id } = await unknownFor(10_000, broken)
    expect(rig.sent.map(({ request }) => request.operations)).toEqual([[id], [id]])
  })

  test('an older one is a dead letter, sent again only on the app’s word, under the same key', async () => {
    const { rig, id } = await unknownFor(10_001, broken)
    expect(rig.eventsOf('operation.dead')).toMatchObject([{ id, reason: 'outcome-unknown' }])
    expect(rig.bodies).toEqual(['one', 'behind'])
    rig.answer = replying(200)
    rig.last.reply(200)
    await rig.whileResting(rig.holdfast.retry(id))
    await rig.advance()
    expect(rig.bodies).toEqual(['one', 'behind', 'one'])
    const [sent, , again] = rig.sent.map(({ request }) => request.headers['idempotency-key'])
    expect(again).toBe(sent)
    expect(rig.holdfast.status().counts).toMatchObject({ pending: 0, dead: 0 })
  })

  test('one that a crash left is as old as its sending', async () => {
    const { rig, id } = await unknownFor(1, async (one) => {
      one.crash()
      await one.advance(10_001)
      await one.open()
    })
    expect(rig.eventsOf('operation.dead')).toMatchObject([{ id, reason: 'outcome-unknown' }])
  })
})
