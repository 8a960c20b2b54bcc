/** Payloads that a schema changes (Q14): drawn once, stored, and the same for all code of the kind. */
import { afterEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { MemoryJournal } from '../src/journal/memory-journal.ts'
import { replay } from '../src/journal/replay.ts'
import {
  type AnyOperationKind,
  defineOperation,
  type Interpretation,
} from '../src/operations/define-operation.ts'
import { memoryVault } from '../src/ports/vault.ts'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import { Failures } from './support/failing-storage.ts'
import { HTML_REPLY, note, replying, Rig, type RigOptions } from './support/rig.ts'

let drawn = 0
const draw = () => (drawn += 1)

afterEach(() => {
  drawn = 0
})

const drawing = z.object({ text: z.string(), id: z.number().default(draw) })

/** What the code of the kind has seen. */
let seen: Record<string, unknown[]> = {}
const see = <T>(by: string, payload: T): T => {
  seen[by] = [...(seen[by] ?? []), payload]
  return payload
}

const stamped = defineOperation({
  kind: 'stamped',
  payload: drawing,
  creates: (payload) => [`record-${see('creates', payload).id}`],
  needs: (payload) => (see('needs', payload), {}),
  request: ({ payload }) => ({ method: 'POST', path: '/', body: see('request', payload) }),
})

const merging = defineOperation({
  kind: 'merging',
  payload: drawing,
  request: ({ payload }) => ({ method: 'POST', path: '/', body: payload }),
  merge: {
    key: (payload) => (see('key', payload), ''),
    combine: (payloads) => ({ method: 'POST', path: '/', body: { text: payloads } }),
  },
})

async function start(options: RigOptions): Promise<Rig> {
  seen = {}
  const rig = await Rig.start({ vault: memoryVault(), ...options })
  await rig.login('alice', 'a1')
  return rig
}

async function expectReplay(rig: Rig, journal: MemoryJournal = rig.journal): Promise<void> {
  await rig.close()
  expect((await replay(journal.lines().join('\n'))).decided).toBeGreaterThan(5)
}

// Q14
describe('what a schema draws is drawn once', () => {
  test('for every attempt, over a restart too, and the record is the one of the enqueue', async () => {
    const rig = await start({ operations: [note, stamped] })
    const { id } = await rig.whileResting(rig.holdfast.enqueue(stamped({ text: 'one' })))
    rig.last.fail()
    await rig.advance(1000)
    rig.crash()
    await rig.open()
    rig.last.reply(503)
    await rig.advance(10_000)
    rig.last.reply(200)
    await rig.advance()
    const requests = rig.sent.map(({ request }) => [
      request.headers['idempotency-key'],
      request.body,
    ])
    expect(requests).toEqual(requests.map(() => [id, '{"text":"one","id":1}']))
    expect(requests).toHaveLength(4)
    const payloads = Object.values(seen).flat()
    expect(payloads.length).toBeGreaterThan(4)
    for (const payload of payloads) expect(payload).toEqual({ text: 'one', id: 1 })
    const records = rig.database.prepare('SELECT local FROM holdfast_records').all()
    expect(records).toEqual([{ local: 'record-1' }])
    await expectReplay(rig)
  })

  test('for an envelope of several', async () => {
    const rig = await start({ operations: [note, merging] })
    rig.holdfast.pause()
    for (const text of ['one', 'two']) {
      await rig.whileResting(rig.holdfast.enqueue(merging({ text })))
    }
    rig.holdfast.resume()
    await rig.advance()
    rig.last.fail()
    await rig.advance(1000)
    expect(rig.bodies).toEqual(
      [0, 1].map(() => [
        { text: 'one', id: 1 },
        { text: 'two', id: 2 },
      ]),
    )
    await expectReplay(rig)
  })

  test('by a schema that answers later', async () => {
    const later = defineOperation({
      kind: 'later',
      payload: drawing.refine(async () => true),
      request: ({ payload }) => ({ method: 'POST', path: '/', body: payload }),
    })
    const rig = await start({ operations: [note, later] })
    await rig.whileResting(rig.holdfast.enqueue(later({ text: 'one' })))
    await rig.advance()
    rig.last.fail()
    await rig.advance(1000)
    const [first, again] = rig.sent.map(({ request }) => request.body)
    expect(first).toMatch(/^\{"text":"one","id":\d+\}$/)
    expect(again).toBe(first)
    await expectReplay(rig)
  })

  test("in the app's own transaction", async () => {
    const rig = await start({ operations: [note, stamped] })
    rig.database.exec('BEGIN')
    const { id } = rig.holdfast.enqueueWithin(rig.database, stamped({ text: 'one' }))
    rig.database.exec('COMMIT')
    await rig.advance()
    rig.last.fail()
    await rig.advance(1000)
    expect(rig.sent.map(({ request }) => request.body)).toEqual(
      [0, 1].map(() => '{"text":"one","id":1}'),
    )
    expect(await rig.whileResting(rig.holdfast.operation(id))).toMatchObject({
      payload: { text: 'one', id: 1 },
    })
    await expectReplay(rig)
  })

  test('for a follow-up', async () => {
    const parent = defineOperation({
      kind: 'parent',
      payload: z.object({}),
      request: () => ({ method: 'POST', path: '/', body: {} }),
      interpret: () =>
        ({
          outcome: 'accepted',
          followUps: ['one', 'two'].map((text) => ({ kind: 'stamped', payload: { text } })),
        }) as Interpretation,
    })
    const rig = await start({ operations: [note, stamped, parent] })
    await rig.whileResting(rig.holdfast.enqueue(parent({})))
    rig.last.reply(200)
    await rig.advance()
    rig.last.fail()
    await rig.advance(1000)
    expect(rig.sent.slice(1).map(({ request }) => request.body)).toEqual(
      [0, 1].map(() => '{"text":"one","id":1}'),
    )
    const records = rig.database.prepare('SELECT local FROM holdfast_records ORDER BY 1').all()
    expect(records).toEqual([{ local: 'record-1' }, { local: 'record-2' }])
    await expectReplay(rig)
  })

  test('for what a logout adds', async () => {
    const farewell = defineOperation({
      ...stamped.spec,
      kind: 'farewell',
      onLogout: () => ({ text: 'bye' }),
    })
    const rig = await start({ operations: [note, farewell] })
    await rig.whileResting(rig.holdfast.logout())
    rig.last.fail()
    await rig.advance(1000)
    expect(rig.sent.map(({ request }) => request.body)).toEqual(
      [0, 1].map(() => '{"text":"bye","id":1}'),
    )
    await expectReplay(rig)
  })
})

// Q14
test('a schema that takes its output no more has its input stored, and its code sees the output', async () => {
  const amount = defineOperation({
    kind: 'amount',
    payload: z.object({ cents: z.string().transform(Number) }),
    request: ({ payload }) => ({ method: 'POST', path: '/', body: { text: payload.cents + 1 } }),
  })
  const rig = await start({ operations: [amount], answer: replying(200) })
  rig.holdfast.pause()
  const { id } = await rig.whileResting(rig.holdfast.enqueue(amount({ cents: '5' })))
  expect(await rig.whileResting(rig.holdfast.operation(id))).toMatchObject({
    payload: { cents: '5' },
  })
  rig.holdfast.resume()
  await rig.advance()
  expect(rig.bodies).toEqual([6])
  await expectReplay(rig)
})

// Q14
test('enqueue() rejects with INVALID_PAYLOAD where a draw cannot be stored, and stores nothing', async () => {
  const both = defineOperation({
    kind: 'both',
    payload: z.object({ cents: z.string().transform(Number), id: z.number().default(draw) }),
    request: ({ payload }) => ({ method: 'POST', path: '/', body: payload }),
  })
  const rig = await start({ operations: [note, both], answer: replying(200) })
  const error = {
    code: 'INVALID_PAYLOAD',
    message: expect.stringMatching(/of both .* draws something/),
  }
  await expect(rig.whileResting(rig.holdfast.enqueue(both({ cents: '5' })))).rejects.toMatchObject(
    error,
  )
  rig.database.exec('BEGIN')
  const within = () => rig.holdfast.enqueueWithin(rig.database, both({ cents: '5' }))
  expect(within).toThrow(expect.objectContaining(error))
  rig.database.exec('COMMIT')
  // What is drawn already is no draw.
  await rig.whileResting(rig.holdfast.enqueue(both({ cents: '5', id: 7 })))
  await rig.enqueue('behind')
  await rig.advance()
  expect(rig.sent.map(({ request }) => request.body)).toEqual([
    '{"cents":5,"id":7}',
    '{"text":"behind"}',
  ])
  await expectReplay(rig)
})

// Q14, Q16
test('a payload that its schema makes too long is refused', async () => {
  const padded = defineOperation({
    kind: 'padded',
    payload: z.object({ text: z.string(), padding: z.string().default('x'.repeat(30)) }),
    request: ({ payload }) => ({ method: 'POST', path: '/', body: payload }),
  })
  const rig = await start({
    operations: [note, padded],
    maxPayloadBytes: 40,
    answer: replying(200),
  })
  const enqueuing = rig.holdfast.enqueue(padded({ text: 'one' }))
  await expect(rig.whileResting(enqueuing)).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' })
  await rig.enqueue('behind')
  await rig.advance()
  expect(rig.bodies).toEqual(['behind'])
  await expectReplay(rig)
})

test('the message about a payload with very many faults stays short', async () => {
  const list = defineOperation({
    kind: 'list',
    payload: z.array(z.string()),
    request: () => ({ method: 'POST', path: '/' }),
  })
  const rig = await start({ operations: [list] })
  const enqueuing = rig.holdfast.enqueue(list(Array.from({ length: 10_000 }, () => 5) as never))
  const error: unknown = await rig.whileResting(enqueuing).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'INVALID_PAYLOAD' })
  expect((error as Error).message.length).toBeLessThan(1000)
  expect((error as Error).message).toMatch(/; and 9995 more$/)
})

