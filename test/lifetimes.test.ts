/** How `expiresInMs` elapses (Q8), where a scenario cannot say it: clocks that tell less, many settings of the clock, replays. */
import { describe, expect, test } from 'vitest'
import { Lifetimes } from '../src/engine/sending/lifetimes.ts'
import type { OperationId } from '../src/model.ts'
import type { Boundary } from '../src/engine/boundary/boundary.ts'
import { checkedClock } from '../src/checks/ports.ts'
import { replay } from '../src/journal/replay.ts'
import { type Clock, systemClock } from '../src/ports/clock.ts'
import { type System, SYSTEMS } from '../src/simulation/sleep.ts'
import { VirtualTime } from '../src/simulation/virtual-time.ts'
import { BeginningAnew } from './support/beginning-anew.ts'
import { note, replying, Rig } from './support/rig.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** A machine with its clocks, and a process on it. */
class Desk {
  readonly time = new VirtualTime()
  /** How often the uptime was asked for. */
  pullCount = 0
  readonly lifetimes: Lifetimes
  readonly #clock: Clock
  #count = 0

  /** `uptime`: what the clock tells of sleep; null: nothing. Default: as the machine does. */
  constructor(uptime: (() => number) | null = () => this.time.now) {
    const clock = boundClock(this.time.clock({ isAlive: true }))
    this.#clock = { ...clock, ...(uptime !== null && { uptime }) }
    this.lifetimes = this.begin()
  }

  /** Another process begins. */
  begin(): Lifetimes {
    const clock = this.#clock
    const boundary = {
      get wall() {
        return clock.wall()
      },
      get monotonic() {
        return clock.monotonic()
      },
      pull: <T>(_name: string, _codec: unknown, take: () => T) => {
        this.pullCount += 1
        return take()
      },
    }
    return new Lifetimes({ boundary: boundary as Partial<Boundary> as Boundary, clock })
  }

  /** Enqueues an operation that has so long. */
  row(expiresInMs: number | null) {
    this.#count += 1
    const enqueuedAt = this.time.wall()
    const expiresAt = expiresInMs === null ? null : enqueuedAt + expiresInMs
    return { id: `n${this.#count}` as OperationId, enqueuedAt, expiresAt }
  }

  enqueue(expiresInMs: number | null) {
    const row = this.row(expiresInMs)
    this.lifetimes.enqueued(row)
    return row
  }

  wait(ms: number): void {
    this.time.now += ms
  }

  set(byMs: number): void {
    this.time.wallShift += byMs
  }
}

/** The clock without `uptime()`, as functions. */
function boundClock(clock: Clock): Omit<Clock, 'uptime'> {
  return {
    wall: () => clock.wall(),
    monotonic: () => clock.monotonic(),
    after: (delayMs, run) => clock.after(delayMs, run),
    atTurnEnd: (run) => clock.atTurnEnd(run),
  }
}

