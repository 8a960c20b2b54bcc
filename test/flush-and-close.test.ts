/** Flush says what is still pending and why; close leaves nothing behind (Q19). */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { describe, expect, test } from 'vitest'
import { replay } from '../src/journal/replay.ts'
import { defineOperation } from '../src/operations/define-operation.ts'
import { jwt } from './support/jwt.ts'
import { note, replying, Rig } from './support/rig.ts'
import { Watched } from './support/watched.ts'

/** A kind whose schema answers when the test says so; unsaid, never. */
function slowKind() {
  const answers: (() => void)[] = []
  const payload: StandardSchemaV1<{ text: string }> = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value) =>
        new Promise((resolve) => {
          answers.push(() => resolve({ value: value as { text: string } }))
        }),
    },
  }
  const slow = defineOperation({
    ...note.spec,
    kind: 'slow',
    payload,
  })
  return { slow, answers }
}

// Q19
describe('flush()', () => {
  test('resolves once everything is settled', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    let result: unknown = null
    const flushed = rig.holdfast.flush().then((value) => {
      result = value
    })
    await rig.advance(100)
    expect(result).toBeNull()
    rig.last.reply(200)
    await rig.advance()
    await flushed
    expect(result).toEqual({ pending: 0, lanes: [] })
  })

  test('waits for what passes by itself, and no longer than its deadline', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    rig.last.reply(500)
    await rig.advance()
    const flush = new Watched(rig.holdfast.flush({ deadlineMs: 500 }))
    await rig.advance(499)
    expect(flush.isOpen).toBe(true)
    await rig.advance(1)
    expect(flush.isOpen).toBe(false)
    const { pending, lanes } = await flush.promise
    expect(pending).toBe(1)
    expect(lanes).toMatchObject([{ user: 'alice', holds: [{ name: 'backing-off' }] }])
  })

  test('waits for a request in flight no longer than its deadline', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    const flush = new Watched(rig.holdfast.flush({ deadlineMs: 500 }))
    await rig.advance(499)
    expect(flush.isOpen).toBe(true)
    await rig.advance(1)
    expect(flush.isOpen).toBe(false)
    expect(await flush.promise).toMatchObject({ pending: 1 })
  })

  test('has a deadline of 5 s if none is given', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    const flush = new Watched(rig.holdfast.flush())
    await rig.advance(4999)
    expect(flush.isOpen).toBe(true)
    await rig.advance(1)
    expect(flush.isOpen).toBe(false)
  })

  test.each<[string, (rig: Rig) => void, number]>([
    ['a backoff', (rig) => rig.last.reply(500), 1000],
    ['the wait after an unknown outcome', (rig) => rig.last.fail(), 1000],
    ['a rate limit', (rig) => rig.last.reply(429, { headers: { 'retry-after': '3' } }), 3000],
    ['the probe of a captive portal', (rig) => rig.last.reply(511), 1000],
  ])('waits for the end of %s, and for what is sent then', async (_name, happen, waitMs) => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.enqueue('two')
    happen(rig)
    await rig.advance()
    const flush = new Watched(rig.holdfast.flush({ deadlineMs: 60_000 }))
    await rig.advance(waitMs - 1)
    expect(rig.bodies).toEqual(['one'])
    expect(flush.isOpen).toBe(true)
    rig.answer = replying(200)
    await rig.advance(1)
    expect(rig.bodies).toEqual(['one', 'one', 'two'])
    expect(flush.isOpen).toBe(false)
    expect(await flush.promise).toEqual({ pending: 0, lanes: [] })
  })

  test('waits for a lane that moves, though another lane needs an outside event', async () => {
    const rig = await Rig.start()
    await rig.login('bob')
    await rig.enqueue('of bob')
    await rig.login('alice', 'a1')
    await rig.enqueue('of alice')
    const flush = new Watched(rig.holdfast.flush())
    await rig.advance(100)
    expect(flush.isOpen).toBe(true)
    rig.last.reply(200)
    await rig.advance()
    expect(flush.isOpen).toBe(false)
    expect(await flush.promise).toMatchObject({ pending: 1, lanes: [{ user: 'bob' }] })
  })

  test.each([
    ['a token', 'awaiting-token', async (rig: Rig) => rig.login('alice')],
    ['the network', 'offline', async (rig: Rig) => rig.tell('offline')],
    ['the machine', 'suspended', async (rig: Rig) => rig.tell('suspended')],
    ['resume()', 'paused', async (rig: Rig) => rig.holdfast.pause()],
    [
      'the requirement',
      'requirement-unknown',
      async (rig: Rig) => rig.whileResting(rig.holdfast.setRequirement('unknown')),
    ],
  ])('does not wait for %s, and says that it is missing', async (_name, hold, prevent) => {
    const rig = await Rig.start()
    if (hold !== 'awaiting-token') await rig.login('alice', 'a1')
    await prevent(rig)
    await rig.enqueue('one')
    const { pending, lanes } = await rig.whileResting(rig.holdfast.flush())
    expect(pending).toBe(1)
    expect(lanes[0]?.holds.map(({ name }) => name)).toEqual([hold])
    expect(lanes[0]?.holds[0]).toMatchObject({ since: rig.time.wall() })
    expect(lanes[0]?.holds[0]?.cause).not.toBe('')
  })

  test('waits for a fresh token where a source is being asked', async () => {
    let answer: ((token: string) => void) | undefined
    const rig = await Rig.start({
      tokenSource: () =>
        new Promise((resolve) => {
          answer = resolve
        }),
      answer: replying(200),
    })
    await rig.login('alice')
    await rig.enqueue('one')
    const flush = new Watched(rig.holdfast.flush())
    await rig.advance(100)
    expect(flush.isOpen).toBe(true)
    answer?.('a1')
    await rig.advance()
    expect(await rig.whileResting(flush.promise)).toEqual({ pending: 0, lanes: [] })
  })

  test('waits for the time of a token that is there', async () => {
    let isTime = false
    const rig = await Rig.start({ answer: (sent) => sent.reply(isTime ? 200 : 401) })
    const nbf = rig.time.wall() + 3000
    await rig.login('alice', jwt({ sub: 'alice', nbf }))
    await rig.enqueue('one')
    await rig.advance(100)
    const flush = new Watched(rig.holdfast.flush())
    isTime = true
    await rig.advance(2899)
    expect(flush.isOpen).toBe(true)
    await rig.advance(1)
    expect(await rig.whileResting(flush.promise)).toEqual({ pending: 0, lanes: [] })
  })

  test('waits for the end of the wait after refused tokens, with a token that is there', async () => {
    let isGood = false
    const rig = await Rig.start({ answer: (sent) => sent.reply(isGood ? 200 : 401) })
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    for (const token of ['a2', 'a3', 'a4', 'a5', 'a6']) {
      await rig.advance(100)
      await rig.whileResting(rig.holdfast.updateToken('alice', token))
    }
    const flush = new Watched(rig.holdfast.flush({ deadlineMs: 60_000 }))
    isGood = true
    await rig.advance(20_000)
    expect(flush.isOpen).toBe(true)
    await rig.advance(10_000)
    expect(await rig.whileResting(flush.promise)).toEqual({ pending: 0, lanes: [] })
  })

  test('of nothing resolves at once', async () => {
    const rig = await Rig.start()
    expect(await rig.whileResting(rig.holdfast.flush())).toEqual({ pending: 0, lanes: [] })
  })
})

