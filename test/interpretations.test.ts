/** What a kind's code may say of a reply (Q6, Q13, Q21): checked before anything of it is stored. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineOperation, type Interpretation } from '../src/operations/define-operation.ts'
import { note, Rig } from './support/rig.ts'

const HALF = '\ud83d'
const ZERO = 'a\u0000b'

/** An engine whose kind `strange` says of a reply what the test says. */
async function startStrange(made: () => unknown): Promise<Rig> {
  const strange = defineOperation({
    kind: 'strange',
    payload: z.object({}),
    creates: () => ['local', 'constructor', '__proto__'],
    request: () => ({ method: 'POST', path: '/strange', body: {} }),
    interpret: () => made() as Interpretation,
  })
  const rig = await Rig.start({ operations: [note, strange] })
  await rig.login('alice', 'a1')
  await rig.whileResting(rig.holdfast.enqueue(strange({})))
  return rig
}

const accepted = { outcome: 'accepted' }

// Q21
test.each<[string, object]>([
  ['half a character as the id of a record', { translations: { [HALF]: 'srv-1' } }],
  ['U+0000 in the id of a record', { translations: { [ZERO]: 'srv-1' } }],
  ["half a character as the server's id", { translations: { local: HALF } }],
  ["U+0000 in the server's id", { translations: { local: ZERO } }],
  ['translations that are a text', { translations: 'srv-1' }],
  ['translations that are a list', { translations: ['srv-1'] }],
  ['half a character as the token of a position', { readingPosition: { token: HALF } }],
  ['U+0000 in the token of a position', { readingPosition: { token: ZERO } }],
  ['half a character as the key of a position', { readingPosition: { token: 'w1', key: HALF } }],
  ['U+0000 in the key of a position', { readingPosition: { token: 'w1', key: ZERO } }],
  ['a negative delay', { readingPosition: { token: 'w1', delayMs: -1 } }],
  ['a delay of NaN', { readingPosition: { token: 'w1', delayMs: Number.NaN } }],
  ['a bigint as a delay', { readingPosition: { token: 'w1', delayMs: 5n } }],
  ['half a character as the kind of a follow-up', { followUps: [{ kind: HALF, payload: {} }] }],
  [
    'a follow-up that ends in no time',
    { followUps: [{ kind: 'note', payload: { text: '' }, expiresInMs: 0 }] },
  ],
  [
    'a follow-up that ends at NaN',
    { followUps: [{ kind: 'note', payload: { text: '' }, expiresInMs: Number.NaN }] },
  ],
  ['a follow-up that is no JSON', { followUps: [{ kind: 'note', payload: 5n }] }],
  ['follow-ups that are a text', { followUps: 'note' }],
  ['an unknown reason', { outcome: 'rejected', reason: HALF }],
  ['an unknown outcome', { outcome: 'maybe' }],
  ['a symbol as outcome', { outcome: Symbol('maybe') }],
])(
  'an interpretation with %s made no sense: `retry`, and nothing is stored',
  async (_name, made) => {
    let isBad = true
    const rig = await startStrange(() => (isBad ? { ...accepted, ...made } : accepted))
    rig.last.reply(200)
    await rig.advance()
    const [{ error } = { error: null }] = rig.eventsOf('error')
    expect(error).toMatchObject({ code: 'APP_CODE_FAILED', cause: expect.any(TypeError) })
    expect(rig.eventsOf('operation.retrying')).toHaveLength(1)
    for (const table of ['holdfast_positions', 'holdfast_letters', 'holdfast_outcomes']) {
      expect(rig.database.prepare(`SELECT * FROM ${table}`).all()).toEqual([])
    }
    isBad = false
    await rig.advance(1000)
    rig.last.reply(200)
    await rig.advance()
    expect(rig.eventsOf('operation.completed')).toHaveLength(1)
  },
)

// Q13
test('a reply may yield 100 follow-ups, and one with more made no sense', async () => {
  let count = 101
  const followUp = { kind: 'note', payload: { text: 'x' } }
  const rig = await startStrange(() => ({
    ...accepted,
    followUps: Array.from({ length: count }, () => followUp),
  }))
  rig.last.reply(200)
  await rig.advance()
  expect(rig.eventsOf('error').map(({ error }) => error.code)).toEqual(['APP_CODE_FAILED'])
  expect(rig.holdfast.status().counts.pending).toBe(1)
  count = 100
  await rig.advance(1000)
  rig.last.reply(200)
  await rig.advance()
  expect(rig.holdfast.status().counts.pending).toBe(100)
})

