/** Cancel, retry and discard against what happens at the same moment (Q9, Q10). */
import { describe, expect, test } from 'vitest'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import { Failures } from './support/failing-storage.ts'
import { count, replying, Rig } from './support/rig.ts'

describe('an operation that is being taken back', () => {
  // Q10
  test('is never sent, though its turn comes before it is gone', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    const two = await rig.enqueue('two')
    rig.last.reply(200)
    const cancelled = rig.holdfast.cancel(two)
    await rig.whileResting(cancelled)
    await rig.advance()
    expect(rig.bodies).toEqual(['one'])
    expect(rig.eventsOf('operation.cancelled')).toMatchObject([{ id: two }])
    expect(rig.holdfast.status().counts.pending).toBe(0)
  })

  // Q9
  test('is never sent while it is being discarded either, and the lane goes on behind it', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    const two = await rig.enqueue('two')
    await rig.enqueue('three')
    rig.last.reply(200)
    const discarded = rig.holdfast.discard(two)
    await rig.whileResting(discarded)
    await rig.advance()
    expect(rig.bodies).toEqual(['one', 'three'])
  })

  // Q5, Q10
  test.each(['cancel', 'discard'] as const)(
    'leaves the envelope that is being recorded with it (%s)',
    async (call) => {
      const rig = Rig.prepare()
      const failures = new Failures(sqliteStorage({ database: rig.database }))
      await rig.open({ storage: failures.storage })
      await rig.login('alice', 'a1')
      rig.holdfast.pause()
      const ids: string[] = []
      for (const by of [1, 2, 4]) {
        const { id } = await rig.whileResting(rig.holdfast.enqueue(count({ by })))
        ids.push(id)
      }
      failures.failOn(['envelope'])
      rig.holdfast.resume()
      await rig.advance()
      await rig.whileResting(rig.holdfast[call](ids[1] ?? ''))
      failures.failOn(null)
      await rig.advance(10_000)
      expect(rig.bodies).toEqual([5])
      rig.last.reply(200)
      await rig.advance()
      expect(rig.holdfast.status().counts.pending).toBe(0)
    },
  )

  test('as the head leaves the envelope that is being recorded to the others', async () => {
    const rig = Rig.prepare()
    const failures = new Failures(sqliteStorage({ database: rig.database }))
    await rig.open({ storage: failures.storage })
    await rig.login('alice', 'a1')
    failures.failOn(['envelope'])
    const calls = [1, 2].map((by) => rig.holdfast.enqueue(count({ by })))
    const [first] = await rig.whileResting(Promise.all(calls))
    await rig.advance()
    await rig.whileResting(rig.holdfast.cancel(first?.id ?? ''))
    failures.failOn(null)
    await rig.advance(10_000)
    expect(rig.bodies).toEqual([2])
  })
})

// Q9: after a crash its outcome is unknown, though that cannot be stored yet
test('a member of a recorded envelope takes the others along, also before storage knows that it may have been sent', async () => {
  const rig = Rig.prepare()
  const failures = new Failures(sqliteStorage({ database: rig.database }))
  await rig.open({ storage: failures.storage })
  await rig.login('alice', 'a1')
  rig.holdfast.pause()
  const calls = [1, 2, 4].map((by) => rig.holdfast.enqueue(count({ by })))
  const [first, second, third] = await rig.whileResting(Promise.all(calls))
  rig.holdfast.resume()
  await rig.advance()
  expect(rig.bodies).toEqual([7])
  rig.crash()
  const after = new Failures(sqliteStorage({ database: rig.database }))
  after.failOn(['envelope'])
  await rig.open({ storage: after.storage })
  await rig.advance()
  after.failOn(null)
  await rig.whileResting(rig.holdfast.discard(second?.id ?? ''))
  const dropped = rig.eventsOf('operation.dropped').map(({ id }) => id)
  expect(dropped).toEqual([first?.id, second?.id, third?.id])
  await rig.advance(10_000)
  expect(rig.holdfast.status().counts.pending).toBe(0)
  expect(rig.database.prepare('SELECT * FROM holdfast_envelopes').all()).toEqual([])
})

describe('a retried dead letter', () => {
  // Q2, Q9
  test('goes before what lies behind it, though that was about to be sent', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    const one = await rig.enqueue('one')
    rig.last.reply(422)
    await rig.advance()
    await rig.enqueue('two')
    await rig.enqueue('three')
    const retried = rig.holdfast.retry(one)
    // It has been found by then, and is about to be put back.
    for (let n = 0; n < 30; n += 1) await Promise.resolve()
    rig.last.reply(200)
    await rig.whileResting(retried)
    await rig.advance()
    rig.last.reply(200)
    await rig.advance()
    rig.last.reply(200)
    await rig.advance()
    expect(rig.bodies).toEqual(['one', 'two', 'one', 'three'])
  })
})

// Q9, E4
describe('what is no dead letter', () => {
  const retried = (rig: Rig, id: string) => rig.whileResting(rig.holdfast.retry(id))
  const notRetryable = { name: 'HoldfastError', code: 'NOT_RETRYABLE', retryable: false }

  test('cannot be retried: neither in flight nor pending, and it goes on as if nobody had asked', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    const inFlight = await rig.enqueue('in flight')
    const pending = await rig.enqueue('pending')
    await expect(retried(rig, inFlight)).rejects.toMatchObject(notRetryable)
    await expect(retried(rig, pending)).rejects.toMatchObject(notRetryable)
    rig.answer = replying(200)
    rig.last.reply(200)
    await rig.advance()
    expect(rig.bodies).toEqual(['in flight', 'pending'])
    expect(rig.eventsOf('operation.completed')).toHaveLength(2)
  })

  test('cannot be retried after it has settled, as far as that is remembered', async () => {
    const rig = await Rig.start({ retainCompleted: true })
    await rig.login('alice', 'a1')
    const completed = await rig.enqueue('completed')
    const cancelled = await rig.enqueue('cancelled')
    await rig.whileResting(rig.holdfast.cancel(cancelled))
    rig.last.reply(200)
    await rig.advance()
    await expect(retried(rig, completed)).rejects.toMatchObject(notRetryable)
    await expect(retried(rig, cancelled)).rejects.toMatchObject(notRetryable)
    expect(rig.bodies).toEqual(['completed'])
  })

  test.each(['cancel', 'retry', 'discard'] as const)(
    'nor anything else, is unknown to %s(), and nothing changes',
    async (call) => {
      const rig = await Rig.start()
      await rig.login('alice', 'a1')
      const completed = await rig.enqueue('completed')
      rig.last.reply(200)
      await rig.advance()
      const pending = await rig.enqueue('pending')
      for (const id of [completed, 'nobody', `${pending}x`]) {
        const called = rig.whileResting<unknown>(rig.holdfast[call](id))
        await expect(called).rejects.toMatchObject({ code: 'UNKNOWN_OPERATION', retryable: false })
      }
      expect(rig.holdfast.status().counts.pending).toBe(1)
    },
  )
})
