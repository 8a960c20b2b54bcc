/** Flush covers all that was handed over before it, also what is not stored yet, and waits for nothing else (Q19). */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { describe, expect, test } from 'vitest'
import { replay } from '../src/journal/replay.ts'
import { defineOperation } from '../src/operations/define-operation.ts'
import { memoryVault } from '../src/ports/vault.ts'
import { gate } from './support/gate.ts'
import { neighbours } from './support/neighbours.ts'
import { note, replying, Rig } from './support/rig.ts'
import { Watched } from './support/watched.ts'

const NOTHING_LEFT = { pending: 0, lanes: [] }

/** A kind whose schema answers when the gate is opened. */
function slowKind() {
  const answer = gate<null>()
  const payload: StandardSchemaV1<{ text: string }> = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: async (value) => {
        await answer.promise
        return { value: value as { text: string } }
      },
    },
  }
  return { slow: defineOperation({ ...note.spec, kind: 'slow', payload }), answer }
}

async function online(): Promise<Rig> {
  const rig = await Rig.start({ answer: replying(200) })
  await rig.login('alice', 'a1')
  return rig
}

async function replays(rig: Rig): Promise<void> {
  await rig.close()
  expect((await replay(rig.journal.lines().join('\n'))).decided).toBeGreaterThan(0)
}

// Q19
describe('flush() covers', () => {
  test('an enqueue() that is not awaited', async () => {
    const rig = await online()
    const enqueued = rig.holdfast.enqueue(note({ text: 'one' }))
    expect(await rig.whileResting(rig.holdfast.flush())).toEqual(NOTHING_LEFT)
    expect(rig.bodies).toEqual(['one'])
    expect(await (await enqueued).settled).toMatchObject({ outcome: 'completed' })
    await replays(rig)
  })

  test('many that are not awaited, each with its own commit', async () => {
    const rig = await online()
    const texts = Array.from({ length: 300 }, (_, n) => String(n))
    const enqueued = texts.map((text) => rig.holdfast.enqueue(note({ text })))
    const flushed = rig.holdfast.flush()
    expect(await rig.whileResting(flushed)).toEqual(NOTHING_LEFT)
    await Promise.all(enqueued)
    expect(rig.bodies).toEqual(texts)
  })

  test('one whose schema takes its time', async () => {
    const { slow, answer } = slowKind()
    const rig = await Rig.start({ operations: [note, slow], answer: replying(200) })
    await rig.login('alice', 'a1')
    const enqueued = rig.holdfast.enqueue(slow({ text: 'slow' }))
    let result: unknown = null
    const flushed = rig.holdfast.flush().then((value) => (result = value))
    await rig.advance(100)
    expect(result).toBeNull()
    answer.open(null)
    await rig.whileResting(flushed)
    expect(result).toEqual(NOTHING_LEFT)
    await enqueued
    await replays(rig)
  })

  test('one that is refused after all, and waits no longer for it', async () => {
    const rig = await online()
    const refused = rig.holdfast.enqueue(note({ text: 1 as never }))
    const ended = Promise.allSettled([refused])
    expect(await rig.whileResting(rig.holdfast.flush())).toEqual(NOTHING_LEFT)
    expect(await ended).toMatchObject([{ status: 'rejected' }])
  })

  test('one of enqueueWithin() in a transaction that was committed a moment before', async () => {
    const rig = await online()
    rig.database.transaction(() => {
      rig.holdfast.enqueueWithin(rig.database, note({ text: 'within' }))
    })()
    expect(await rig.whileResting(rig.holdfast.flush())).toEqual(NOTHING_LEFT)
    expect(rig.bodies).toEqual(['within'])
    await replays(rig)
  })

  test('one of enqueueWithin() whose transaction outlived its turn', async () => {
    const rig = await online()
    rig.database.exec('BEGIN')
    rig.holdfast.enqueueWithin(rig.database, note({ text: 'within' }))
    await rig.advance(50)
    rig.database.exec('COMMIT')
    const flushed = rig.holdfast.flush()
    expect(await rig.whileResting(flushed)).toEqual(NOTHING_LEFT)
    expect(rig.bodies).toEqual(['within'])
  })

  test('one of enqueueWithin() whose transaction is still open, and not one that is rolled back', async () => {
    const rig = await online()
    rig.database.exec('BEGIN')
    rig.holdfast.enqueueWithin(rig.database, note({ text: 'within' }))
    await rig.advance(5)
    let result: unknown = null
    const flushed = rig.holdfast.flush().then((value) => (result = value))
    await rig.advance(100)
    expect(result).toBeNull()
    rig.database.exec('ROLLBACK')
    await rig.advance(20)
    await rig.whileResting(flushed)
    expect(result).toEqual(NOTHING_LEFT)
    expect(rig.sent).toEqual([])
    await replays(rig)
  })

  test('what the last run left, in the turn of the start', async () => {
    const rig = await Rig.start({ vault: memoryVault(), answer: replying(200) })
    await rig.login('alice', 'a1')
    rig.holdfast.pause()
    await rig.enqueue('one')
    await rig.close()
    const opened = rig.begin().then(() => rig.holdfast.flush())
    expect(await rig.whileResting(opened)).toEqual(NOTHING_LEFT)
    expect(rig.bodies).toEqual(['one'])
  })
})

