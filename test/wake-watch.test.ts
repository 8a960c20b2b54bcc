/** Until a platform has told of a waking, an alarm that comes too late, by either clock, means: the machine slept (Q7, Q15, Q18). */
import { describe, expect, test } from 'vitest'
import { replay } from '../src/journal/replay.ts'
import { BeginningAnew } from './support/beginning-anew.ts'
import { replying, Rig, type RigOptions } from './support/rig.ts'

const NIGHT_MS = 8 * 3_600_000

/** Waits that no sleep here outlasts. */
const LONG = { baseMs: 100_000_000, capMs: 1_000_000_000, jitter: false } as const

/** Waits for minutes after an attempt. Without a platform, unless one is given. */
async function waiting(end: 'unknown' | 'retry', options: RigOptions = {}): Promise<Rig> {
  const rig = Rig.prepare({
    backoff: { baseMs: 200_000, jitter: false },
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
    const rig = await waiting('unknown', { backoff: { baseMs: 10_000, jitter: false } })
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

  test('once a platform has told of a waking', async () => {
    const rig = await waiting('unknown', { platform: undefined as never })
    expect(rig.time.nextAt()).toBe(30_000)
    await rig.close()
    const told = await Rig.start({ backoff: { baseMs: 200_000, jitter: false } })
    await told.login('alice', 'a1')
    told.tell('resumed')
    await told.enqueue('one')
    told.last.fail()
    await told.advance()
    expect(told.time.nextAt()).toBe(200_000)
    told.time.sleep(100_000, 'linux')
    await told.advance(199_999)
    expect(told.sent).toHaveLength(1)
  })

  test('while the network is down: its return ends the same waits', async () => {
    const rig = await Rig.start({ backoff: { baseMs: 200_000, jitter: false } })
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    rig.last.fail()
    await rig.advance()
    rig.tell('offline')
    await rig.advance()
    expect(rig.time.nextAt()).toBe(200_000)
    rig.tell('online')
    await rig.advance()
    expect(rig.sent).toHaveLength(2)
  })
})

// Q18
describe.each(['linux', 'macos', 'windows'] as const)('on %s a waking is noticed', (system) => {
  test('at once where the alarm was due in sleep, else as the alarm comes', async () => {
    const rig = await waiting('unknown')
    await rig.advance(10_000)
    rig.time.sleep(NIGHT_MS, system)
    rig.answer = replying()
    await rig.advance(20_000)
    expect(rig.sent.map(({ at }) => at)).toEqual([
      0,
      system === 'linux' ? NIGHT_MS + 30_000 : NIGHT_MS + 10_000,
    ])
  })

  test('also where the wall clock was set back meanwhile, if the other one shows it', async () => {
    const rig = await waiting('unknown', { backoff: LONG })
    rig.time.sleep(NIGHT_MS, system)
    rig.time.wallShift -= 2 * NIGHT_MS
    await rig.advance(30_000)
    expect(rig.sent).toHaveLength(system === 'linux' ? 1 : 2)
  })

  test('only once for each sleep', async () => {
    const rig = await waiting('unknown', { backoff: LONG })
    rig.time.sleep(60_000, system)
    await rig.advance(90_000)
    expect(rig.sent).toHaveLength(2)
    rig.time.sleep(60_000, system)
    await rig.advance(90_000)
    expect(rig.sent).toHaveLength(3)
  })

  test('not where the machine slept for 5 s', async () => {
    const rig = await waiting('unknown')
    await rig.advance(29_999)
    rig.time.sleep(5000, system)
    await rig.advance(100_000)
    expect(rig.sent).toHaveLength(1)
  })
})

// Q18
test.each([
  ['that tells of the network alone', 'online'],
  ['that tells of going to sleep alone', 'suspended'],
] as const)('the watch goes on with a platform %s', async (_what, event) => {
  const rig = await Rig.start({ backoff: { baseMs: 400_000, jitter: false } })
  await rig.login('alice', 'a1')
  rig.tell(event)
  await rig.advance(70_000)
  await rig.enqueue('one')
  rig.last.fail()
  await rig.advance()
  rig.time.sleep(100_000, 'macos')
  await rig.advance()
  expect(rig.sent).toHaveLength(2)
})

// V: replays
test('a journal that begins while the watch looks replays, and so does one after the platform has told', async () => {
  const journal = new BeginningAnew()
  const rig = await Rig.start({ journal, backoff: { baseMs: 200_000, jitter: false } })
  await rig.login('alice', 'a1')
  await rig.enqueue('one')
  rig.last.fail()
  await rig.advance(10_000)
  rig.time.sleep(100_000, 'macos')
  await rig.advance(1000)
  rig.last.fail()
  await rig.advance(1000)
  rig.tell('suspended')
  await rig.advance(1000)
  rig.tell('resumed')
  await rig.advance()
  rig.last.fail()
  await rig.advance(30_000)
  await rig.close()
  const beginnings = journal.beginnings()
  for (const { text } of beginnings) await replay(text)
  expect(beginnings.filter(({ under }) => under.includes('wake')).length).toBeGreaterThan(2)
  expect(beginnings.filter(({ under }) => under.includes('suspended')).length).toBeGreaterThan(0)
})
