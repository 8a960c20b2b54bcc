/** The files of a database are removed, replaced or cut while it is in use: `STORAGE_GONE`, never a lost acknowledgement (E2). */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { replay } from '../src/journal/replay.ts'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import type { LaneId, OperationId } from '../src/model.ts'
import type { Change } from '../storage/changes.ts'
import type { SqliteSettings } from '../storage/sqlite/options.ts'
import { note, replying, Rig } from './support/rig.ts'
import { enqueueing, NOW, SqliteLife } from './support/sqlite-life.ts'
import { storageOnThread } from './support/on-thread.ts'
import { leftOutOnWindows, OPEN_FILES_STAY } from './support/systems.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

type Harm = readonly [name: string, harm: (file: string) => void]

const LANE = 0 as LaneId

function newFile(): string {
  const folder = join(temporaryFolder(), 'data')
  mkdirSync(folder)
  return join(folder, 'outbox.db')
}

/** Another file takes the place of this one, with the same bytes. */
function replace(file: string): void {
  copyFileSync(file, `${file}.copy`)
  renameSync(`${file}.copy`, file)
}

const ALL_HARMS: readonly Harm[] = [
  ['the file is removed', (file) => rmSync(file)],
  ['the file is moved away', (file) => renameSync(file, `${file}.away`)],
  ['the file is replaced', replace],
  ['the file is replaced by a folder', (file) => (rmSync(file), mkdirSync(file))],
  ['the file is cut to nothing', (file) => truncateSync(file, 0)],
  ['the file is cut within a page', (file) => truncateSync(file, 4096 * 5 + 1)],
  ['the file is cut between two pages', (file) => truncateSync(file, 4096 * 5)],
  ['the -wal is removed', (file) => rmSync(`${file}-wal`)],
  ['the -wal is replaced', (file) => replace(`${file}-wal`)],
  ['the -shm is removed', (file) => rmSync(`${file}-shm`)],
  ['the lock file is removed', (file) => rmSync(`${file}-dispatch`)],
  ['the lock file is replaced', (file) => replace(`${file}-dispatch`)],
  ['the folder is removed', (file) => rmSync(dirname(file), { recursive: true })],
  ['the folder is moved away', (file) => renameSync(dirname(file), `${dirname(file)}.away`)],
]

const cannotGo = leftOutOnWindows('open files that are removed, moved or replaced', OPEN_FILES_STAY)
const HARMS = ALL_HARMS.filter(([name]) => !cannotGo || name.startsWith('the file is cut'))

/** A storage in use that holds the lock, on a file of some forty pages with little in its -wal. */
async function inUse(options: SqliteSettings = {}): Promise<{ life: SqliteLife; file: string }> {
  const file = newFile()
  const before = await SqliteLife.open({ file })
  await before.commit(Array.from({ length: 200 }, () => enqueueing(null, 'x'.repeat(500))))
  await before.storage.close()
  const life = await SqliteLife.open({ file, ...options })
  await life.storage.lock()
  await life.commit([enqueueing(null)])
  return { life, file }
}

/** But for the mark that a cut file gets, which has the next opening check every table. */
function namesIn(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder).filter((name) => !name.endsWith('-damaged'))
}

// E2
describe.each(['power-loss', 'app-crash'] as const)('with durability %s', (durability) => {
  test.each(HARMS)(
    '%s: the next commit is not acknowledged, and nothing comes after it',
    async (_, harm) => {
      const { life, file } = await inUse({ durability })
      harm(file)
      const names = namesIn(dirname(file))
      const commits = [
        life.storage.commit([enqueueing(null)]),
        life.storage.commit([enqueueing(null)]),
      ]
      while (life.endTurn());
      for (const commit of await Promise.allSettled(commits)) {
        expect(commit).toMatchObject({
          status: 'rejected',
          reason: { name: 'StorageError', code: 'STORAGE_GONE', retryable: false },
        })
      }
      await expect(life.commit([enqueueing(null)])).rejects.toMatchObject({ code: 'STORAGE_GONE' })
      await expect(life.storage.lock()).rejects.toMatchObject({ code: 'STORAGE_GONE' })
      await expect(life.storage.reload()).rejects.toMatchObject({ code: 'STORAGE_GONE' })
      expect(namesIn(dirname(file)), 'nothing is made again').toEqual(names)
      await life.storage.close()
      expect(existsSync(file)).toBe(names.includes('outbox.db'))
    },
  )
})

