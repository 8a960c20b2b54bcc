/** `status()` tells until when each hold lasts, when the next attempt is due, and why the last one failed (Q22). */
import { describe, expect, test } from 'vitest'
import type { HoldName } from '../machines/holds.ts'
import type { LaneStatus } from '../src/engine/status.ts'
import { replay } from '../src/journal/replay.ts'
import { ringJournal } from '../src/journal/ring-journal.ts'
import { memoryVault } from '../src/ports/vault.ts'
import { WALL_START } from '../src/simulation/virtual-time.ts'
import { gate } from './support/gate.ts'
import { jwt } from './support/jwt.ts'
import { neighbours } from './support/neighbours.ts'
import { count, replying, Rig, type RigOptions } from './support/rig.ts'

const HOUR_MS = 3_600_000

function laneOf(rig: Rig, user: string | null = 'alice'): LaneStatus {
  const lane = rig.holdfast.status().lanes.find((one) => one.user === user)
  if (lane === undefined) throw new Error(`no lane of ${user}`)
  return lane
}

/** Of one hold of the lane: in how many milliseconds it ends; null: it ends by no time. */
function endsIn(rig: Rig, name: HoldName, user: string | null = 'alice'): number | null {
  const hold = laneOf(rig, user).holds.find((one) => one.name === name)
  if (hold === undefined) throw new Error(`the lane is not held by ${name}`)
  return hold.until === null ? null : hold.until - rig.time.wall()
}

/** One operation of alice, whose first attempt was answered so. */
async function answered(
  status: number,
  headers: Readonly<Record<string, string>> = {},
  options: RigOptions = {},
): Promise<Rig> {
  const rig = await Rig.start({ backoff: { baseMs: 60_000, jitter: false }, ...options })
  await rig.login('alice', 'a1')
  await rig.enqueue('one')
  rig.last.reply(status, { headers })
  await rig.advance()
  return rig
}

// Q7, Q22
describe('the wait of a lane', () => {
  test('is shown with its end, as the time of the next attempt and as the end of the hold', async () => {
    const rig = await answered(500)
    const { retryAt, holds, lastFailure } = laneOf(rig)
    expect(retryAt).toBe(WALL_START + 60_000)
    expect(holds).toEqual([
      {
        name: 'backing-off',
        cause: 'after attempt 1: status 500',
        since: WALL_START,
        until: retryAt,
      },
    ])
    expect(lastFailure).toEqual({ at: WALL_START, status: 500, code: null })
  })

  test('keeps its end and its failure over a restart', async () => {
    const rig = await answered(500)
    await rig.close()
    await rig.advance(10_000)
    await rig.open()
    expect(laneOf(rig)).toMatchObject({
      retryAt: WALL_START + 60_000,
      lastFailure: { at: WALL_START, status: 500, code: null },
      attempts: 1,
    })
    expect(endsIn(rig, 'backing-off')).toBe(50_000)
  })

  test('that ended while no process ran is not shown, and its failure still is', async () => {
    const rig = await answered(500)
    await rig.close()
    await rig.advance(2 * HOUR_MS)
    await rig.open()
    expect(laneOf(rig)).toMatchObject({ retryAt: null, lastFailure: { status: 500 } })
  })

  test.each([
    ['back', -HOUR_MS],
    ['forward', HOUR_MS],
  ])('ends when it really ends, though the clock was set %s while it lasted', async (_to, byMs) => {
    const rig = await answered(500)
    await rig.advance(20_000)
    rig.time.wallShift += byMs
    // The status is made anew after a change.
    await rig.enqueue('two')
    expect(laneOf(rig).retryAt).toBe(rig.time.wall() + 40_000)
    expect(endsIn(rig, 'backing-off')).toBe(40_000)
    await rig.advance(39_999)
    expect(rig.sent).toHaveLength(1)
    await rig.advance(1)
    expect(rig.sent).toHaveLength(2)
  })

  test('is no longer than it was computed, though the clock was set back while no process ran', async () => {
    const rig = await answered(500)
    await rig.close()
    rig.time.wallShift -= 1000 * HOUR_MS
    await rig.open()
    expect(laneOf(rig).retryAt).toBe(rig.time.wall() + 60_000)
  })

  test('is not shown any more once the network has ended it', async () => {
    const rig = await Rig.start({ backoff: { baseMs: 60_000, jitter: false } })
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    rig.last.fail()
    await rig.advance()
    expect(laneOf(rig)).toMatchObject({ retryAt: WALL_START + 60_000 })
    rig.tell('online')
    await rig.advance()
    expect(laneOf(rig)).toMatchObject({ retryAt: null, holds: [], sending: true })
  })

  test('for neighbours to merge with has an end, and is no wait for a next attempt', async () => {
    const rig = await Rig.start({ requirement: 'off', batchWindowMs: 500 })
    await rig.whileResting(rig.holdfast.enqueue(count({ by: 1 })))
    expect(endsIn(rig, 'backing-off', null)).toBe(500)
    expect(laneOf(rig, null)).toMatchObject({ retryAt: null, lastFailure: null })
  })

  test('of an operation that was adopted is that of the lane in which it waits now', async () => {
    const rig = await Rig.start({
      requirement: 'unknown',
      whileUnknown: 'send',
      anonymous: 'adopt',
      backoff: { baseMs: 60_000, jitter: false },
    })
    await rig.enqueue('of nobody')
    rig.last.reply(500)
    await rig.advance()
    expect(laneOf(rig, null).retryAt).toBe(WALL_START + 60_000)
    await rig.whileResting(rig.holdfast.setRequirement('required'))
    await rig.login('alice', 'a1')
    await rig.advance(10_000)
    expect(rig.holdfast.status().lanes).toHaveLength(1)
    expect(laneOf(rig)).toMatchObject({
      retryAt: WALL_START + 60_000,
      lastFailure: { at: WALL_START, status: 500, code: null },
    })
  })
})