// Q19
describe('close()', () => {
  test('lets what is in flight finish within the deadline, and sends nothing more', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.enqueue('two')
    const { holdfast } = rig
    let isClosed = false
    const closed = holdfast.close({ deadlineMs: 1000 }).then(() => {
      isClosed = true
    })
    await rig.advance(500)
    expect(isClosed).toBe(false)
    rig.last.reply(200)
    await rig.advance()
    await closed
    expect(rig.bodies).toEqual(['one'])
    expect(rig.eventsOf('operation.completed')).toHaveLength(1)
    expect(rig.time.nextAt()).toBeNull()
    expect(holdfast.status().queue).toBe('closed')
  })

  test('at its deadline lets go of what is in flight, and tells of no error', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    const id = await rig.enqueue('one')
    const close = new Watched(rig.holdfast.close({ deadlineMs: 1000 }))
    await rig.advance(999)
    expect([close.isOpen, rig.last.signal.aborted]).toEqual([true, false])
    await rig.advance(1)
    await rig.whileResting(close.promise)
    expect(rig.last.signal.aborted).toBe(true)
    expect(rig.eventsOf('error')).toEqual([])
    expect(rig.time.nextAt()).toBeNull()
    const rows = rig.database.prepare('SELECT id FROM holdfast_operations').all()
    expect(rows).toEqual([{ id }])
  })

  test.each([
    [
      'a backoff',
      async (rig: Rig) => {
        rig.last.reply(500)
        await rig.advance()
      },
    ],
    [
      'a rate limit',
      async (rig: Rig) => {
        rig.last.reply(429, { headers: { 'retry-after': '60' } })
        await rig.advance()
      },
    ],
    [
      'a captive portal',
      async (rig: Rig) => {
        rig.last.reply(511)
        await rig.advance()
      },
    ],
    [
      'a refresh',
      async (rig: Rig) => {
        rig.last.reply(401)
        await rig.advance()
      },
    ],
  ])('in the middle of %s leaves no timer', async (_name, happen) => {
    const rig = await Rig.start({ tokenSource: () => new Promise(() => undefined) })
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await happen(rig)
    expect(rig.time.nextAt()).not.toBeNull()
    await rig.close(5000)
    expect(rig.time.nextAt()).toBeNull()
  })

  test('twice is one close, and asyncDispose is another way to say it', async () => {
    const rig = await Rig.start()
    const { holdfast } = rig
    await rig.whileResting(Promise.all([holdfast.close(), holdfast.close()]))
    await rig.whileResting(holdfast[Symbol.asyncDispose]())
    expect(holdfast.status().queue).toBe('closed')
  })

  test('in the turn of the start sends nothing', async () => {
    const first = await Rig.start({ requirement: 'unknown' })
    await first.enqueue('one')
    await first.close()
    const rig = Rig.prepare({ database: first.database })
    const closed = rig.begin({ requirement: 'off' }).then(() => rig.holdfast.close())
    await rig.whileResting(closed)
    expect(rig.sent).toEqual([])
  })

  test('answers every later call with CLOSED, and changes nothing', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    const { holdfast } = rig
    await rig.close()
    const calls = [
      holdfast.enqueue(note({ text: 'late' })),
      holdfast.login('bob', { token: 'b1' }),
      holdfast.logout(),
      holdfast.updateToken('alice', 'a2'),
      holdfast.refreshToken('alice'),
      holdfast.setRequirement('off'),
      holdfast.cancel('1.sg.x'),
      holdfast.retry('1.sg.x'),
      holdfast.discard('1.sg.x'),
      holdfast.flush(),
      holdfast.operation('1.sg.x'),
      holdfast.deadLetters(),
    ]
    for (const result of await Promise.allSettled(calls)) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'CLOSED' } })
    }
    expect(holdfast.status()).toMatchObject({ identity: 'alice', requirement: 'required' })
    holdfast.pause()
    holdfast.resume()
  })

  test('ends a flush, and a logout that flushes', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    const flush = new Watched(rig.holdfast.flush())
    const logout = new Watched(rig.holdfast.logout({ unsent: 'flush' }))
    await rig.advance(100)
    expect([flush.isOpen, logout.isOpen]).toEqual([true, true])
    await rig.close()
    expect(await flush.promise).toMatchObject({ pending: 1 })
    expect(await logout.promise).toEqual({ pending: 1 })
  })

  test('does not wait for a schema that never answers: what waited for it rejects with CLOSED', async () => {
    const { slow, answers } = slowKind()
    const rig = await Rig.start({ operations: [note, slow] })
    await rig.login('alice', 'a1')
    const calls = [
      rig.holdfast.enqueue(slow({ text: 'never' })),
      // Behind it, in the order of the calls (Q2).
      rig.holdfast.enqueue(note({ text: 'behind it' })),
      rig.holdfast.read({ request: () => ({ method: 'GET', path: '/r' }) }),
    ]
    const ended = Promise.allSettled(calls)
    await rig.advance(60_000)
    await rig.close(5000)
    for (const call of await ended) {
      expect(call).toMatchObject({ status: 'rejected', reason: { code: 'CLOSED' } })
    }
    for (const answer of answers) answer()
    await rig.advance(60_000)
    expect(rig.eventsOf('error')).toEqual([])
    expect(rig.sent).toEqual([])
    expect(rig.database.prepare('SELECT id FROM holdfast_operations').all()).toEqual([])
    expect((await replay(rig.journal.lines().join('\n'))).withStorage).toBe(true)
  })

  test('takes what a schema lets pass while something in flight is finishing', async () => {
    const { slow, answers } = slowKind()
    const rig = await Rig.start({ operations: [note, slow] })
    await rig.login('alice', 'a1')
    await rig.enqueue('in flight')
    const enqueued = rig.holdfast.enqueue(slow({ text: 'late' }))
    const closed = rig.holdfast.close({ deadlineMs: 5000 })
    await rig.advance(100)
    for (const answer of answers) answer()
    const { id } = await rig.whileResting(enqueued)
    rig.last.reply(200)
    await rig.whileResting(closed)
    const rows = rig.database.prepare('SELECT id FROM holdfast_operations').all()
    expect(rows).toEqual([{ id }])
  })

  test('does not wait for a vault that never answers: what waited for it rejects with CLOSED', async () => {
    const never = () => new Promise<never>(() => undefined)
    const rig = await Rig.start({ vault: { seal: never, unseal: never } })
    const calls = [
      rig.holdfast.login('alice', { token: 'a1' }),
      rig.holdfast.updateToken('b', 'b1'),
    ]
    const ended = Promise.allSettled(calls)
    await rig.advance(1000)
    await rig.close(5000)
    for (const call of await ended) {
      expect(call).toMatchObject({ status: 'rejected', reason: { code: 'CLOSED' } })
    }
  })

  test('rejects a call that was waiting for storage, rather than leave it open', async () => {
    const rig = await Rig.start()
    const enqueued = rig.holdfast.enqueue(note({ text: 'one' }))
    const closed = rig.holdfast.close()
    const [first] = await rig.whileResting(Promise.allSettled([enqueued, closed]))
    expect(['fulfilled', 'rejected']).toContain(first?.status)
  })
})

// Q15, Q19
test('an idle engine has no timer armed', async () => {
  const rig = await Rig.start({ answer: replying(200) })
  expect(rig.time.nextAt()).toBeNull()
  await rig.login('alice', 'a1')
  await rig.enqueue('one')
  await rig.advance()
  expect(rig.time.nextAt()).toBeNull()
  expect(rig.eventsOf('queue.drained')).toHaveLength(1)
})

// Q15
test('a lane that is parked for a token has no timer armed', async () => {
  const rig = await Rig.start({ answer: replying(401) })
  await rig.login('alice', 'a1')
  await rig.enqueue('one')
  await rig.advance()
  expect(rig.holdsOf('alice')).toEqual(['awaiting-token'])
  expect(rig.time.nextAt()).toBeNull()
})