// E2: what docs/architecture.md says of the files beside the database
test.skipIf(cannotGo).each(['power-loss', 'app-crash'] as const)(
  'with durability %s a removed -wal is noticed 4 ms after the last look at it',
  async (durability) => {
    const { life, file } = await inUse({ durability })
    let now = 1000
    life.monotonicMs = () => now
    await life.commit([enqueueing(null)])
    rmSync(`${file}-wal`)
    now += 3.9
    await expect(life.commit([enqueueing(null)])).resolves.toHaveLength(1)
    now += 0.2
    await expect(life.commit([enqueueing(null)])).rejects.toMatchObject({ code: 'STORAGE_GONE' })
  },
)

// E2: what docs/architecture.md says of a folder that has not changed
describe('in a folder that has not changed for 3 s', () => {
  /** The folder has changed so long ago, and the files beside the database were looked at since. */
  async function settled(agoMs: number) {
    const { life, file } = await inUse({})
    let now = 1000
    life.monotonicMs = () => now
    const commit = () => {
      now += 10
      return life.commit([enqueueing(null)])
    }
    const changedAt = (NOW - agoMs) / 1000
    const age = () => utimesSync(dirname(file), changedAt, changedAt)
    age()
    await commit()
    await commit()
    return { file, age, commit }
  }

  test.each(['-wal', '-shm', '-dispatch'])(
    'a removed %s is noticed all the same',
    async (suffix) => {
      const { file, commit } = await settled(60_000)
      rmSync(file + suffix)
      await expect(commit()).rejects.toMatchObject({ code: 'STORAGE_GONE' })
    },
  )

  test('no name can have changed, so one look at the folder is enough', async () => {
    const { file, age, commit } = await settled(60_000)
    rmSync(`${file}-wal`)
    age()
    await expect(commit()).resolves.toHaveLength(1)
  })

  test.each([2900, 0, -60_000])(
    'but one that changed %i ms ago may have changed twice in one tick of its clock',
    async (agoMs) => {
      const { file, age, commit } = await settled(agoMs)
      rmSync(`${file}-wal`)
      age()
      await expect(commit()).rejects.toMatchObject({ code: 'STORAGE_GONE' })
    },
  )
})

// E2: what docs/architecture.md says of a run of commits without an fsync
describe.skipIf(cannotGo)('in a run of commits under app-crash', () => {
  async function running() {
    const { life, file } = await inUse({ durability: 'app-crash' })
    let now = 1000
    life.monotonicMs = () => now
    const commitAfter = (ms: number, repeatable?: Change) => {
      now += ms
      const isRepeatable = repeatable !== undefined
      return life.storage.commit([repeatable ?? enqueueing(null)], { synced: !isRepeatable })
    }
    await commitAfter(10)
    return { life, file, commitAfter }
  }

  test('commits within 200 µs share a look, and the one after that notices', async () => {
    const { file, commitAfter } = await running()
    rmSync(file)
    await expect(commitAfter(0.19)).resolves.toHaveLength(1)
    await expect(commitAfter(0.02)).rejects.toMatchObject({ code: 'STORAGE_GONE' })
  })

  test('a commit that is repeated if it is lost shares a look for 4 ms', async () => {
    const { life, file, commitAfter } = await running()
    const completing = { change: 'leaveBehind', lanes: [] } as const
    rmSync(file)
    await expect(commitAfter(3.9, completing)).resolves.toHaveLength(1)
    const refused = commitAfter(0.2, completing)
    life.endTurn()
    await expect(refused).rejects.toMatchObject({ code: 'STORAGE_GONE' })
  })

  test('a removed -wal is noticed within 4 ms', async () => {
    const { life, file, commitAfter } = await running()
    rmSync(`${file}-wal`)
    await expect(commitAfter(3.9)).resolves.toHaveLength(1)
    // A run ends with the turn of the event loop then.
    const refused = commitAfter(0.2)
    life.endTurn()
    await expect(refused).rejects.toMatchObject({ code: 'STORAGE_GONE' })
  })
})