// Q7
describe('a rate limit', () => {
  test('has its end on every lane, and is no wait of the heads of the other lanes', async () => {
    const rig = await answered(503, { 'retry-after': '100' })
    await rig.login('bob', 'b1')
    await rig.enqueue('of bob')
    await rig.advance()
    expect(endsIn(rig, 'rate-limited')).toBe(100_000)
    expect(laneOf(rig).retryAt).toBe(WALL_START + 100_000)
    expect(endsIn(rig, 'rate-limited', 'bob')).toBe(100_000)
    expect(laneOf(rig, 'bob')).toMatchObject({ retryAt: null, lastFailure: null })
  })

  test('keeps its end over a restart', async () => {
    const rig = await answered(503, { 'retry-after': '100' })
    await rig.close()
    await rig.advance(10_000)
    await rig.open()
    expect(endsIn(rig, 'rate-limited')).toBe(90_000)
  })
})

describe('the hold awaiting-token', () => {
  test('ends by no time where only the app can help', async () => {
    const rig = await answered(401)
    expect(endsIn(rig, 'awaiting-token')).toBeNull()
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    rig.last.reply(401)
    await rig.advance()
    // The wait of T8 only tells the app of the need again.
    expect(endsIn(rig, 'awaiting-token')).toBeNull()
  })

  // T6
  test('lasts until a token source that failed is asked again, and not while it is asked', async () => {
    let calls = 0
    const rig = await answered(
      401,
      {},
      {
        tokenSource: () => {
          calls += 1
          return calls === 1 ? Promise.reject(new Error('offline')) : new Promise(() => undefined)
        },
      },
    )
    expect(calls).toBe(1)
    const leftMs = endsIn(rig, 'awaiting-token') ?? 0
    expect(leftMs).toBeGreaterThan(0)
    let toldCount = 0
    rig.holdfast.subscribe(() => (toldCount += 1))
    await rig.advance(leftMs - 1)
    expect([calls, toldCount]).toEqual([1, 0])
    await rig.advance(1)
    expect(calls).toBe(2)
    expect(toldCount).toBeGreaterThan(0)
    expect(endsIn(rig, 'awaiting-token')).toBeNull()
  })

  // T8
  test('lasts until the wait after refused tokens is over', async () => {
    let calls = 0
    const rig = await answered(401, {}, { tokenSource: () => `s${(calls += 1)}` })
    rig.last.reply(401)
    await rig.advance()
    expect(endsIn(rig, 'awaiting-token')).toBe(30_000)
    expect(calls).toBe(1)
    await rig.advance(30_000)
    expect(calls).toBe(2)
  })

  // T8
  test('of tokens that are not tried any more lasts until the newest is tried', async () => {
    const rig = await answered(401)
    for (const token of ['a2', 'a3', 'a4', 'a5', 'a6']) {
      await rig.whileResting(rig.holdfast.updateToken('alice', token))
      const { token: last } = rig.last
      if (last === token) rig.last.reply(401)
      await rig.advance(1)
    }
    expect(rig.last.token).toBe('a5')
    const leftMs = endsIn(rig, 'awaiting-token') ?? 0
    expect(leftMs).toBeGreaterThan(29_000)
    await rig.advance(leftMs)
    expect(rig.last.token).toBe('a6')
  })

  // T9
  test('lasts until the time of the token has come', async () => {
    const rig = await Rig.start()
    await rig.login('alice', jwt({ sub: 'alice', nbf: WALL_START + 120_000 }))
    await rig.enqueue('one')
    rig.last.reply(401)
    await rig.advance()
    expect(endsIn(rig, 'awaiting-token')).toBe(120_000)
  })

  // T6, T8
  test('lasts until the wait after refused tokens is over, though the source has failed meanwhile', async () => {
    const call = gate<string>()
    const rig = await answered(401, {}, { tokenSource: () => call.promise })
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    rig.last.reply(401)
    await rig.advance()
    expect(endsIn(rig, 'awaiting-token')).toBe(30_000)
    call.fail(new Error('offline'))
    await rig.advance(10)
    expect(endsIn(rig, 'awaiting-token')).toBe(29_990)
  })

  // T6, T8
  test('ends by no time once the source has denied, though a wait runs', async () => {
    // It is asked for the next token as soon as this one is sent (T9).
    const short = jwt({ iat: WALL_START - HOUR_MS, exp: WALL_START + 20_000 })
    let calls = 0
    const tokenSource = () => ((calls += 1) === 1 ? short : null)
    const rig = await answered(401, {}, { tokenSource })
    expect([calls, rig.last.token]).toEqual([2, short])
    rig.last.reply(401)
    await rig.advance()
    expect(rig.eventsOf('token.refreshFailed')).toHaveLength(1)
    expect(rig.holdsOf('alice')).toEqual(['awaiting-token', 'signed-out'])
    expect(endsIn(rig, 'awaiting-token')).toBeNull()
    expect(endsIn(rig, 'signed-out')).toBeNull()
  })
})

