/** Every file that the engine makes is for its user alone, and nothing but a plain file takes its place (E5). */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { afterEach, describe, expect, test } from 'vitest'
import { fileJournal } from '../src/journal/file-journal.ts'
import { DamageMark } from '../storage/sqlite/salvage/damage-mark.ts'
import type { SqliteSettings } from '../storage/sqlite/options.ts'
import { SqliteStorage } from '../storage/sqlite/sqlite-storage.ts'
import type { Storage, StorageHost } from '../storage/storage.ts'
import { storageOnThread } from './support/on-thread.ts'
import { enqueueing, NOW, SqliteLife } from './support/sqlite-life.ts'
import { leftOutOnWindows, NO_LINKS, NO_MODES } from './support/systems.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const host: StorageHost = {
  atTurnEnd: (run) => void setImmediate(run),
  monotonic: () => 0,
  wall: () => NOW,
  newFingerprintKey: 'fingerprint key',
}

const THREADS = ['main', 'worker'] as const
const GARBAGE = 'Dear database, '.repeat(1000)

const storages: Storage[] = []
const formerUmask = process.umask()

afterEach(async () => {
  process.umask(formerUmask)
  for (const storage of storages.splice(0)) await storage.close()
})

async function opened(thread: (typeof THREADS)[number], options: SqliteSettings): Promise<Storage> {
  const storage = thread === 'main' ? new SqliteStorage(options) : storageOnThread(options)
  await storage.open(host)
  storages.push(storage)
  return storage
}

/** Has it make every file that it ever makes while it works. */
async function used(storage: Storage): Promise<void> {
  storage.watch(() => undefined)
  await storage.commit([enqueueing(null, '"my private diary"')])
  await storage.lock()
}

/** The permissions of every file in a folder that are not 0600, by name. */
function wideIn(folder: string): Record<string, string> {
  const modes = readdirSync(folder).map((name) => [
    name,
    (lstatSync(join(folder, name)).mode & 0o7777).toString(8),
  ])
  return Object.fromEntries(modes.filter(([, mode]) => mode !== '600'))
}

const hasNoModes = leftOutOnWindows('the modes of files', NO_MODES)