// Q21, R1
test.each([1e20, Number.MAX_VALUE, Infinity, 60_001, 59_999.5])(
  'a delay of %d ms is cut to the minute that a read waits at most',
  async (delayMs) => {
    const rig = await startStrange(() => ({
      ...accepted,
      readingPosition: { token: 'w1', delayMs },
    }))
    rig.last.reply(200)
    await rig.advance()
    expect(rig.eventsOf('error')).toEqual([])
    expect(rig.eventsOf('operation.completed')).toHaveLength(1)
    const reading = rig.holdfast.read({ request: () => ({ method: 'GET', path: '/' }) })
    await rig.advance(59_999)
    expect(rig.sent).toHaveLength(1)
    await rig.advance(1)
    expect(rig.sent).toHaveLength(2)
    rig.last.reply(200)
    await rig.whileResting(reading)
  },
)

// Q21
test('a follow-up that lasts longer than storage can hold lasts as long as storage can hold', async () => {
  const followUp = { kind: 'note', payload: { text: 'later' } }
  const rig = await startStrange(() => ({
    ...accepted,
    followUps: [Infinity, Number.MAX_VALUE].map((expiresInMs) => ({ ...followUp, expiresInMs })),
  }))
  rig.last.reply(200)
  await rig.advance()
  expect(rig.eventsOf('error')).toEqual([])
  const read = 'SELECT expires_at - enqueued_at AS ms FROM holdfast_operations'
  expect(rig.database.prepare(read).all()).toEqual([{ ms: 8e15 }, { ms: 8e15 }])
})

// Q12, Q21
test('a record may have the name of a property that every object has', async () => {
  const rig = await startStrange(() => ({ ...accepted, translations: { local: 'srv-1' } }))
  rig.last.reply(200)
  await rig.advance()
  expect(rig.eventsOf('error')).toEqual([])
  const read = 'SELECT local, remote FROM holdfast_records ORDER BY local'
  expect(rig.database.prepare(read).all()).toEqual([
    { local: '__proto__', remote: '__proto__' },
    { local: 'constructor', remote: 'constructor' },
    { local: 'local', remote: 'srv-1' },
  ])
})

// Q21, E3
test('no interpretation leaves a lane stuck', async () => {
  const text = fc.oneof(fc.constantFrom(HALF, ZERO, 'local', '__proto__', ''), fc.anything())
  const number = fc.oneof(
    fc.double(),
    fc.constantFrom(1e20, -1, Infinity, Number.NaN),
    fc.anything(),
  )
  const made = fc.oneof(
    fc.record(
      {
        outcome: fc.oneof(fc.constant('accepted'), fc.anything()),
        reason: fc.oneof(fc.constantFrom('conflict', undefined), text),
        translations: fc.oneof(fc.dictionary(fc.string({ unit: 'binary' }), text), fc.anything()),
        readingPosition: fc.oneof(
          fc.record({ token: text, delayMs: number, key: text }, { requiredKeys: [] }),
          fc.anything(),
        ),
        followUps: fc.oneof(
          fc.array(
            fc.record({
              kind: fc.oneof(fc.constant('note'), text),
              payload: fc.anything(),
              expiresInMs: number,
            }),
            { maxLength: 3 },
          ),
          fc.anything(),
        ),
      },
      { requiredKeys: ['outcome'] },
    ),
    fc.anything(),
  )
  await fc.assert(
    fc.asyncProperty(made, async (first) => {
      let isFirst = true
      const rig = await startStrange(() => (isFirst ? first : accepted))
      rig.last.reply(200)
      await rig.advance()
      isFirst = false
      rig.answer = ({ reply }) => reply(200)
      await rig.advance(10_000)
      expect(rig.holdfast.status().counts.pending).toBe(0)
      const codes = new Set(rig.eventsOf('error').map(({ error }) => error.code))
      expect(
        [...codes].filter((code) => code !== 'APP_CODE_FAILED' && code !== 'FOREIGN_FOLLOW_UP'),
      ).toEqual([])
      await rig.end()
    }),
    { numRuns: 60 },
  )
})