// E2
describe.skipIf(cannotGo)('the next use that is no commit', () => {
  const USES: readonly (readonly [string, (life: SqliteLife) => Promise<unknown>])[] = [
    ['window()', ({ storage }) => storage.window(LANE, 0, 1)],
    ['find()', ({ storage }) => storage.find('0.sg.nobody' as OperationId)],
    ['settled()', ({ storage }) => storage.settled(['0.sg.nobody' as OperationId])],
    ['letters()', ({ storage }) => storage.letters({ limit: 1 })],
    ['records()', ({ storage }) => storage.records(['local'])],
    ['position()', ({ storage }) => storage.position(null, 'key')],
    ['reload()', ({ storage }) => storage.reload()],
    ['lock()', ({ storage }) => storage.lock()],
    ['tidy()', ({ storage }) => storage.tidy()],
  ]

  test.each(USES)('%s notices it, if the last look is a second old', async (_, use) => {
    const { life, file } = await inUse()
    let now = 0
    life.monotonicMs = () => now
    rmSync(file)
    now = 999
    await expect(use(life)).resolves.not.toThrow()
    now = 1000
    await expect(use(life)).rejects.toMatchObject({ code: 'STORAGE_GONE' })
    await expect(use(life)).rejects.toMatchObject({ code: 'STORAGE_GONE' })
  })

  test('enqueueWithin() notices it before it writes', async () => {
    const file = newFile()
    const database = new SqliteDatabase(file)
    const life = await SqliteLife.open({ database })
    life.monotonicMs = () => 1000
    rmSync(file)
    database.exec('BEGIN')
    expect(() => life.storage.enqueueWithin(database, enqueueing(null) as never)).toThrow(
      expect.objectContaining({ code: 'STORAGE_GONE' }),
    )
    database.exec('ROLLBACK')
    await life.storage.close()
    database.close()
  })
})

// E2
describe('an engine', () => {
  async function working(): Promise<{ rig: Rig; file: string }> {
    const file = newFile()
    const rig = Rig.prepare()
    await rig.open({ storage: sqliteStorage({ file }) })
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    return { rig, file }
  }

  function codesOf(rig: Rig): unknown[] {
    return rig.eventsOf('error').map(({ error }) => error.code)
  }

  test.each(HARMS.filter(([name]) => !name.includes(' within ') && !name.includes(' between ')))(
    'whose files go (%s) rejects enqueue(), tells it once, holds every lane, and closes',
    async (_, harm) => {
      const { rig, file } = await working()
      harm(file)
      await expect(rig.enqueue('two')).rejects.toMatchObject({
        name: 'HoldfastError',
        code: 'STORAGE_GONE',
        retryable: false,
      })
      await rig.advance()
      expect(codesOf(rig)).toEqual(['STORAGE_GONE'])
      expect(rig.holdsOf('alice')).toEqual(['storage-failed'])
      rig.last.reply(200)
      await rig.advance(3_600_000)
      await rig.whileResting(rig.holdfast.flush())
      expect(codesOf(rig)).toEqual(['STORAGE_GONE'])
      expect(rig.time.nextAt()).toBeNull()
      await rig.close(60_000)
    },
  )

  test.skipIf(cannotGo)('that is only asked what is pending tells it too', async () => {
    const { rig, file } = await working()
    rmSync(file)
    await rig.advance(1000)
    await expect(rig.whileResting(rig.holdfast.pending())).rejects.toMatchObject({
      code: 'STORAGE_GONE',
    })
    await rig.advance()
    expect(codesOf(rig)).toEqual(['STORAGE_GONE'])
    expect(rig.holdsOf('alice')).toEqual(['storage-failed'])
  })

  test.skipIf(cannotGo)(
    'whose reply comes then neither tells a completion nor sends the next',
    async () => {
      const { rig, file } = await working()
      await rig.enqueue('two')
      rmSync(file)
      rig.last.reply(200)
      await rig.advance(60_000)
      expect(rig.eventsOf('operation.completed')).toEqual([])
      expect(rig.bodies).toEqual(['one'])
    },
  )

  test.skipIf(cannotGo)('opened anew on a new file works, and its journal replays', async () => {
    const { rig, file } = await working()
    rmSync(file)
    await expect(rig.enqueue('two')).rejects.toMatchObject({ code: 'STORAGE_GONE' })
    await rig.close()
    rig.answer = replying()
    await rig.open({ storage: sqliteStorage({ file }) })
    await rig.login('alice', 'a2')
    await rig.enqueue('three')
    await rig.advance()
    expect(rig.bodies).toEqual(['one', 'three'])
    await rig.close()
    await expect(replay(rig.journal.lines().join('\n'))).resolves.toMatchObject({
      withStorage: false,
    })
  })

  test.skipIf(cannotGo)('tells the app that what its own transaction stored is gone', async () => {
    const file = newFile()
    const database = new SqliteDatabase(file)
    const rig = await Rig.start({ database })
    await rig.login('alice', 'a1')
    const receipt = database.transaction(() =>
      rig.holdfast.enqueueWithin(database, note({ text: 'one' })),
    )()
    rmSync(file)
    const settled = receipt.settled.catch((error: unknown) => error)
    await rig.advance()
    // It was committed: nobody may say that it was rolled back (Q23).
    expect(await settled).toMatchObject({ code: 'STORAGE_GONE' })
    expect(codesOf(rig)).toEqual(['STORAGE_GONE'])
    await rig.close()
    database.close()
  })
})