describe.skipIf(hasNoModes)('modes', () => {
  // E5
  test.each(THREADS.flatMap((thread) => [0o022, 0o000].map((umask) => ({ thread, umask }))))(
    'every file beside a database is made with the mode 0600 (thread $thread, umask $umask)',
    async ({ thread, umask }) => {
      process.umask(umask)
      const file = join(temporaryFolder(), 'out.db')
      await used(await opened(thread, { file }))
      new DamageMark(file).leave()
      const names = ['', '-commits', '-damaged', '-dispatch', '-dispatch-journal', '-shm', '-wal']
      expect(readdirSync(dirname(file)).toSorted()).toEqual(names.map((name) => `out.db${name}`))
      expect(wideIn(dirname(file))).toEqual({})
    },
  )

  // E5
  test.each(THREADS)(
    'a damaged file that is set aside is narrowed with all that belongs to it (thread %s)',
    async (thread) => {
      process.umask(0)
      const file = join(temporaryFolder(), 'out.db')
      for (const suffix of ['', '-wal', '-shm']) writeFileSync(file + suffix, GARBAGE)
      const storage = await opened(thread, { file, onCorrupt: 'set-aside' })
      await used(storage)
      expect(await storage.filesAside()).toHaveLength(3)
      expect(wideIn(dirname(file))).toEqual({})
    },
  )

  // E5
  test.each(THREADS)(
    'files of an older version are narrowed at the opening (thread %s)',
    async (thread) => {
      const file = join(temporaryFolder(), 'out.db')
      const first = new SqliteStorage({ file })
      await first.open(host)
      await used(first)
      await first.close()
      // What a crash, or a set-aside, of that version may have left.
      for (const suffix of ['-dispatch-journal', '-commits', '-damaged', '.corrupt-2025']) {
        writeFileSync(file + suffix, '')
      }
      for (const name of readdirSync(dirname(file))) chmodSync(join(dirname(file), name), 0o666)
      const again = await opened(thread, { file })
      await used(again)
      expect(wideIn(dirname(file))).toEqual({})
      expect(await again.window(0 as never, 0, 10)).toHaveLength(2)
    },
  )

  // E5
  test('a wide -wal with operations in it is narrowed, and the operations are there', async () => {
    const file = join(temporaryFolder(), 'out.db')
    const writer = await SqliteLife.open({ file })
    await writer.commit([enqueueing(null)])
    for (const suffix of ['', '-wal', '-shm']) chmodSync(file + suffix, 0o644)
    const second = await SqliteLife.open({ file })
    expect(await second.pendingCount()).toBe(1)
    expect(wideIn(dirname(file))).toEqual({})
    // The locks of the first are as they were: nothing was opened and closed beside SQLite.
    await writer.commit([enqueueing(null)])
    expect(await second.pendingCount()).toBe(2)
  })

  // E5, E2
  test('a file that is refused keeps its mode', async () => {
    const file = join(temporaryFolder(), 'letter.txt')
    for (const suffix of ['', '-wal']) writeFileSync(file + suffix, GARBAGE, { mode: 0o644 })
    await expect(SqliteLife.open({ file })).rejects.toMatchObject({ code: 'STORAGE_CORRUPT' })
    expect([file, `${file}-wal`].map((name) => statSync(name).mode & 0o777)).toEqual([0o644, 0o644])
  })

  // E5
  test('the database of the app keeps its mode, and the files beside it are private', async () => {
    process.umask(0o022)
    const folder = temporaryFolder()
    const database = new SqliteDatabase(join(folder, 'app.db'))
    await used(await opened('main', { database }))
    const wide = { 'app.db': '644', 'app.db-shm': '644', 'app.db-wal': '644' }
    expect(wideIn(folder)).toEqual(wide)
    await storages.pop()?.close()
    database.close()
  })

  // E5
  test('a journal and the one before it are made private, and narrowed where they are wide', () => {
    process.umask(0)
    const folder = temporaryFolder()
    const file = join(folder, 'run.jsonl')
    const write = () => {
      const journal = fileJournal({ file, maxBytes: 400 })
      journal.header({ journal: 1, holdfast: '1', payloads: 'digest', options: {} })
      for (let line = 0; line < 20; line += 1) {
        journal.write({ in: 'turn' } as never, line)
      }
      journal.close()
    }
    write()
    expect(readdirSync(folder).toSorted()).toEqual(['run.jsonl', 'run.jsonl.1'])
    expect(wideIn(folder)).toEqual({})
    for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o644)
    const journal = fileJournal({ file })
    journal.header({ journal: 1, holdfast: '1', payloads: 'digest', options: {} })
    expect(wideIn(folder)).toEqual({})
    journal.close()
  })
})

/** What somebody has put where a file of the engine belongs. */
const IN_THE_WAY: Readonly<Record<string, (place: string, elsewhere: string) => void>> = {
  'a link to nothing': (place, elsewhere) => symlinkSync(join(elsewhere, 'made'), place),
  'a link to a file': (place, elsewhere) => symlinkSync(join(elsewhere, 'precious.txt'), place),
  'a FIFO': (place) => execFileSync('mkfifo', [place]),
  'a folder': (place) => mkdirSync(place),
}

function elsewhere(): string {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'precious.txt'), 'precious')
  utimesSync(join(folder, 'precious.txt'), 1, 1)
  return folder
}

function expectUntouched(folder: string): void {
  expect(readdirSync(folder)).toEqual(['precious.txt'])
  expect(readFileSync(join(folder, 'precious.txt'), 'utf8')).toBe('precious')
  expect(statSync(join(folder, 'precious.txt')).mtimeMs).toBe(1000)
}

const hasNoLinks = leftOutOnWindows('links and FIFOs in the way', NO_LINKS)

