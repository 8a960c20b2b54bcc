/** The code of a kind that names records, throws or answers anything (Q12, Q21, Q22): never taken for "no records". */
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { MemoryJournal } from '../src/journal/memory-journal.ts'
import { replay } from '../src/journal/replay.ts'
import {
  type AnyOperationKind,
  defineOperation,
  type Interpretation,
} from '../src/operations/define-operation.ts'
import { memoryVault } from '../src/ports/vault.ts'
import { note, replying, Rig } from './support/rig.ts'
import { throwing } from './support/throwing.ts'

interface Code {
  readonly creates?: () => unknown
  readonly needs?: () => unknown
}

function kindWith(
  code: Code,
  more: object = {},
): AnyOperationKind & ((payload: { text: string }) => never) {
  return defineOperation({
    kind: 'using',
    payload: z.object({ text: z.string() }),
    request: ({ payload }: { payload: unknown }) => ({ method: 'POST', path: '/', body: payload }),
    ...code,
    ...more,
  } as never) as never
}

async function start(...kinds: AnyOperationKind[]): Promise<Rig> {
  const rig = await Rig.start({
    operations: [note, ...kinds],
    vault: memoryVault(),
    answer: replying(200),
  })
  await rig.login('alice', 'a1')
  return rig
}

async function expectReplay(rig: Rig, journal: MemoryJournal = rig.journal): Promise<void> {
  await rig.close()
  expect((await replay(journal.lines().join('\n'))).decided).toBeGreaterThan(3)
}

function thrownBy(call: () => unknown): unknown {
  try {
    return call()
  } catch (thrown) {
    return thrown
  }
}

const error = new Error('no way')

/** What apps throw, and how the cause of the failure reads. */
const THROWN: readonly (readonly [name: string, thrown: unknown, cause: object])[] = [
  ['an error', error, { message: 'no way' }],
  [
    'an error of another realm',
    runInNewContext('new TypeError("no way")') as unknown,
    { message: 'no way' },
  ],
  ['a text', 'no way', { message: 'no way' }],
  ['nothing', undefined, { message: expect.any(String) }],
  ['a symbol', Symbol('no way'), { message: expect.any(String) }],
]

const HALF = '\ud83d'

/** Answers that name no records. */
const WRONG: readonly (readonly [name: string, code: Code, message: RegExp])[] = [
  [
    'half a character as what it creates',
    { creates: () => [HALF] },
    /creates of using: an id must be well-formed/,
  ],
  [
    'U+0000 in what it needs',
    { needs: () => ({ required: ['a\u0000'] }) },
    /needs\.required of using: an id/,
  ],
  [
    'half a character as what it may need',
    { needs: () => ({ optional: [HALF] }) },
    /needs\.optional of using/,
  ],
  [
    'an empty id',
    { creates: () => [''] },
    /creates of using: an id must be a non-empty string, not ''/,
  ],
  ['a number', { creates: () => [5] }, /an id must be a non-empty string, not 5/],
  [
    'a text for a list',
    { creates: () => 'record' },
    /creates of using must be a list of ids, not 'record'/,
  ],
  [
    'a text for a list of needs',
    { needs: () => ({ required: 'record' }) },
    /needs\.required of using must be/,
  ],
  [
    'a list of a list',
    { needs: () => ({ optional: [['record']] }) },
    /an id must be .*, not an object/,
  ],
]

// Q12, Q22
describe.each(THROWN)('code that throws %s', (_name, thrown, cause) => {
  test.each(['needs', 'creates'] as const)(
    'as %s makes enqueue() reject, and stores nothing',
    async (name) => {
      const using = kindWith({ [name]: throwing(thrown) })
      const rig = await start(using)
      const failed = { code: 'APP_CODE_FAILED', message: `${name} of using threw`, cause }
      const enqueuing = rig.holdfast.enqueue(using({ text: 'one' }))
      await expect(rig.whileResting(enqueuing)).rejects.toMatchObject(failed)
      rig.database.exec('BEGIN')
      const within = () => rig.holdfast.enqueueWithin(rig.database, using({ text: 'two' }))
      expect(thrownBy(within)).toMatchObject(failed)
      rig.database.exec('COMMIT')
      await rig.enqueue('behind')
      await rig.advance()
      expect(rig.bodies).toEqual(['behind'])
      expect(rig.holdfast.status().counts).toMatchObject({ pending: 0, dead: 0 })
      await expectReplay(rig)
    },
  )

  test.each(['needs', 'creates'] as const)(
    'as %s once it is stored makes a dead letter, and is told',
    async (name) => {
      const rig = await start(kindWith({}))
      rig.holdfast.pause()
      const { id } = await rig.whileResting(rig.holdfast.enqueue(kindWith({})({ text: 'one' })))
      await rig.enqueue('behind')
      await rig.close()
      const journal = new MemoryJournal()
      await rig.open({ operations: [note, kindWith({ [name]: throwing(thrown) })], journal })
      expect(rig.bodies).toEqual(['behind'])
      expect(rig.eventsOf('operation.dead')).toMatchObject([{ id, reason: 'unreadable' }])
      expect(rig.eventsOf('error')).toMatchObject([{ error: { code: 'APP_CODE_FAILED', cause } }])
      const [letter] = (await rig.whileResting(rig.holdfast.deadLetters())).items
      expect(letter).toMatchObject({
        payload: { text: 'one' },
        excerpt: expect.stringContaining(`${name} of using threw`),
      })
      await expectReplay(rig, journal)
      // The code of a later day says it, and nothing is lost.
      await rig.open({ operations: [note, kindWith({ creates: () => ['record'] })] })
      await rig.whileResting(rig.holdfast.retry(id))
      await rig.advance()
      expect(rig.bodies).toEqual(['behind', 'one'])
    },
  )
})