// E2
test.skipIf(cannotGo).each(HARMS.slice(0, 3))('on a worker thread too: %s', async (_, harm) => {
  const file = newFile()
  const storage = storageOnThread({ file })
  let hasNews = () => {}
  const told = new Promise<void>((resolve) => (hasNews = resolve))
  await storage.open({
    atTurnEnd: (run) => void setImmediate(run),
    monotonic: () => performance.now(),
    wall: () => Date.now(),
    newFingerprintKey: 'key',
  })
  await storage.lock()
  await storage.commit([enqueueing(null)])
  await storage.reload()
  storage.watch(() => hasNews())
  await storage.reload()
  harm(file)
  await expect(storage.commit([enqueueing(null)])).rejects.toMatchObject({ code: 'STORAGE_GONE' })
  await told
  await expect(storage.reload()).rejects.toMatchObject({ code: 'STORAGE_GONE' })
  await storage.close()
})

// E2
describe('nothing is gone', () => {
  /** Commits, and asks after a second, when it looks at every file. */
  const works = async (life: SqliteLife) => {
    life.monotonicMs = () => 10_000
    const [answer] = await life.commit([enqueueing(null)])
    return answer?.applied === true && (await life.storage.lock())
  }

  test('in memory, ever', async () => {
    expect(await works(await SqliteLife.open({ file: ':memory:' }))).toBe(true)
  })

  test.each([
    [false, 'PRAGMA wal_checkpoint(TRUNCATE)'],
    [true, 'DELETE FROM holdfast_operations; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)'],
    [
      true,
      'DELETE FROM holdfast_operations; PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)',
    ],
    [false, 'CREATE TABLE more (text); DROP TABLE more'],
  ])('when another connection may shorten the file (%s): %s', async (isShorter, sql) => {
    const { life, file } = await inUse()
    const before = statSync(file).size
    const other = new SqliteDatabase(file)
    other.exec(sql)
    expect(statSync(file).size < before).toBe(isShorter)
    expect(await works(life)).toBe(true)
    // What grows in the -wal is not in the file, which stays short.
    await life.commit(Array.from({ length: 100 }, () => enqueueing(null, 'x'.repeat(500))))
    expect(await works(life)).toBe(true)
    other.close()
    expect(await works(life)).toBe(true)
  })

  test('when the empty side file of the commits is removed', async () => {
    const { life, file } = await inUse()
    life.storage.watch(() => undefined)
    rmSync(`${file}-commits`)
    expect(await works(life)).toBe(true)
  })

  test('when the app ends the WAL mode on its own connection', async () => {
    const file = newFile()
    const database = new SqliteDatabase(file)
    const life = await SqliteLife.open({ database })
    database.pragma('journal_mode = DELETE')
    expect(existsSync(`${file}-wal`)).toBe(false)
    expect(await works(life)).toBe(true)
    await life.storage.close()
    database.close()
  })

  test('whatever two connections write, give back and checkpoint in whatever order', async () => {
    const { life, file } = await inUse()
    const other = new SqliteDatabase(file)
    other.exec('PRAGMA synchronous = OFF; CREATE TABLE filler (text)')
    const steps = [
      `INSERT INTO filler SELECT randomblob(3000) FROM holdfast_operations LIMIT 100`,
      'DELETE FROM filler',
      'PRAGMA incremental_vacuum',
      'VACUUM',
      'PRAGMA wal_checkpoint(PASSIVE)',
      'PRAGMA wal_checkpoint(TRUNCATE)',
      'PRAGMA wal_autocheckpoint = 10',
    ]
    let seed = 7
    for (let round = 0; round < 150; round += 1) {
      seed = (seed * 48_271) % 2_147_483_647
      other.exec(steps[seed % steps.length] ?? '')
      if (seed % 3 === 0) await life.commit([enqueueing(null, 'x'.repeat(seed % 9000))])
      if (seed % 5 === 0) {
        const tidied = life.storage.tidy()
        while (life.endTurn());
        await tidied
      }
    }
    expect(await works(life)).toBe(true)
    other.close()
  })
})