// Q19
describe('flush() waits for', () => {
  test('a token that was handed over before it, and is not stored yet', async () => {
    const rig = await Rig.start({ answer: replying(200) })
    await rig.login('alice')
    await rig.enqueue('one')
    const updated = rig.holdfast.updateToken('alice', 'a1')
    expect(await rig.whileResting(rig.holdfast.flush())).toEqual(NOTHING_LEFT)
    await updated
  })

  test('a requirement source that has been asked', async () => {
    const answer = gate<'off'>()
    const rig = await Rig.start({
      requirement: 'unknown',
      requirementSource: () => answer.promise,
      answer: replying(200),
    })
    await rig.enqueue('one')
    const flush = new Watched(rig.holdfast.flush())
    await rig.advance(100)
    expect(flush.isOpen).toBe(true)
    answer.open('off')
    expect(await rig.whileResting(flush.promise)).toEqual(NOTHING_LEFT)
  })

  // Q17
  test('the answer to whether this process may dispatch by now', async () => {
    const { first, second } = neighbours({ answer: replying(200) })
    await first.rig.open()
    await second.rig.open()
    await second.rig.login('alice', 'a1')
    await second.rig.enqueue('one')
    expect(await second.rig.whileResting(second.rig.holdfast.flush())).toMatchObject({ pending: 1 })
    await first.rig.close()
    expect(await second.rig.whileResting(second.rig.holdfast.flush())).toEqual(NOTHING_LEFT)
    expect(second.rig.bodies).toEqual(['one'])
  })
})

// Q19
describe('flush() does not wait', () => {
  test('for an enqueue() that was called for after it', async () => {
    const { slow, answer } = slowKind()
    const rig = await Rig.start({ operations: [note, slow], answer: replying(200) })
    await rig.login('alice', 'a1')
    const flushed = rig.holdfast.flush()
    const later = rig.holdfast.enqueue(slow({ text: 'later' }))
    expect(await rig.whileResting(flushed)).toEqual(NOTHING_LEFT)
    answer.open(null)
    await rig.whileResting(later)
  })

  test('longer than its deadline for a schema that never answers', async () => {
    const { slow } = slowKind()
    const rig = await Rig.start({ operations: [note, slow] })
    await rig.login('alice', 'a1')
    const never = rig.holdfast.enqueue(slow({ text: 'never' }))
    const ended = Promise.allSettled([never])
    const flush = new Watched(rig.holdfast.flush({ deadlineMs: 300 }))
    await rig.advance(299)
    expect(flush.isOpen).toBe(true)
    await rig.advance(1)
    expect(await rig.whileResting(flush.promise)).toEqual(NOTHING_LEFT)
    await rig.close()
    expect(await ended).toMatchObject([{ status: 'rejected', reason: { code: 'CLOSED' } }])
  })
})

// I7, Q19
test('logout({ unsent: "flush" }) sends what is still on its way into storage', async () => {
  const rig = await online()
  const enqueued = rig.holdfast.enqueue(note({ text: 'one' }))
  rig.database.transaction(() => {
    rig.holdfast.enqueueWithin(rig.database, note({ text: 'within' }))
  })()
  const loggedOut = rig.holdfast.logout({ unsent: 'flush' })
  expect(await rig.whileResting(loggedOut)).toEqual({ pending: 0 })
  await enqueued
  expect(new Set(rig.bodies)).toEqual(new Set(['one', 'within']))
  await replays(rig)
})
