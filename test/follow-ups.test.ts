/** The operations that a reply yields (Q13). */
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { defineOperation, type Interpretation } from '../src/operations/define-operation.ts'
import { echo, noteOf, parent } from './support/kinds.ts'
import { memoryVault } from '../src/ports/vault.ts'
import { note, Rig } from './support/rig.ts'

const operations = [note, parent]

async function enqueueParent(rig: Rig, ...followUps: Record<string, unknown>[]): Promise<string> {
  const { id } = await rig.whileResting(rig.holdfast.enqueue(parent({ followUps })))
  return id
}

describe('follow-ups', () => {
  test('come directly behind what yielded them, in order; their ids are made of its id', async () => {
    const rig = await Rig.start({ operations })
    await rig.login('alice', 'a1')
    const id = await enqueueParent(rig, noteOf('first'), noteOf('second'))
    await rig.enqueue('behind')
    rig.answer = (sent) => echo(sent)
    echo(rig.last)
    await rig.advance()
    expect(rig.bodies.slice(1)).toEqual(['first', 'second', 'behind'])
    expect(rig.sent.slice(1, 3).map(({ request }) => request.operations)).toEqual([
      [`${id}/0`],
      [`${id}/1`],
    ])
    expect(rig.sent[1]?.request.headers['idempotency-key']).toBe(`${id}/0`)
  })

  test('are told as enqueued, after what yielded them is told as completed', async () => {
    const rig = await Rig.start({ operations })
    await rig.login('alice', 'a1')
    const id = await enqueueParent(rig, noteOf('first'))
    echo(rig.last)
    await rig.advance()
    const told = rig.heard
      .filter(({ name }) => name === 'operation.completed' || name === 'operation.enqueued')
      .map(({ name, detail }) => [name, 'id' in detail ? detail.id : null])
    expect(told).toEqual([
      ['operation.enqueued', id],
      ['operation.completed', id],
      ['operation.enqueued', `${id}/0`],
    ])
  })

  test('of more than there is room for between two places stay in order', async () => {
    const rig = await Rig.start({ operations })
    await rig.login('alice', 'a1')
    const texts = Array.from({ length: 30 }, (_, n) => `follow-up ${n}`)
    await enqueueParent(rig, ...texts.map(noteOf))
    await rig.enqueue('behind')
    await rig.enqueue('at the end')
    rig.answer = (sent) => echo(sent)
    echo(rig.last)
    await rig.advance()
    expect(rig.bodies.slice(1)).toEqual([...texts, 'behind', 'at the end'])
    expect(rig.holdfast.status().counts.pending).toBe(0)
  })

  test('may yield follow-ups themselves, which come before the others', async () => {
    const rig = await Rig.start({ operations })
    await rig.login('alice', 'a1')
    const inner = { kind: 'parent', payload: { followUps: [noteOf('inner')] } }
    await enqueueParent(rig, inner, noteOf('outer'))
    rig.answer = (sent) => echo(sent)
    echo(rig.last)
    await rig.advance()
    expect(rig.bodies.slice(2)).toEqual(['inner', 'outer'])
  })

  test('belong to the owner of what yielded them, whoever is logged in', async () => {
    const rig = await Rig.start({ operations })
    await rig.login('alice', 'a1')
    await enqueueParent(rig, noteOf('first'))
    await rig.login('bob', 'b1')
    echo(rig.sent[0] ?? rig.last)
    await rig.advance()
    expect(rig.last.request.user).toBe('alice')
    expect(rig.last.token).toBe('a1')
  })

  test('are exempt from maxPending (Q16)', async () => {
    const rig = await Rig.start({ operations, maxPending: 1 })
    await rig.login('alice', 'a1')
    await enqueueParent(rig, noteOf('first'), noteOf('second'), noteOf('third'))
    echo(rig.last)
    await rig.advance()
    expect(rig.holdfast.status().counts.pending).toBe(3)
    await expect(rig.enqueue('one more')).rejects.toMatchObject({ code: 'QUEUE_FULL' })
  })

  test('of a reply that is processed twice are made once', async () => {
    const rig = await Rig.start({ operations, vault: memoryVault() })
    await rig.login('alice', 'a1')
    const id = await enqueueParent(rig, noteOf('first'))
    // The server has applied it, and the process dies before the reply is there.
    rig.crash()
    await rig.open()
    echo(rig.last)
    await rig.advance()
    expect(rig.sent.map(({ request }) => request.operations)).toEqual([[id], [id], [`${id}/0`]])
    rig.crash()
    await rig.open()
    rig.last.reply(200)
    await rig.advance()
    expect(rig.eventsOf('operation.completed').map((event) => event.id)).toEqual([id, `${id}/0`])
    expect(rig.holdfast.status().counts.pending).toBe(0)
  })
})