// E2
describe('a file of 0 bytes', () => {
  test.each([['-wal'], ['-dispatch'], ['-commits']])(
    'beside a %s is damaged, and is left with it as it was',
    async (suffix) => {
      const file = newFile()
      writeFileSync(file, '')
      writeFileSync(`${file}${suffix}`, suffix === '-dispatch' ? '' : 'something')
      const opening = SqliteLife.open({ file })
      await expect(opening).rejects.toMatchObject({ code: 'STORAGE_CORRUPT' })
      await expect(opening).rejects.toThrow(file)
      expect(readdirSync(dirname(file)).toSorted()).toEqual(['outbox.db', `outbox.db${suffix}`])
      expect(statSync(file).size).toBe(0)
    },
  )

  test('is what onCorrupt says: it is set aside, and a new one is made', async () => {
    const { life, file } = await inUse()
    await life.storage.close()
    truncateSync(file, 0)
    const next = await SqliteLife.open({ file, onCorrupt: 'set-aside' })
    expect(await next.pendingCount()).toBe(0)
    expect(readdirSync(dirname(file)).filter((name) => name.includes('.corrupt-'))).toHaveLength(1)
  })

  test('alone is a new database', async () => {
    const file = newFile()
    writeFileSync(file, '')
    expect(await (await SqliteLife.open({ file })).pendingCount()).toBe(0)
  })

  test('that is not there is a new database, whatever side files an earlier one left', async () => {
    const { life, file } = await inUse()
    await life.storage.close()
    rmSync(file)
    expect(existsSync(`${file}-dispatch`)).toBe(true)
    expect(await (await SqliteLife.open({ file })).pendingCount()).toBe(0)
  })

  test.each([['nothing'], ['-dispatch'], ['-commits']])(
    'that another process is making just now, beside it %s, is no damage',
    async (suffix) => {
      const file = newFile()
      if (suffix !== 'nothing') writeFileSync(`${file}${suffix}`, '')
      const other = new SqliteDatabase(file)
      other.exec('BEGIN IMMEDIATE; CREATE TABLE made (n)')
      expect(statSync(file).size).toBe(0)
      expect(existsSync(`${file}-journal`)).toBe(true)
      const opening = SqliteLife.open({ file, busyTimeoutMs: 1, onCorrupt: 'set-aside' })
      await expect(opening).rejects.toMatchObject({ code: 'STORAGE_BUSY' })
      expect(namesIn(dirname(file)).filter((name) => name.includes('.corrupt-'))).toEqual([])
      other.exec('COMMIT')
      other.close()
      expect(await (await SqliteLife.open({ file })).pendingCount()).toBe(0)
    },
  )

  test('whose maker died before its first page was there is made anew', async () => {
    const file = newFile()
    const other = new SqliteDatabase(file)
    other.exec('BEGIN IMMEDIATE; CREATE TABLE made (n)')
    const journal = readFileSync(`${file}-journal`)
    other.close()
    writeFileSync(file, '')
    writeFileSync(`${file}-journal`, journal)
    expect(await (await SqliteLife.open({ file })).pendingCount()).toBe(0)
  })
})
