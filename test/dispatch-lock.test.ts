/** The lock of the process that dispatches, and the watch on what others commit (Q17). */
import { mkdirSync, statSync, symlinkSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase, { type Database } from 'better-sqlite3'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { CommitWatch } from '../storage/sqlite/commit-watch.ts'
import { dataVersionOf } from '../storage/sqlite/data-version.ts'
import { DispatchLock } from '../storage/sqlite/dispatch-lock.ts'
import { THIS_SYSTEM } from '../storage/sqlite/system.ts'
import { ALICE, enqueueing, SqliteLife } from './support/sqlite-life.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const closing: (() => void)[] = []

afterEach(() => {
  for (const close of closing.splice(0)) close()
})

function lockOn(file: string | null): DispatchLock {
  const lock = new DispatchLock(file)
  closing.push(() => lock.release())
  return lock
}

function connect(file: string): Database {
  const database = new SqliteDatabase(file)
  closing.push(() => database.close())
  database.pragma('journal_mode = WAL')
  database.exec('CREATE TABLE IF NOT EXISTS told (what TEXT)')
  return database
}

/** A watch whose turns end when the test says so. */
function watchOn(database: Database, file = database.name) {
  const due: (() => void)[] = []
  let wake: () => void = () => undefined
  const host = {
    atTurnEnd: (run: () => void) => {
      due.push(run)
      wake()
    },
    monotonic: () => 0,
    wall: () => 1_000_000,
    newFingerprintKey: '',
  }
  const outdated = vi.fn<() => void>()
  const watch = new CommitWatch({
    file,
    system: THIS_SYSTEM,
    host,
    version: dataVersionOf(database),
    isOpen: () => database.open,
    outdated,
    others: () => undefined,
  })
  closing.unshift(() => watch.stop())
  const endTurn = () => due.splice(0).forEach((run) => run())
  /** Resolves at the end of the next turn in which it looks. */
  const looked = async () => {
    if (due.length === 0) await new Promise<void>((resolve) => (wake = resolve))
    endTurn()
  }
  return { watch, endTurn, looked, outdated }
}

test('Q17: one has the lock until it releases it, and taking it twice does nothing', () => {
  const file = join(temporaryFolder(), 'outbox.db')
  const [first, second] = [lockOn(file), lockOn(file)]
  expect([first.take(), first.take(), second.take()]).toEqual([true, true, false])
  first.release()
  expect([second.take(), first.take()]).toEqual([true, false])
})

test('Q17: somebody who is about to try denies it to nobody', () => {
  const file = join(temporaryFolder(), 'outbox.db')
  const trying = connect(`${file}-dispatch-of-another`)
  trying.pragma('journal_mode = DELETE')
  trying.prepare('ATTACH ? AS tried').run(`${file}-dispatch`)
  // As far as the one gets that then finds the write lock taken.
  trying.exec('BEGIN')
  trying.prepare('SELECT * FROM tried.sqlite_schema').all()
  expect(lockOn(file).take()).toBe(true)
})

test('Q17: a database in memory is always ours', () => {
  expect([lockOn(null).take(), lockOn(null).take()]).toEqual([true, true])
})

test('Q17: a database that is reached by two names has one lock', async () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'real'))
  // On Windows everybody may make a junction; elsewhere the kind means nothing.
  symlinkSync(join(folder, 'real'), join(folder, 'link'), 'junction')
  const named = async (name: string) => {
    const { storage } = await SqliteLife.open({ file: join(folder, name, 'outbox.db') })
    return storage
  }
  const [real, link] = [await named('real'), await named('link')]
  expect([await real.lock(), await link.lock()]).toEqual([true, false])
  await Promise.all([real.close(), link.close()])
})

test('Q17: a commit of another connection is noticed, one of our own is not', async () => {
  const file = join(temporaryFolder(), 'outbox.db')
  const [ours, theirs] = [connect(file), connect(file)]
  const { watch, endTurn, looked } = watchOn(ours)
  const heard = vi.fn<() => void>()
  watch.start(heard)
  endTurn()
  ours.exec(`INSERT INTO told VALUES ('ours')`)
  watch.announce()
  await looked()
  expect(heard).not.toHaveBeenCalled()
  theirs.exec(`INSERT INTO told VALUES ('theirs')`)
  watchOn(theirs).watch.announce()
  await looked()
  expect(heard).toHaveBeenCalledTimes(1)
})

test('Q17: within a transaction of our own it is noticed too, and told after that', () => {
  const file = join(temporaryFolder(), 'outbox.db')
  const [ours, theirs] = [connect(file), connect(file)]
  const { watch, endTurn } = watchOn(ours)
  const heard = vi.fn<() => void>()
  watch.start(heard)
  endTurn()
  theirs.exec(`INSERT INTO told VALUES ('theirs')`)
  ours.exec('BEGIN IMMEDIATE')
  watch.lookWithin()
  ours.exec('COMMIT')
  expect(heard).not.toHaveBeenCalled()
  endTurn()
  expect(heard).toHaveBeenCalledTimes(1)
})

test('Q17: what is remembered of the database is outdated as soon as another connection has committed', () => {
  const file = join(temporaryFolder(), 'outbox.db')
  const [ours, theirs] = [connect(file), connect(file)]
  const { watch, endTurn, outdated } = watchOn(ours)
  const calls = () => outdated.mock.calls.length
  const transact = () => {
    ours.exec('BEGIN IMMEDIATE')
    watch.lookWithin()
    ours.exec(`INSERT INTO told VALUES ('ours'); COMMIT`)
  }
  transact()
  expect(calls()).toBe(1)
  watch.start(() => undefined)
  endTurn()
  const before = calls()
  transact()
  transact()
  expect(calls()).toBe(before)
  theirs.exec(`INSERT INTO told VALUES ('theirs')`)
  transact()
  expect(calls()).toBe(before + 1)
  transact()
  expect(calls()).toBe(before + 1)
})