const old = defineOperation({
  kind: 'it',
  payload: z.object({ text: z.string() }),
  request: ({ payload }) => ({ method: 'POST', path: '/', body: payload }),
})

/** Its upgrade draws. */
const fresh = defineOperation({
  kind: 'it',
  version: 2,
  payload: drawing,
  upgrade: (payload) => ({ ...(payload as object), id: draw() }),
  request: ({ payload }) => ({ method: 'POST', path: '/', body: payload }),
})

/** An engine whose stored operations are of the version before. */
async function withOld(options: RigOptions, ...texts: string[]): Promise<Rig> {
  const rig = await start({ ...options, operations: [note, old] })
  rig.holdfast.pause()
  for (const text of texts) await rig.whileResting(rig.holdfast.enqueue(old({ text })))
  await rig.close()
  return rig
}

/** Opens an engine with the code of a later day; answers its journal. */
async function reopen(rig: Rig, operations: readonly AnyOperationKind[]): Promise<MemoryJournal> {
  const journal = new MemoryJournal()
  await rig.open({ operations, journal })
  return journal
}

// Q14
describe('the result of an upgrade', () => {
  test('is stored before it is sent, so that each attempt carries the same', async () => {
    const rig = await withOld({}, 'one', 'two')
    const stored: unknown[] = []
    rig.answer = () => {
      stored.push(
        rig.database.prepare('SELECT version, payload FROM holdfast_operations LIMIT 1').get(),
      )
    }
    const journal = await reopen(rig, [note, fresh])
    expect(stored).toEqual([{ version: 2, payload: '{"text":"one","id":1}' }])
    rig.last.fail()
    await rig.advance(1000)
    rig.crash()
    await rig.open({ operations: [note, fresh], journal })
    rig.answer = replying(200)
    rig.last.reply(200)
    await rig.advance()
    expect(rig.sent.map(({ request }) => request.body)).toEqual([
      ...[0, 1, 2].map(() => '{"text":"one","id":1}'),
      '{"text":"two","id":2}',
    ])
    expect(rig.holdfast.status().counts.pending).toBe(0)
    await expectReplay(rig, journal)
  })

  test('is not sent while it cannot be stored', async () => {
    const rig = await withOld({}, 'one')
    const failures = new Failures(sqliteStorage({ database: rig.database }))
    failures.failOn(['upgrade'])
    await rig.begin({ operations: [note, fresh], storage: failures.storage })
    await rig.advance()
    expect(rig.sent).toEqual([])
    expect(rig.holdsOf('alice')).toContain('storage-failed')
    failures.failOn(null)
    await rig.advance(5000)
    expect(rig.sent.map(({ request }) => request.body)).toEqual(['{"text":"one","id":1}'])
  })

  test('of several that merge is stored at once', async () => {
    const oldMerging = defineOperation({ ...old.spec, merge: merging.spec.merge as never })
    const freshMerging = defineOperation({ ...fresh.spec, merge: merging.spec.merge as never })
    const rig = await start({ operations: [note, oldMerging] })
    rig.holdfast.pause()
    for (const text of ['one', 'two']) {
      await rig.whileResting(rig.holdfast.enqueue(oldMerging({ text })))
    }
    await rig.close()
    const journal = await reopen(rig, [note, freshMerging])
    rig.last.fail()
    await rig.advance(1000)
    expect(rig.bodies).toEqual(
      [0, 1].map(() => [
        { text: 'one', id: 1 },
        { text: 'two', id: 2 },
      ]),
    )
    await expectReplay(rig, journal)
  })

  test('is asked for its records, not the payload of the version before', async () => {
    const needing = defineOperation({
      ...fresh.spec,
      creates: ({ id }) => [`record-${id}`],
      needs: ({ id }) => ({ optional: [`other-${id}`] }),
    })
    const rig = await withOld({}, 'one')
    const journal = await reopen(rig, [note, needing])
    expect(rig.sent.map(({ request }) => request.body)).toEqual(['{"text":"one","id":1}'])
    await expectReplay(rig, journal)
  })

  test('that no schema takes, or that is a promise or no JSON, makes a dead letter that keeps everything', async () => {
    const upgrades = [
      () => ({ text: 5 }),
      async () => ({ text: 'two', id: 1 }),
      () => undefined,
      () => 5n,
    ]
    for (const upgrade of upgrades) {
      const rig = await withOld({}, 'one')
      const journal = await reopen(rig, [note, defineOperation({ ...fresh.spec, upgrade })])
      expect(rig.sent).toEqual([])
      const [letter] = (await rig.whileResting(rig.holdfast.deadLetters())).items
      expect(letter).toMatchObject({ reason: 'unreadable', version: 1, payload: { text: 'one' } })
      await expectReplay(rig, journal)
    }
  })

  test('is thrown away where the operation is cancelled meanwhile', async () => {
    let finish: () => void = () => undefined
    const slow = defineOperation({
      ...fresh.spec,
      payload: drawing.refine(
        () =>
          new Promise<boolean>((resolve) => {
            finish = () => resolve(true)
          }),
      ),
    })
    const rig = await withOld({}, 'one', 'two')
    const journal = await reopen(rig, [note, slow])
    const [first] = (await rig.whileResting(rig.holdfast.pending())).items
    await rig.whileResting(rig.holdfast.cancel(first?.id ?? ''))
    for (let n = 0; n < 10 && rig.sent.length === 0; n += 1) {
      finish()
      await rig.advance()
    }
    expect(rig.sent.map(({ request }) => JSON.parse(request.body ?? '') as unknown)).toEqual([
      { text: 'two', id: expect.any(Number) },
    ])
    await expectReplay(rig, journal)
  })
})

// Q6: a control, so that the tests above are known to judge what is sent.
test('a captive portal sends the very same body again', async () => {
  const rig = await start({ operations: [note, stamped] })
  await rig.whileResting(rig.holdfast.enqueue(stamped({ text: 'one' })))
  rig.last.reply(200, HTML_REPLY)
  await rig.advance(400_000)
  expect(new Set(rig.sent.map(({ request }) => request.body))).toEqual(
    new Set(['{"text":"one","id":1}']),
  )
  expect(rig.sent.length).toBeGreaterThan(1)
})
