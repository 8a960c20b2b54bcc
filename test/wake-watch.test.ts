/** Where no platform tells, a jump of the wall clock against the monotonic one means: the machine slept (Q7, Q15). */
import { describe, expect, test } from 'vitest'
import { replying, Rig, type RigOptions } from './support/rig.ts'

const NIGHT_MS = 8 * 3_600_000

/** Waits for minutes after an attempt. Without a platform, unless one is given. */
async function waiting(end: 'unknown' | 'retry', options: RigOptions = {}): Promise<Rig> {
  const rig = Rig.prepare({
    backoff: { base: 200_000, jitter: false },
    answer: (sent) => (end === 'unknown' ? sent.fail() : sent.reply(500)),
    ...options,
  })
  await rig.open({ platform: undefined as never, ...options })
  await rig.login('alice', 'a1')
  await rig.enqueue('one')
  await rig.advance()
  expect(rig.holdsOf('alice')).toEqual(['backing-off'])
  return rig
}

// Q7
describe('a gap in time while a lane waits', () => {
  test('after an unknown outcome cuts the wait short', async () => {
    const rig = await waiting('unknown')
    await rig.advance(10_000)
    rig.time.wallShift += NIGHT_MS
    rig.answer = replying()
    await rig.advance(20_000)
    expect(rig.sent.map(({ at }) => at)).toEqual([0, 30_000])
    expect(rig.eventsOf('operation.completed')).toHaveLength(1)
  })

  test('is noticed in the second half minute too, and none means the whole wait', async () => {
    const rig = await waiting('unknown')
    await rig.advance(40_000)
    rig.time.wallShift += 6000
    await rig.advance(20_000)
    expect(rig.sent.map(({ at }) => at)).toEqual([0, 60_000])
    const other = await waiting('unknown')
    await other.advance(199_999)
    expect(other.sent).toHaveLength(1)
    await other.advance(1)
    expect(other.sent).toHaveLength(2)
  })

  test('that is small, or goes back, is a clock that was set', async () => {
    const rig = await waiting('unknown')
    rig.time.wallShift += 4000
    await rig.advance(30_000)
    rig.time.wallShift -= NIGHT_MS
    await rig.advance(60_000)
    expect(rig.sent).toHaveLength(1)
  })

  test('after `retry` changes nothing, and nobody even looks', async () => {
    const rig = await waiting('retry')
    expect(rig.time.nextAt()).toBe(200_000)
    rig.time.wallShift += NIGHT_MS
    await rig.advance(199_999)
    expect(rig.sent).toHaveLength(1)
  })
})

// Q15
describe('nobody looks', () => {
  test('once nobody waits any more: an idle engine has no alarm', async () => {
    const rig = await waiting('unknown', { backoff: { base: 10_000, jitter: false } })
    rig.answer = replying()
    await rig.advance(10_000)
    expect(rig.sent).toHaveLength(2)
    expect(rig.time.nextAt()).toBeNull()
  })

  test('once what waited is discarded', async () => {
    const rig = await waiting('unknown')
    const id = rig.eventsOf('operation.enqueued')[0]?.id ?? ''
    await rig.whileResting(rig.holdfast.discard(id))
    expect(rig.time.nextAt()).toBeNull()
  })

  test('where a platform tells', async () => {
    const silent = { isOnline: () => true, subscribe: () => () => undefined }
    const rig = await waiting('unknown', { platform: silent })
    expect(rig.time.nextAt()).toBe(200_000)
    rig.time.wallShift += NIGHT_MS
    await rig.advance(199_999)
    expect(rig.sent).toHaveLength(1)
  })
})