test('Q17: two processes that enqueue in turn never give a place twice, and know who is first (Q2)', async () => {
  const file = join(temporaryFolder(), 'outbox.db')
  const lives = [await SqliteLife.open({ file }), await SqliteLife.open({ file })]
  for (const { storage } of lives) storage.watch(() => undefined)
  const put: unknown[] = []
  for (let n = 0; n < 4; n += 1) {
    for (const life of lives) {
      for (const change of [enqueueing(ALICE), enqueueing(ALICE)]) {
        const [answer] = await life.commit([change])
        put.push(answer?.applied === true && [answer.affected[0]?.place, answer.isFirst ?? false])
      }
    }
  }
  expect(put).toEqual(Array.from({ length: 16 }, (_, n) => [(n + 1) * 1024, n === 0]))
})

test('Q17: who dispatches announces a run of commits at its end, each 32nd, and when the watch stops', () => {
  const file = join(temporaryFolder(), 'outbox.db')
  const [ours, theirs] = [connect(file), connect(file)]
  const { watch, endTurn } = watchOn(ours)
  const side = `${file}-commits`
  watchOn(theirs).watch.start(() => undefined)
  const touched = () => {
    const isTouched = statSync(side).mtimeMs >= 1_000_000
    utimesSync(side, 1, 1)
    return isTouched
  }
  touched()
  for (let n = 0; n < 5; n += 1) {
    watch.announceSoon()
    endTurn()
    expect(touched()).toBe(false)
  }
  endTurn()
  expect(touched()).toBe(true)
  endTurn()
  expect(touched()).toBe(false)
  const whenTouched = Array.from({ length: 70 }, () => {
    watch.announceSoon()
    endTurn()
    return touched()
  })
  expect(whenTouched.flatMap((isTouched, n) => (isTouched ? [n + 1] : []))).toEqual([32, 64])
  watch.stop()
  expect(touched()).toBe(true)
})

test('Q17: what was committed before the watch started is noticed when it starts', () => {
  const file = join(temporaryFolder(), 'outbox.db')
  const [ours, theirs] = [connect(file), connect(file)]
  const { watch, endTurn } = watchOn(ours)
  theirs.exec(`INSERT INTO told VALUES ('theirs')`)
  const heard = vi.fn<() => void>()
  watch.start(heard)
  endTurn()
  expect(heard).toHaveBeenCalledTimes(1)
})

test('Q17: who looked while a commit was not to be seen yet looks again when it is announced', async () => {
  const file = join(temporaryFolder(), 'outbox.db')
  const [ours, theirs] = [connect(file), connect(file)]
  const reader = watchOn(ours)
  const heard = vi.fn<() => void>()
  reader.watch.start(heard)
  reader.endTurn()
  watchOn(theirs).watch.announce()
  await reader.looked()
  expect(heard).not.toHaveBeenCalled()
})

// What a process committed that died before it could say so.
describe('a commit that nobody was told of and nobody has noticed', () => {
  /** One that looked too early: it has seen nothing yet of what `theirs` has committed. */
  function unnoticed(file: string) {
    const [ours, theirs] = [connect(file), connect(file)]
    let isBlind = true
    const before = ours.pragma('data_version', { simple: true })
    const query = ours.prepare('PRAGMA data_version').pluck()
    const prepare = () => ({ pluck: () => ({ get: () => (isBlind ? before : query.get()) }) })
    const { watch, endTurn, looked } = watchOn(
      new Proxy(ours, {
        get: (target, name) =>
          (name === 'prepare' ? prepare : Reflect.get(target, name)) as unknown,
      }),
    )
    theirs.exec(`INSERT INTO told VALUES ('theirs')`)
    const heard = vi.fn<() => void>()
    watch.start(heard)
    endTurn()
    expect(heard).not.toHaveBeenCalled()
    isBlind = false
    return { ours, watch, heard, endTurn, looked }
  }

  test('Q17: is noticed at the next commit of anybody, also at our own', async () => {
    const { watch, heard, endTurn } = unnoticed(join(temporaryFolder(), 'outbox.db'))
    watch.lookWithin()
    endTurn()
    expect(heard).toHaveBeenCalledTimes(1)
  })

  test('Q17: is noticed when a process does not get the lock, as at its start or when it is used', async () => {
    const file = join(temporaryFolder(), 'outbox.db')
    const [first, second] = [await SqliteLife.open({ file }), await SqliteLife.open({ file })]
    expect(await first.storage.lock()).toBe(true)
    const { heard, looked } = unnoticed(file)
    expect(await second.storage.lock()).toBe(false)
    await looked()
    expect(heard).toHaveBeenCalledTimes(1)
  })
})

test('Q17: where the operating system watches nothing, a commit is noticed at the next one of our own', () => {
  const file = join(temporaryFolder(), 'outbox.db')
  const [ours, theirs] = [connect(file), connect(file)]
  const nowhere = join(temporaryFolder(), 'gone', 'outbox.db')
  const { watch, endTurn } = watchOn(ours, nowhere)
  const heard = vi.fn<() => void>()
  watch.start(heard)
  endTurn()
  theirs.exec(`INSERT INTO told VALUES ('theirs')`)
  watch.announce()
  endTurn()
  expect(heard).toHaveBeenCalledTimes(1)
  theirs.exec(`INSERT INTO told VALUES ('theirs')`)
  watch.stop()
  watch.announce()
  endTurn()
  expect(heard).toHaveBeenCalledTimes(1)
})