// Q8
describe('the own time of an operation elapses', () => {
  test.each([HOUR_MS, -HOUR_MS])(
    'by the monotonic clock, whenever the wall clock is set by %d ms',
    (byMs) => {
      const desk = new Desk()
      const before = desk.enqueue(MINUTE_MS)
      desk.wait(10)
      desk.set(byMs)
      const after = desk.enqueue(MINUTE_MS)
      desk.wait(MINUTE_MS - 11)
      expect(desk.lifetimes.isOver(before)).toBe(false)
      desk.wait(1)
      expect(desk.lifetimes.isOver(before)).toBe(true)
      expect(desk.lifetimes.isOver(after)).toBe(false)
      desk.wait(10)
      expect(desk.lifetimes.isOver(after)).toBe(true)
    },
  )

  test('without end where the operation has no time of its own, and then nobody asks the clock', () => {
    const desk = new Desk()
    const row = desk.enqueue(null)
    desk.wait(1000 * HOUR_MS)
    expect(desk.lifetimes.isOver(row)).toBe(false)
    expect(desk.pullCount).toBe(0)
  })

  test('with one question to the clock for its beginning, and one for each setting of the wall clock', () => {
    const desk = new Desk()
    const row = desk.enqueue(HOUR_MS)
    for (let count = 0; count < 10; count += 1) {
      desk.wait(1000)
      desk.lifetimes.isOver(row)
    }
    expect(desk.pullCount).toBe(1)
    desk.set(HOUR_MS)
    desk.lifetimes.isOver(row)
    desk.lifetimes.isOver(row)
    expect(desk.pullCount).toBe(2)
  })

  test('rightly after a thousand settings of the wall clock', () => {
    const desk = new Desk()
    const first = desk.enqueue(2000 * 1000)
    for (let count = 0; count < 1000; count += 1) {
      desk.wait(1000)
      desk.set(count % 3 === 0 ? -HOUR_MS : HOUR_MS)
      desk.lifetimes.look()
    }
    const last = desk.enqueue(MINUTE_MS)
    desk.wait(MINUTE_MS)
    expect(desk.lifetimes.isOver(last)).toBe(true)
    expect(desk.lifetimes.isOver(first)).toBe(false)
    expect(desk.lifetimes.save()?.stretches.length).toBeLessThan(100)
    desk.wait(940 * 1000)
    expect(desk.lifetimes.isOver(first)).toBe(true)
  })

  test('by the stretches of the wall clock where more operations wait than are remembered one by one', () => {
    const desk = new Desk()
    for (let count = 0; count < 10_000; count += 1) desk.enqueue(HOUR_MS)
    const row = desk.enqueue(MINUTE_MS)
    desk.set(HOUR_MS)
    desk.wait(MINUTE_MS - 1)
    expect(desk.lifetimes.isOver(row)).toBe(false)
    desk.wait(1)
    expect(desk.lifetimes.isOver(row)).toBe(true)
    expect(desk.lifetimes.save()?.own.length).toBeLessThan(5000)
  })

  test('and what has settled is not remembered', () => {
    const desk = new Desk()
    const row = desk.enqueue(MINUTE_MS)
    desk.lifetimes.settled([row])
    expect(desk.lifetimes.save()?.own).toEqual([])
  })
})

// Q8
describe('an operation from before the process', () => {
  test.each([
    ['forward', HOUR_MS, true],
    ['backward', -HOUR_MS, false],
  ])(
    'counts a wall clock that was set %s meanwhile as that clock says, and never less than 0',
    (_way, byMs, isOver) => {
      const desk = new Desk()
      const row = desk.enqueue(MINUTE_MS)
      desk.wait(1000)
      desk.set(byMs)
      const next = desk.begin()
      next.look()
      expect(next.isOver(row)).toBe(isOver)
      desk.set(-byMs)
      desk.wait(MINUTE_MS - 1)
      expect(next.isOver(row)).toBe(isOver)
      desk.wait(1)
      expect(next.isOver(row)).toBe(true)
    },
  )

  test('that lies ahead is no younger when the wall clock comes to that hour again', () => {
    const desk = new Desk()
    const row = desk.row(2 * HOUR_MS)
    desk.set(-HOUR_MS)
    const next = desk.begin()
    next.look()
    desk.wait(2 * HOUR_MS - 1)
    expect(next.isOver(row)).toBe(false)
    desk.wait(1)
    expect(next.isOver(row)).toBe(true)
  })
})

// Q8, Q17
describe('an operation of another process', () => {
  test.each([HOUR_MS, -HOUR_MS])(
    'is as old as its enqueue, whenever the wall clock is set by %d ms',
    (byMs) => {
      const desk = new Desk()
      desk.lifetimes.heardOfOthers()
      desk.wait(1000)
      const before = desk.row(MINUTE_MS)
      desk.lifetimes.heardOfOthers()
      desk.wait(1000)
      desk.set(byMs)
      const after = desk.row(MINUTE_MS)
      desk.lifetimes.heardOfOthers()
      desk.wait(MINUTE_MS - 1001)
      expect(desk.lifetimes.isOver(before)).toBe(false)
      desk.wait(1)
      expect(desk.lifetimes.isOver(before)).toBe(true)
      desk.wait(999)
      expect(desk.lifetimes.isOver(after)).toBe(false)
      desk.wait(1)
      expect(desk.lifetimes.isOver(after)).toBe(true)
    },
  )

  test('from an hour that the wall clock showed twice is never dropped too early', () => {
    const desk = new Desk()
    desk.lifetimes.heardOfOthers()
    desk.wait(HOUR_MS)
    desk.lifetimes.look()
    desk.set(-HOUR_MS)
    desk.wait(30 * MINUTE_MS)
    const row = desk.row(MINUTE_MS)
    desk.lifetimes.heardOfOthers()
    desk.wait(MINUTE_MS - 1)
    expect(desk.lifetimes.isOver(row)).toBe(false)
    desk.wait(1)
    expect(desk.lifetimes.isOver(row)).toBe(true)
  })
})