// Q18
describe('the hold suspended', () => {
  test('lasts for 60 s at most, which begin anew with each report of a sleep', async () => {
    const rig = await Rig.start({ requirement: 'off' })
    rig.tell('suspended')
    await rig.enqueue('one')
    await rig.advance(20_000)
    expect(endsIn(rig, 'suspended', null)).toBe(40_000)
    rig.tell('suspended')
    await rig.advance()
    expect(endsIn(rig, 'suspended', null)).toBe(60_000)
  })
})

test('a hold that ends by an event has no end', async () => {
  const rig = await Rig.start({ requirement: 'off' })
  rig.holdfast.pause()
  rig.tell('offline')
  await rig.enqueue('one')
  expect(laneOf(rig, null).holds.map(({ name, until }) => [name, until])).toEqual([
    ['paused', null],
    ['offline', null],
  ])
})

test('the events of holds tell no end, and a journal from a summary on replays', async () => {
  const journal = ringJournal({ lines: 20 })
  const rig = await answered(503, { 'retry-after': '1' }, { journal })
  expect(Object.keys(rig.eventsOf('lane.held')[0] ?? {}).toSorted()).toEqual([
    'cause',
    'hold',
    'since',
    'user',
  ])
  rig.answer = replying(503, { headers: { 'retry-after': '1' } })
  await rig.advance(600_000)
  expect(journal.text()).toContain('"in":"summary"')
  await replay(journal.text())
})

// Q17, Q22
test('a process that does not dispatch shows the failures that the dispatcher has stored', async () => {
  const { first, second } = neighbours({
    vault: memoryVault(Buffer.alloc(32)),
    backoff: { baseMs: 60_000, jitter: false },
  })
  await first.rig.open()
  await first.rig.login('alice', 'a1')
  await second.rig.open()
  await first.rig.enqueue('one')
  await second.hear()
  expect(laneOf(second.rig)).toMatchObject({ lastFailure: null, attempts: 0 })
  first.rig.last.reply(500)
  await first.rig.advance()
  await second.hear()
  const { lastFailure } = laneOf(first.rig)
  expect(lastFailure).toMatchObject({ status: 500 })
  expect(laneOf(second.rig)).toMatchObject({ lastFailure, attempts: 1, retryAt: null })
  first.rig.answer = replying(200)
  await first.rig.advance(60_000)
  await second.hear()
  expect(second.rig.holdfast.status().lanes).toEqual([])
})
