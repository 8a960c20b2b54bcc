/** Q4, `batchWindowMs`: the head of a merging kind waits a little for neighbours. */
import { describe, expect, test } from 'vitest'
import { count, note, replying, Rig, type RigOptions } from './support/rig.ts'
import { Watched } from './support/watched.ts'

async function signedIn(options: RigOptions = {}): Promise<Rig> {
  const rig = await Rig.start({ answer: replying(), batchWindowMs: 1000, ...options })
  await rig.login('alice', 'a1')
  return rig
}

async function enqueueCount(rig: Rig, by: number): Promise<string> {
  return (await rig.whileResting(rig.holdfast.enqueue(count({ by })))).id
}

function sentAt(rig: Rig): readonly (readonly [number, unknown])[] {
  return rig.sent.map(({ at }, index) => [at, rig.bodies[index]])
}

// Q4
describe('the head of a merging kind', () => {
  test('waits for neighbours; the wait is capped by the window, not restarted by each', async () => {
    const rig = await signedIn()
    for (const by of [1, 2, 4]) {
      await enqueueCount(rig, by)
      await rig.advance(400)
    }
    expect(sentAt(rig)).toEqual([[1000, 7]])
    expect(rig.eventsOf('operation.completed')).toHaveLength(3)
    expect(rig.time.nextAt()).toBeNull()
  })

  test('is sent at once without a window: the default', async () => {
    const rig = await signedIn({ batchWindowMs: 0 })
    await enqueueCount(rig, 1)
    expect(sentAt(rig)).toEqual([[0, 1]])
  })

  test('is sent at once when a hundred are there, though they came one by one', async () => {
    const rig = await signedIn()
    await enqueueCount(rig, 1)
    await rig.advance(10)
    const others = Array.from({ length: 99 }, () => rig.holdfast.enqueue(count({ by: 1 })))
    await rig.whileResting(Promise.all(others))
    expect(sentAt(rig)).toEqual([[10, 100]])
  })

  test('is sent at once when what lies behind cannot join', async () => {
    const rig = await signedIn()
    await enqueueCount(rig, 1)
    await rig.advance(10)
    await rig.enqueue('between')
    await enqueueCount(rig, 2)
    await rig.advance(2000)
    expect(sentAt(rig)).toEqual([
      [10, 1],
      [10, 'between'],
      [1010, 2],
    ])
  })

  test('waits for what is left of the window after a restart, and not anew', async () => {
    const rig = await signedIn()
    await enqueueCount(rig, 1)
    await rig.advance(600)
    rig.crash()
    await rig.open()
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    await enqueueCount(rig, 2)
    await rig.advance(399)
    expect(rig.sent).toHaveLength(0)
    await rig.advance(1)
    expect(sentAt(rig)).toEqual([[1000, 3]])
  })

  test('waits no longer than the window, though the clock jumped back, over a restart too', async () => {
    const rig = await signedIn()
    rig.time.wallShift = 3_600_000
    await enqueueCount(rig, 1)
    await rig.advance(500)
    rig.time.wallShift = 0
    await rig.close()
    await rig.open()
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    await rig.advance(500)
    expect(rig.sent).toHaveLength(1)
    await enqueueCount(rig, 2)
    rig.time.wallShift = -3_600_000
    await rig.advance(1000)
    expect(rig.sent).toHaveLength(2)
  })

  test('does not wait once more after an attempt', async () => {
    const rig = await signedIn({ answer: (sent, index) => sent.reply(index === 0 ? 503 : 200) })
    await enqueueCount(rig, 1)
    await rig.advance(2000)
    expect(rig.sent.map(({ at }) => at)).toEqual([1000, 2000])
  })
})

test('a kind that does not merge is sent at once', async () => {
  const rig = await signedIn()
  await rig.enqueue('one')
  expect(sentAt(rig)).toEqual([[0, 'one']])
})

// Q3
test('what lies behind the waiting head waits with it, other lanes do not', async () => {
  const rig = await signedIn()
  await enqueueCount(rig, 1)
  await rig.login('bob', 'b1')
  await rig.whileResting(rig.holdfast.enqueue(note({ text: 'of bob' })))
  expect(sentAt(rig)).toEqual([[0, 'of bob']])
})

describe('meanwhile', () => {
  test('the head is cancelled: the next one has a window of its own (Q10)', async () => {
    const rig = await signedIn()
    const first = await enqueueCount(rig, 1)
    await rig.advance(300)
    await enqueueCount(rig, 2)
    await rig.whileResting(rig.holdfast.cancel(first))
    await rig.advance(5000)
    expect(sentAt(rig)).toEqual([[1300, 2]])
  })

  test('the only one is cancelled: nothing is sent, no alarm is left (Q15)', async () => {
    const rig = await signedIn()
    await rig.whileResting(rig.holdfast.cancel(await enqueueCount(rig, 1)))
    expect(rig.time.nextAt()).toBeNull()
    expect(rig.holdfast.status().lanes).toEqual([])
  })

  test.each([
    ['keep', [[1000, 1]]],
    ['discard', []],
  ] as const)('the user logs out with `%s` (I7)', async (pending, expected) => {
    const rig = await signedIn()
    await enqueueCount(rig, 1)
    await rig.advance(100)
    await rig.whileResting(rig.holdfast.logout({ unsent: pending }))
    await rig.advance(5000)
    expect(sentAt(rig)).toEqual(expected)
    expect(rig.time.nextAt()).toBeNull()
  })

  test('flush() waits for it (Q19)', async () => {
    const rig = await signedIn()
    await enqueueCount(rig, 1)
    const flush = new Watched(rig.holdfast.flush({ deadlineMs: 5000 }))
    await rig.advance(999)
    expect(flush.isOpen).toBe(true)
    await rig.advance(1)
    expect(flush.isOpen).toBe(false)
    expect((await flush.promise).pending).toBe(0)
  })

  test('a fresh token or the network does not cut it short (Q7)', async () => {
    const rig = await signedIn()
    await enqueueCount(rig, 1)
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    rig.tell('offline')
    rig.tell('online')
    await rig.advance(999)
    expect(rig.sent).toHaveLength(0)
    await rig.advance(1)
    expect(sentAt(rig)).toEqual([[1000, 1]])
  })
})
