/** Stored operations and the code of today (Q14), and keys that a server forgets (Q5). */
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type AnyOperationKind, defineOperation } from '../src/operations/define-operation.ts'
import { replay } from '../src/journal/replay.ts'
import type { OperationId } from '../src/model.ts'
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

async function stored(kinds: readonly AnyOperationKind[]) {
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

  test('of an older version passes through each step of a map, from its own version on', async () => {
    const rig = await stored([first])
    await rig.whileResting(rig.holdfast.enqueue(first({ text: 'one' })))
    await rig.close()
    const add = (name: string) => (payload: unknown) => ({ ...(payload as object), [name]: name })
    const steps = defineOperation({
      kind: 'it',
      payload: z.looseObject({}),
      request: ({ payload }) => ({ method: 'POST', path: '/it', body: payload }),
      version: 4,
      upgrade: { 1: add('a'), 2: add('b'), 3: add('c') },
    })
    await rig.open({ operations: [note, steps] })
    expect(rig.last.request.body).toBe('{"text":"one","a":"a","b":"b","c":"c"}')
    expect(await rig.holdfast.operation(rig.last.request.operations[0] ?? '')).toMatchObject({
      version: 4,
    })
  })

  test('of a version that the map has no step for is a dead letter', async () => {
    const rig = await stored([first])
    await rig.whileResting(rig.holdfast.enqueue(first({ text: 'one' })))
    await rig.close()
    const steps = defineOperation({
      ...upgraded.spec,
      version: 3,
      upgrade: { 2: (payload) => payload },
    })
    await rig.open({ operations: [note, steps] })
    expect(rig.eventsOf('operation.dead')).toMatchObject([{ reason: 'unreadable' }])
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
      backoff: { baseMs: ms, capMs: ms, jitter: false },
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

// Q14, Q5
describe('a member that cannot be read any more, of an envelope', () => {
  const sum = defineOperation({
    kind: 'sum',
    payload: z.object({ by: z.number() }),
    request: ({ payload }) => ({ method: 'POST', path: '/sums', body: payload }),
    merge: {
      key: () => '',
      combine: (payloads) => ({
        method: 'POST',
        path: '/sums',
        body: { by: payloads.reduce((total, { by }) => total + by, 0) },
      }),
    },
  })
  /** The code of a later day: it takes small numbers only. */
  const choosy = defineOperation({ ...sum.spec, payload: z.object({ by: z.number().max(3) }) })

  const keysOf = (rig: Rig) => rig.sent.map(({ request }) => request.headers['idempotency-key'])
  const deaths = (rig: Rig) =>
    rig.eventsOf('operation.dead').map(({ id, reason }) => [id, reason] as const)

  /** An envelope of three, a note behind it, and after `end` a process with the code of a later day. */
  async function restarted(
    numbers: readonly number[],
    end: (rig: Rig) => Promise<void>,
    later: AnyOperationKind = choosy,
  ) {
    const rig = await stored([sum])
    const ids: OperationId[] = []
    for (const by of numbers) {
      ids.push((await rig.whileResting(rig.holdfast.enqueue(sum({ by })))).id)
    }
    await rig.enqueue('behind')
    rig.holdfast.resume()
    await rig.advance()
    expect(rig.last.request.operations).toEqual(ids)
    await end(rig)
    rig.isOnline = true
    await rig.open({ operations: [note, later] })
    return { rig, ids }
  }

  const ends: readonly (readonly [string, (rig: Rig) => Promise<void>])[] = [
    ['in flight at a crash', async (rig) => rig.crash()],
    [
      'that broke',
      async (rig) => {
        rig.last.fail()
        await rig.advance()
        await rig.close()
      },
    ],
    [
      'answered with 500',
      async (rig) => {
        rig.last.reply(500)
        await rig.advance()
        await rig.close()
      },
    ],
  ]

  test.each(ends)(
    '%s, dies, and with it the others, whose outcome is unknown; all come back as they were',
    async (_name, end) => {
      const { rig, ids } = await restarted([1, 9, 2], end)
      await rig.advance(1000)
      expect(deaths(rig)).toEqual([
        [ids[0], 'outcome-unknown'],
        [ids[1], 'unreadable'],
        [ids[2], 'outcome-unknown'],
      ])
      expect(rig.bodies).toEqual([12, 'behind'])
      rig.last.reply(200)
      await rig.advance()
      const letters = (await rig.holdfast.deadLetters()).items
      expect(letters).toMatchObject(deaths(rig).map(([id, reason]) => ({ id, reason })))
      await rig.close()
      await rig.open({ operations: [note, sum] })
      await rig.whileResting(rig.holdfast.retry(ids[2] as OperationId))
      await rig.advance()
      expect(rig.bodies).toEqual([12, 'behind', 12])
      expect(rig.last.request.operations).toEqual(ids)
      expect(keysOf(rig)[2]).toBe(keysOf(rig)[0])
      rig.last.reply(200)
      await rig.advance()
      expect(rig.holdfast.status().counts).toMatchObject({ pending: 0, dead: 0 })
    },
  )

  test.each([
    ['a refused token', 401],
    ['429', 429],
  ])(
    'that was definitely refused (%s), dies alone; the rest is formed anew',
    async (_name, status) => {
      const { rig, ids } = await restarted([1, 9, 2], async (one) => {
        one.last.reply(status)
        await one.advance()
        await one.close()
      })
      rig.answer = replying(200)
      await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
      await rig.advance(1000)
      expect(deaths(rig)).toEqual([[ids[1], 'unreadable']])
      expect(rig.bodies.slice(1)).toEqual([1, 2, 'behind'])
      expect(new Set(keysOf(rig)).size).toBe(4)
      expect(rig.holdfast.status().counts).toMatchObject({ pending: 0, dead: 1 })
    },
  )

  test('of one, whose outcome is unknown, comes back under the same key', async () => {
    const { rig, ids } = await restarted([9], async (one) => one.crash())
    expect(deaths(rig)).toEqual([[ids[0], 'unreadable']])
    await rig.close()
    await rig.open({ operations: [note, sum] })
    await rig.whileResting(rig.holdfast.retry(ids[0] as OperationId))
    rig.answer = replying(200)
    rig.last.reply(200)
    await rig.advance()
    const ofIt = rig.sent.filter(({ request }) =>
      request.operations.includes(ids[0] as OperationId),
    )
    expect(ofIt).toHaveLength(2)
    expect(new Set(ofIt.map(({ request }) => request.headers['idempotency-key'])).size).toBe(1)
  })

  test('of a kind that is not known any more, takes the same way', async () => {
    const { rig, ids } = await restarted([1, 2], async (one) => one.crash(), first)
    expect(deaths(rig)).toEqual(ids.map((id) => [id, 'unreadable']))
    expect(rig.last.request.body).toBe('{"text":"behind"}')
    await rig.close()
    await rig.open({ operations: [note, sum] })
    await rig.whileResting(rig.holdfast.discard(ids[1] as OperationId))
    expect(rig.holdfast.status().counts.dead).toBe(0)
  })

  test('is told by the journal', async () => {
    const { rig } = await restarted([1, 9, 2], async (one) => one.crash())
    await rig.close()
    expect((await replay(rig.journal.lines().join('\n'))).decided).toBeGreaterThan(10)
  })
})

// Q14, Q4
test('operations of which no request can be made together are sent one by one, and judged alone', async () => {
  const moody = defineOperation({
    kind: 'moody',
    payload: z.object({ by: z.number() }),
    request: ({ payload }) => ({ method: 'POST', path: '/moods', body: payload }),
    merge: {
      key: () => '',
      combine: (payloads) => {
        if (payloads.length > 1 || payloads[0]?.by === 9) throw new Error('not today')
        return { method: 'POST', path: '/moods', body: payloads[0] }
      },
    },
  })
  const rig = await stored([moody])
  rig.answer = replying(200)
  const drafts = [1, 9, 2].map((by) => rig.holdfast.enqueue(moody({ by })))
  const [, bad] = await rig.whileResting(Promise.all(drafts))
  rig.holdfast.resume()
  await rig.advance()
  expect(rig.bodies).toEqual([1, 2])
  expect(rig.eventsOf('operation.dead')).toMatchObject([{ id: bad?.id, reason: 'unreadable' }])
  expect(rig.eventsOf('operation.completed')).toHaveLength(2)
})