// Q12, Q21
describe.each(WRONG)('code that answers %s', (_name, code, message) => {
  test('makes the call a TypeError, and stores nothing', async () => {
    const using = kindWith(code)
    const rig = await start(using)
    const enqueuing = rig.holdfast.enqueue(using({ text: 'one' }))
    await expect(rig.whileResting(enqueuing)).rejects.toThrow(TypeError)
    await expect(enqueuing).rejects.toThrow(message)
    rig.database.exec('BEGIN')
    expect(() => rig.holdfast.enqueueWithin(rig.database, using({ text: 'one' }))).toThrow(message)
    rig.database.exec('COMMIT')
    await rig.advance()
    expect(rig.sent).toEqual([])
    expect(rig.database.prepare('SELECT * FROM holdfast_records').all()).toEqual([])
    await expectReplay(rig)
  })

  test('once it is stored makes a dead letter, and is told', async () => {
    const rig = await start(kindWith({}))
    rig.holdfast.pause()
    await rig.whileResting(rig.holdfast.enqueue(kindWith({})({ text: 'one' })))
    await rig.close()
    const journal = new MemoryJournal()
    await rig.open({ operations: [note, kindWith(code)], journal })
    expect(rig.sent).toEqual([])
    expect(rig.eventsOf('operation.dead')).toMatchObject([{ reason: 'unreadable' }])
    expect(rig.eventsOf('error')).toMatchObject([
      { error: { code: 'APP_CODE_FAILED', cause: { message } } },
    ])
    await expectReplay(rig, journal)
  })
})

// Q12
test('code that answers with a promise is refused, and its rejection reaches nobody', async () => {
  for (const name of ['needs', 'creates'] as const) {
    const using = kindWith({ [name]: () => Promise.reject(error) })
    const rig = await start(using)
    const enqueuing = rig.holdfast.enqueue(using({ text: 'one' }))
    await expect(rig.whileResting(enqueuing)).rejects.toMatchObject({
      code: 'APP_CODE_FAILED',
      cause: { message: 'it answered with a promise' },
    })
    await expectReplay(rig)
  }
})

// Q12, Q14
test('code that throws on the payload of an upgrade makes a dead letter', async () => {
  const rig = await start(kindWith({}))
  rig.holdfast.pause()
  await rig.whileResting(rig.holdfast.enqueue(kindWith({})({ text: 'one' })))
  await rig.close()
  const upgrade = () => ({ text: 'upgraded' })
  await rig.open({
    operations: [note, kindWith({ needs: throwing(error) }, { version: 2, upgrade })],
  })
  expect(rig.sent).toEqual([])
  expect(rig.eventsOf('operation.dead')).toMatchObject([{ reason: 'unreadable' }])
  expect(rig.eventsOf('error')).toMatchObject([{ error: { cause: error } }])
})

// Q12, Q14
test('a kind with records whose schema has come to answer later makes a dead letter', async () => {
  const rig = await start(kindWith({}))
  rig.holdfast.pause()
  await rig.whileResting(rig.holdfast.enqueue(kindWith({})({ text: 'one' })))
  await rig.close()
  const payload = z.object({ text: z.string() }).refine(async () => true)
  await rig.open({
    operations: [note, kindWith({ needs: () => ({ required: ['r1'] }) }, { payload })],
  })
  expect(rig.sent).toEqual([])
  expect(rig.eventsOf('operation.dead')).toMatchObject([{ reason: 'unreadable' }])
})

// Q12, Q5
test('the other members of an envelope of unknown outcome die with the one whose code throws', async () => {
  const merge = {
    key: () => '',
    combine: (payloads: unknown) => ({ method: 'POST', path: '/', body: { text: payloads } }),
  }
  const plain = kindWith({}, { merge })
  const rig = await start(plain)
  rig.holdfast.pause()
  const drafts = ['one', 'two'].map((text) => rig.holdfast.enqueue(plain({ text })))
  const [first, second] = await rig.whileResting(Promise.all(drafts))
  rig.answer = () => undefined
  rig.holdfast.resume()
  await rig.advance()
  rig.crash()
  const needs = ((payload: { text: string }) => {
    if (payload.text === 'two') throw error
    return {}
  }) as () => unknown
  await rig.open({ operations: [note, kindWith({ needs }, { merge })] })
  expect(rig.sent).toHaveLength(1)
  expect(rig.eventsOf('operation.dead')).toMatchObject([
    { id: first?.id, reason: 'outcome-unknown' },
    { id: second?.id, reason: 'unreadable' },
  ])
  await rig.close()
  await rig.open({ operations: [note, plain] })
  await rig.whileResting(rig.holdfast.retry(first?.id ?? ''))
  await rig.advance()
  const [before, after] = rig.sent.map(({ request }) => [
    request.headers['idempotency-key'],
    request.body,
  ])
  expect(after).toEqual(before)
})