// Q8
describe.each(SYSTEMS)('on %s a sleep of an hour', (system: System) => {
  test('counts, with and without a wall clock that is set at the same time', () => {
    for (const byMs of [0, HOUR_MS, -3 * HOUR_MS]) {
      const desk = new Desk()
      const short = desk.enqueue(HOUR_MS)
      const long = desk.enqueue(HOUR_MS + 1)
      desk.time.sleep(HOUR_MS, system)
      desk.set(byMs)
      expect([byMs, desk.lifetimes.isOver(short), desk.lifetimes.isOver(long)]).toEqual([
        byMs,
        true,
        false,
      ])
    }
  })

  test('counts where the wake is noticed and the clock does not tell of sleep', () => {
    const desk = new Desk(null)
    const short = desk.enqueue(HOUR_MS)
    const long = desk.enqueue(HOUR_MS + 1)
    desk.time.sleep(HOUR_MS, system)
    desk.lifetimes.woke()
    expect([desk.lifetimes.isOver(short), desk.lifetimes.isOver(long)]).toEqual([true, false])
  })

  test('does not count where nothing tells of it but the wall clock, which may have been set', () => {
    const desk = new Desk(null)
    const row = desk.enqueue(HOUR_MS)
    desk.time.sleep(HOUR_MS, system)
    expect(desk.lifetimes.isOver(row)).toBe(system !== 'linux')
  })
})

// Q8, E3
test.each([
  [
    'throws',
    () => {
      throw new Error('no such clock')
    },
  ],
  ['answers no number', () => Number.NaN],
  ['answers with a promise', () => Promise.reject(new Error('later')) as never],
])('a clock whose uptime() %s is one that does not tell', (_what, uptime: () => number) => {
  const desk = new Desk(uptime)
  const row = desk.enqueue(MINUTE_MS)
  desk.set(HOUR_MS)
  desk.wait(MINUTE_MS - 1)
  expect(desk.lifetimes.isOver(row)).toBe(false)
  desk.wait(1)
  expect(desk.lifetimes.isOver(row)).toBe(true)
})

// Q21
test('a checked clock passes uptime() on, and has none where the app gives none', () => {
  const without = boundClock(systemClock)
  expect(checkedClock({ ...without, uptime: () => 7 }).uptime?.()).toBe(7)
  expect('uptime' in checkedClock(without)).toBe(false)
})

// Q8
test('the clock of the machine tells of sleep, and is exact to 0.1 s', () => {
  expect('uptime' in systemClock).toBe(process.platform === 'linux')
  const ahead = () => (systemClock.uptime?.() ?? systemClock.monotonic()) - systemClock.monotonic()
  // Another process may come between the two readings, not each time.
  const differences = Array.from({ length: 20 }, () => Math.abs(ahead() - ahead()))
  expect(Math.min(...differences)).toBeLessThan(100)
})

// V: replays
test('a journal that begins after the wall clock was set decides of ages as the run did', async () => {
  const journal = new BeginningAnew()
  const rig = await Rig.start({ journal })
  await rig.login('alice', 'a1')
  rig.tell('offline')
  const enqueue = (text: string, expiresInMs: number) =>
    rig.whileResting(rig.holdfast.enqueue({ ...note({ text }), expiresInMs }))
  await enqueue('one', MINUTE_MS)
  await enqueue('two', 2 * MINUTE_MS)
  await rig.advance(1000)
  rig.time.wallShift += HOUR_MS
  await enqueue('three', MINUTE_MS)
  rig.time.wallShift -= 2 * HOUR_MS
  rig.time.sleep(20_000, 'linux')
  await enqueue('four', MINUTE_MS)
  await rig.advance(39_000)
  rig.answer = replying()
  rig.tell('online')
  await rig.advance(1000)
  expect(rig.bodies).toEqual(['two', 'three', 'four'])
  await rig.close()
  const beginnings = journal.beginnings()
  expect(
    beginnings.filter(({ summary }) => (summary.lifetimes?.stretches.length ?? 0) > 1).length,
  ).toBeGreaterThan(2)
  for (const { text } of beginnings) await replay(text)
})
