/** The watch on commits of other processes proves itself, repairs its side file, and is replaced by looks where it fails (Q17). */
import { mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { replay } from '../src/journal/replay.ts'
import { SqliteStorage } from '../storage/sqlite/sqlite-storage.ts'
import { type System, THIS_SYSTEM } from '../storage/sqlite/system.ts'
import type { WatchLoss } from '../storage/storage.ts'
import { Rig } from './support/rig.ts'
import { ALICE, enqueueing, SqliteLife } from './support/sqlite-life.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

/** Timers that the test fires. */
class HandTimers {
  readonly armed: { readonly ms: number; readonly run: () => void }[] = []

  readonly after = (ms: number, run: () => void) => {
    const timer = { ms, run }
    this.armed.push(timer)
    return { cancel: () => this.#disarm(timer) }
  }

  /** Fires what is armed for so long. */
  fire(ms: number): void {
    for (const timer of this.armed.filter((one) => one.ms === ms)) {
      this.#disarm(timer)
      timer.run()
    }
  }

  #disarm(timer: HandTimers['armed'][number]): void {
    const index = this.armed.indexOf(timer)
    if (index !== -1) this.armed.splice(index, 1)
  }
}

/** A system whose watch is in the hands of the test. */
class HandWatch {
  heard: ((kind: 'change' | 'rename') => void) | null = null
  failed: () => void = () => undefined
  watchCount = 0
  readonly touches: number[] = []
  readonly system: System

  constructor(system: Partial<System> = {}) {
    this.system = {
      ...THIS_SYSTEM,
      touch: (path, at) => {
        this.touches.push(at)
        THIS_SYSTEM.touch(path, at)
      },
      watch: (_, heard, failed) => {
        this.watchCount += 1
        this.heard = heard
        this.failed = failed
        return { close: () => (this.heard = null) }
      },
      ...system,
    }
  }
}

/** A storage that watches, and another one on the same file that does not. */
async function watching(system: System) {
  const file = join(temporaryFolder(), 'outbox.db')
  const timers = new HandTimers()
  const life = await SqliteLife.open({ file }, {}, { ...system, after: timers.after })
  const other = await SqliteLife.open({ file })
  const news = vi.fn<() => void>()
  const lost = vi.fn<(why: WatchLoss) => void>()
  const stop = life.storage.watch(news, lost)
  const endTurns = () => {
    while (life.endTurn());
  }
  endTurns()
  /** Another process commits. */
  const commitElsewhere = async () => {
    await other.commit([enqueueing(ALICE)])
    news.mockClear()
  }
  return { file, life, other, timers, news, lost, stop, endTurns, commitElsewhere }
}

// Q17
describe('A watch', () => {
  test('that tells of the touch of its own within 2 s has proved itself, and leaves no timer', async () => {
    const hand = new HandWatch()
    const { timers, lost } = await watching(hand.system)
    expect(hand.touches).toHaveLength(1)
    expect(timers.armed).toMatchObject([{ ms: 2000 }])
    hand.heard?.('change')
    expect(timers.armed).toEqual([])
    expect(lost).not.toHaveBeenCalled()
  })

  test('of this system proves itself', async () => {
    const { timers, life } = await watching(THIS_SYSTEM)
    await vi.waitFor(() => expect(timers.armed).toEqual([]))
    life.endTurn()
  })

  test.each<[string, Partial<System>, (hand: HandWatch, timers: HandTimers) => void, WatchLoss]>([
    [
      'that cannot be made',
      {
        watch: () => {
          throw new Error('EMFILE')
        },
      },
      () => undefined,
      'failed',
    ],
    ['that tells nothing', {}, (_, timers) => timers.fire(2000), 'unproved'],
    [
      'whose file nobody may touch',
      {
        touch: () => {
          throw Object.assign(new Error('EPERM'), { code: 'EPERM' })
        },
      },
      (_, timers) => timers.fire(2000),
      'unproved',
    ],
    [
      'that fails later',
      {},
      (hand) => {
        hand.heard?.('change')
        hand.failed()
      },
      'failed',
    ],
  ])('%s is told of once, and a look every 30 s notices the others', async (...given) => {
    const [, system, fails, why] = given
    const hand = new HandWatch(system)
    const { timers, news, lost, endTurns, commitElsewhere, stop } = await watching(hand.system)
    fails(hand, timers)
    endTurns()
    expect(lost.mock.calls).toEqual([[why]])
    expect(timers.armed).toMatchObject([{ ms: 30_000 }])
    for (const round of [1, 2]) {
      await commitElsewhere()
      endTurns()
      expect(news).not.toHaveBeenCalled()
      timers.fire(30_000)
      endTurns()
      expect(news).toHaveBeenCalledOnce()
      expect(lost).toHaveBeenCalledOnce()
      expect(timers.armed, `after look ${round}`).toHaveLength(1)
    }
    stop()
    expect(timers.armed).toEqual([])
  })

  test('whose file was removed makes it again, and hears of the next commit elsewhere', async () => {
    const { file, life, other, news, lost } = await watching(THIS_SYSTEM)
    rmSync(`${file}-commits`)
    const heard = async () => {
      await vi.waitFor(() => {
        life.endTurn()
        expect(news).toHaveBeenCalled()
      })
      news.mockClear()
    }
    await vi.waitFor(() => expect(statSync(`${file}-commits`).size).toBe(0))
    for (let n = 0; n < 3; n += 1) {
      await other.commit([enqueueing(ALICE)])
      await heard()
    }
    expect(lost).not.toHaveBeenCalled()
  })

  test('whose file was replaced, as a synchronising client does, watches the new one', async () => {
    const { file, life, other, news, lost } = await watching(THIS_SYSTEM)
    writeFileSync(`${file}-new`, '')
    renameSync(`${file}-new`, `${file}-commits`)
    await new Promise(setImmediate)
    await vi.waitFor(async () => {
      await other.commit([enqueueing(ALICE)])
      life.endTurn()
      expect(news).toHaveBeenCalled()
    })
    expect(lost).not.toHaveBeenCalled()
  })

  test('makes its removed file again also if the system has not told of that', async () => {
    const hand = new HandWatch()
    const { file, life, timers } = await watching(hand.system)
    hand.heard?.('change')
    rmSync(`${file}-commits`)
    await life.commit([enqueueing(ALICE)])
    expect(statSync(`${file}-commits`).size).toBe(0)
    expect(hand.watchCount).toBe(2)
    expect(timers.armed).toMatchObject([{ ms: 2000 }])
  })

  test('whose file cannot be made again is told of as gone', async () => {
    const hand = new HandWatch()
    const { file, life, lost, endTurns } = await watching(hand.system)
    rmSync(`${file}-commits`)
    mkdirSync(`${file}-commits`)
    hand.heard?.('rename')
    endTurns()
    expect(lost.mock.calls).toEqual([['gone']])
    expect(life.storage).toBeDefined()
  })

  test('whose file was replaced by one of the same number, as ext4 numbers it, watches the new one', async () => {
    let birthtimeNs = 1n
    const hand = new HandWatch({
      facts: () => ({ dev: 1n, ino: 1n, nlink: 1n, birthtimeNs, ctimeNs: 1n }),
    })
    await watching(hand.system)
    hand.heard?.('rename')
    expect(hand.watchCount).toBe(1)
    birthtimeNs = 2n
    hand.heard?.('rename')
    expect(hand.watchCount).toBe(2)
  })

  test('a storage that does not watch makes a removed file again for those that do', async () => {
    const { file, other } = await watching(THIS_SYSTEM)
    await other.commit([enqueueing(ALICE)])
    rmSync(`${file}-commits`)
    await other.commit([enqueueing(ALICE)])
    expect(statSync(`${file}-commits`).size).toBe(0)
  })

  test('is touched at a later time each time, though the clock stands still: some systems tell of no equal time', async () => {
    const hand = new HandWatch()
    const { life } = await watching(hand.system)
    for (let n = 0; n < 4; n += 1) await life.commit([enqueueing(ALICE)])
    const [first = 0] = hand.touches
    expect(hand.touches).toEqual([0, 1, 2, 3, 4].map((n) => first + n))
  })
})

// Q17
describe('An app whose watch fails', () => {
  test('hears WATCH_LOST once, in the turn in which it listens, and the run replays', async () => {
    const file = join(temporaryFolder(), 'outbox.db')
    const rig = Rig.prepare()
    const broken = new HandWatch({
      watch: () => {
        throw new Error('EMFILE')
      },
    })
    await rig.open({ storage: new SqliteStorage({ file }, broken.system) })
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.advance()
    expect(rig.eventsOf('error').map(({ error }) => [error.code, error.message])).toEqual([
      ['WATCH_LOST', expect.stringContaining('is noticed up to 30 s late') as string],
    ])
    await rig.close()
    await expect(replay(rig.journal.lines().join('\n'))).resolves.toBeDefined()
  })
})