describe.skipIf(hasNoLinks)('what is no plain file', () => {
  const SUFFIXES = [
    '-wal',
    '-shm',
    '-journal',
    '-dispatch',
    '-dispatch-journal',
    '-dispatch-wal',
    '-commits',
    '-damaged',
    '-damaged.new',
  ]

  // E5
  test.each(
    Object.keys(IN_THE_WAY).flatMap((what) => SUFFIXES.map((suffix) => ({ what, suffix }))),
  )(
    '$what at <file>$suffix refuses the opening, and is left as it is',
    async ({ what, suffix }) => {
      const other = elsewhere()
      const file = join(temporaryFolder(), 'out.db')
      IN_THE_WAY[what]?.(file + suffix, other)
      const kind = what.split(' ').slice(0, 2).join(' ')
      const opening = SqliteLife.open({ file })
      await expect(opening).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
      await expect(opening).rejects.toThrow(`${basename(file)}${suffix} is ${kind}`)
      expect(readdirSync(dirname(file))).toEqual([`out.db${suffix}`])
      expectUntouched(other)
    },
  )

  // E5
  test.each(['-dispatch', '-commits', '-damaged'])(
    'a FIFO at <file>%s refuses also the connection of the app, and a storage on a thread',
    async (suffix) => {
      const file = join(temporaryFolder(), 'out.db')
      execFileSync('mkfifo', [file + suffix])
      const database = new SqliteDatabase(file)
      await expect(SqliteLife.open({ database })).rejects.toThrow('is a FIFO')
      database.close()
      await expect(opened('worker', { file })).rejects.toMatchObject({
        code: 'STORAGE_UNAVAILABLE',
      })
    },
  )

  // E5
  test('a link that comes to <file>-dispatch while the engine runs is refused, and not followed', async () => {
    const other = elsewhere()
    const file = join(temporaryFolder(), 'out.db')
    const life = await SqliteLife.open({ file })
    symlinkSync(join(other, 'made'), `${file}-dispatch`)
    await expect(life.storage.lock()).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    expectUntouched(other)
  })

  // E5
  test('a link that comes to <file>-commits while the engine runs is not followed', async () => {
    const other = elsewhere()
    const file = join(temporaryFolder(), 'out.db')
    const life = await SqliteLife.open({ file })
    symlinkSync(join(other, 'precious.txt'), `${file}-commits`)
    life.storage.watch(() => undefined)
    await life.commit([enqueueing(null)])
    life.endTurn()
    expect(await life.pendingCount()).toBe(1)
    expectUntouched(other)
  })

  // E5
  test('a database that is a link to nothing is refused, and nothing is made there', async () => {
    const other = elsewhere()
    const file = join(temporaryFolder(), 'out.db')
    symlinkSync(join(other, 'made'), file)
    const opening = SqliteLife.open({ file })
    await expect(opening).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    await expect(opening).rejects.toThrow('is a link to nothing')
    expectUntouched(other)
  })

  // E5
  test('a database that is a link is the file that it points to, with all its files beside that', async () => {
    const real = join(realpathSync(temporaryFolder()), 'real.db')
    const link = join(temporaryFolder(), 'link.db')
    await (await SqliteLife.open({ file: real })).storage.close()
    symlinkSync(real, link)
    const life = await SqliteLife.open({ file: link })
    life.storage.watch(() => undefined)
    await life.commit([enqueueing(null)])
    await life.storage.lock()
    expect(readdirSync(dirname(link))).toEqual(['link.db'])
    const names = ['', '-commits', '-dispatch', '-dispatch-journal', '-shm', '-wal']
    expect(readdirSync(dirname(real)).toSorted()).toEqual(names.map((name) => `real.db${name}`))
  })

  // E5
  test.each(['a FIFO', 'a folder'])('%s in the place of the database is refused', async (what) => {
    const file = join(temporaryFolder(), 'out.db')
    IN_THE_WAY[what]?.(file, '')
    const opening = SqliteLife.open({ file })
    await expect(opening).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    await expect(opening).rejects.toThrow(`is ${what}`)
  })

  // E5
  test.each(
    Object.keys(IN_THE_WAY).flatMap((what) => ['', '.1'].map((suffix) => ({ what, suffix }))),
  )('$what at <journal>$suffix ends the journal, and is left as it is', ({ what, suffix }) => {
    const other = elsewhere()
    const file = join(temporaryFolder(), 'run.jsonl')
    IN_THE_WAY[what]?.(file + suffix, other)
    const errors: Error[] = []
    const journal = fileJournal({ file, onError: (error) => errors.push(error) })
    journal.header({ journal: 1, holdfast: '1', payloads: 'digest', options: {} })
    expect(errors).toMatchObject([{ name: 'StorageError', code: 'STORAGE_UNAVAILABLE' }])
    expect(readdirSync(dirname(file))).toEqual([`run.jsonl${suffix}`])
    expectUntouched(other)
  })

  // E5, E2
  test('a link where the damaged file was to be moved to does not count as moved', async () => {
    const other = elsewhere()
    const file = join(temporaryFolder(), 'out.db')
    writeFileSync(file, GARBAGE)
    new DamageMark(file).begin('out.db.corrupt-begun')
    symlinkSync(join(other, 'precious.txt'), `${file}.corrupt-begun`)
    const opening = SqliteLife.open({ file, onCorrupt: 'set-aside' })
    await expect(opening).rejects.toThrow('out.db.corrupt-begun is a link')
    expect(readFileSync(file, 'utf8')).toBe(GARBAGE)
    expectUntouched(other)
  })
})