const bad: readonly (readonly [string, unknown, string])[] = [
  ['names another owner', { ...noteOf('x'), owner: { user: 'bob' } }, 'FOREIGN_FOLLOW_UP'],
  ['names nobody as its owner', { ...noteOf('x'), owner: { user: null } }, 'FOREIGN_FOLLOW_UP'],
  ['is of an unknown kind', { kind: 'unheard-of', payload: {} }, 'APP_CODE_FAILED'],
  ['does not fit its schema', { kind: 'note', payload: { text: 5 } }, 'APP_CODE_FAILED'],
  ['has no payload', { kind: 'note' }, 'APP_CODE_FAILED'],
  ['is nothing', null, 'APP_CODE_FAILED'],
  ['never expires in time', { ...noteOf('x'), expiresInMs: 'soon' }, 'APP_CODE_FAILED'],
]

test.each(bad)(
  'a follow-up that %s makes the reply `retry`, and is told',
  async (_n, one, code) => {
    let isBad = true
    const strange = strangeKind(() => ({ followUps: isBad ? [noteOf('good'), one] : [] }))
    const rig = await Rig.start({ operations: [note, strange] })
    await rig.login('alice', 'a1')
    await rig.whileResting(rig.holdfast.enqueue(strange({})))
    rig.last.reply(200)
    await rig.advance()
    expect(rig.eventsOf('error').map(({ error }) => error.code)).toEqual([code])
    expect(rig.eventsOf('operation.retrying')).toMatchObject([{ outcome: 'retry', status: 200 }])
    expect(rig.holdfast.status().counts.pending).toBe(1)
    isBad = false
    await rig.advance(1000)
    rig.last.reply(200)
    await rig.advance()
    expect(rig.eventsOf('operation.completed')).toHaveLength(1)
    expect(rig.holdfast.status().counts.pending).toBe(0)
  },
)

// Q6
test.each([
  ['no translations', { translations: null }],
  ['a translation to a number', { translations: { local: 5 } }],
  ['no list of follow-ups', { followUps: { length: 0 } }],
  ['a reading position that is no text', { readingPosition: { token: 5 } }],
  ['a delay that is no number', { readingPosition: { token: 'w1', delayMs: Number.NaN } }],
  ['a delay of text', { readingPosition: { token: 'w1', delayMs: 'soon' } }],
  ['a position for a key that is no text', { readingPosition: { token: 'w1', key: 5 } }],
])('an interpretation with %s is `retry`, and loses nothing', async (_name, made) => {
  let isBad = true
  const strange = strangeKind(() => (isBad ? made : {}))
  const rig = await Rig.start({ operations: [note, strange] })
  await rig.login('alice', 'a1')
  await rig.whileResting(rig.holdfast.enqueue(strange({})))
  rig.last.reply(200)
  await rig.advance()
  expect(rig.eventsOf('error').map(({ error }) => error.code)).toEqual(['APP_CODE_FAILED'])
  isBad = false
  await rig.advance(1000)
  rig.last.reply(200)
  await rig.advance()
  expect(rig.eventsOf('operation.completed')).toHaveLength(1)
})

test('a delay of a fraction of a millisecond is one of a whole (R1)', async () => {
  const strange = strangeKind(() => ({ readingPosition: { token: 'w1', delayMs: 0.5 } }))
  const rig = await Rig.start({ operations: [strange] })
  await rig.login('alice', 'a1')
  await rig.whileResting(rig.holdfast.enqueue(strange({})))
  rig.last.reply(200)
  await rig.advance()
  expect(rig.eventsOf('error')).toEqual([])
  expect(rig.eventsOf('operation.completed')).toHaveLength(1)
})

function strangeKind(made: () => object) {
  return defineOperation({
    kind: 'strange',
    payload: z.object({}),
    request: () => ({ method: 'POST', path: '/strange', body: {} }),
    interpret: () => ({ outcome: 'accepted', ...made() }) as Interpretation,
  })
}