// Q12, Q13
test('a follow-up whose code throws makes the reply `retry`, and is told', async () => {
  let isBad = true
  const using = kindWith({
    creates: () => {
      if (isBad) throw error
      return ['record']
    },
  })
  const parent = defineOperation({
    kind: 'parent',
    payload: z.object({}),
    request: () => ({ method: 'POST', path: '/', body: {} }),
    interpret: () =>
      ({
        outcome: 'accepted',
        followUps: [{ kind: 'using', payload: { text: 'one' } }],
      }) as Interpretation,
  })
  const rig = await start(using, parent)
  await rig.whileResting(rig.holdfast.enqueue(parent({})))
  await rig.advance()
  expect(rig.eventsOf('operation.retrying')).toHaveLength(1)
  expect(rig.eventsOf('error')).toMatchObject([
    { error: { code: 'APP_CODE_FAILED', cause: { cause: error } } },
  ])
  isBad = false
  await rig.advance(2000)
  expect(rig.bodies.at(-1)).toBe('one')
  await expectReplay(rig)
})

const mergingWith = (key: () => unknown) =>
  kindWith(
    {},
    {
      merge: {
        key,
        combine: (payloads: unknown[]) => ({
          method: 'POST',
          path: '/',
          body: { text: payloads.length },
        }),
      },
    },
  )

// Q4, Q22
test.each(THROWN)(
  'a merge.key that throws %s is told once of each operation, which is sent alone',
  async (_name, thrown, cause) => {
    const merging = mergingWith(throwing(thrown))
    const rig = await start(merging)
    rig.holdfast.pause()
    for (const text of ['one', 'two'])
      await rig.whileResting(rig.holdfast.enqueue(merging({ text })))
    let isFirst = true
    rig.answer = ({ reply }) => {
      reply(isFirst ? 429 : 200)
      isFirst = false
    }
    rig.holdfast.resume()
    await rig.advance(5000)
    expect(rig.sent.map(({ request }) => request.operations.length)).toEqual([1, 1, 1])
    const failed = {
      error: { code: 'APP_CODE_FAILED', message: 'merge.key of using threw', cause },
    }
    expect(rig.eventsOf('error')).toMatchObject([failed, failed])
    await expectReplay(rig)
  },
)

// I7, Q22
describe('an onLogout', () => {
  const farewellWith = (onLogout: () => unknown, more: object = {}) =>
    kindWith({}, { kind: 'farewell', onLogout, ...more })
  const good = kindWith({}, { kind: 'good', onLogout: () => ({ text: 'bye' }) })

  async function loggedOut(farewell: AnyOperationKind): Promise<Rig> {
    const rig = await start(farewell, good)
    await rig.whileResting(rig.holdfast.logout())
    await rig.advance()
    expect(rig.bodies).toEqual(['bye'])
    expect(rig.holdfast.status()).toMatchObject({ identity: null, counts: { pending: 0, dead: 0 } })
    return rig
  }

  test.each(THROWN)(
    'that throws %s is told, and the logout goes on',
    async (_name, thrown, cause) => {
      const rig = await loggedOut(farewellWith(throwing(thrown)))
      const failed = { code: 'APP_CODE_FAILED', message: 'onLogout of farewell threw', cause }
      expect(rig.eventsOf('error')).toMatchObject([{ error: failed }])
      await expectReplay(rig)
    },
  )

  test.each<[string, () => unknown, object, string]>([
    ['a payload that is no JSON', () => 5n, {}, 'INVALID_PAYLOAD'],
    ['a function', () => () => undefined, {}, 'INVALID_PAYLOAD'],
    ['a promise', async () => ({ text: 'later' }), {}, 'APP_CODE_FAILED'],
    ['a payload that its schema refuses', () => ({ text: 5 }), {}, 'INVALID_PAYLOAD'],
    [
      'a payload of which needs throws',
      () => ({ text: 'x' }),
      { needs: throwing(error) },
      'APP_CODE_FAILED',
    ],
    [
      'a payload that creates half a character',
      () => ({ text: 'x' }),
      { creates: () => [HALF] },
      'APP_CODE_FAILED',
    ],
    [
      'a payload whose schema answers later',
      () => ({ text: 'x' }),
      { payload: z.object({ text: z.string() }).refine(async () => true) },
      'INVALID_PAYLOAD',
    ],
  ])('that answers %s is told, and the logout goes on', async (_name, onLogout, more, code) => {
    const rig = await loggedOut(farewellWith(onLogout, more))
    expect(rig.eventsOf('error')).toMatchObject([{ error: { code } }])
    await expectReplay(rig)
  })
})
