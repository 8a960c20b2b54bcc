/** A blank file name is a bad option; every other name is used exactly as given (E1). */
import { mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import { enqueueing, SqliteLife } from './support/sqlite-life.ts'
import { storageOnThread } from './support/on-thread.ts'
import { leftOutOnWindows } from './support/systems.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

// E1
test.each([
  [''],
  [' '],
  ['\t'],
  ['\n  '],
  ['\u00a0'],
  ['\u3000'],
  ['\ufeff'],
  ['a\u0000b'],
  ['a\ud800b'],
  [7],
  [null],
  [{}],
])('the file name %j is refused, before any file is made', (file) => {
  expect(() => sqliteStorage({ file: file as never })).toThrow(
    expect.objectContaining({
      name: 'TypeError',
      message: expect.stringMatching(/^sqliteStorage: (file must be a path|give either)/),
    }),
  )
})

const NAMES = [
  ' leading.db',
  'trailing.db ',
  ' both.db ',
  'tab.db\t',
  'line.db\n',
  'no-break-space.db\u00a0',
  ' :memory: ',
  ':memory: ',
  ' . ',
  'file:name.db',
  'file:name.db?mode=memory',
  'what?mode=ro&immutable=1',
  'part#fragment',
  '100%20percent',
  'quote\'s "and" more',
  'ümlaut-日本-🎈.db',
  'ends-with-a-dot.',
  '-wal',
]

const isForbiddenAsNameOnWindows = leftOutOnWindows(
  'unusual names of the file',
  'Windows forbids some of the characters and takes off blanks and dots at the end',
)

// E1
describe.skipIf(isForbiddenAsNameOnWindows)('the file has exactly the name that was given:', () => {
  test.each(NAMES)('%j', async (name) => {
    const folder = temporaryFolder()
    const file = join(folder, name)
    const life = await SqliteLife.open({ file })
    life.storage.watch(() => undefined)
    await life.storage.lock()
    await life.commit([enqueueing(null)])
    const names = ['', '-commits', '-dispatch', '-dispatch-journal', '-shm', '-wal'].map(
      (suffix) => name + suffix,
    )
    expect(readdirSync(folder).toSorted()).toEqual(names.toSorted())
    await life.storage.close()
    // Another opening finds what was stored, and so does an app that has the folder.
    const next = await SqliteLife.open({ file })
    expect(await next.pendingCount()).toBe(1)
  })

  test.each(NAMES)('%j, relative to the current folder', async (name) => {
    const folder = temporaryFolder()
    const file = `./${relative(process.cwd(), join(folder, 'x')).slice(0, -1)}${name}`
    const life = await SqliteLife.open({ file })
    await life.commit([enqueueing(null)])
    expect(readdirSync(folder)).toContain(name)
  })

  test('" worker.db ", on a worker thread', async () => {
    const folder = temporaryFolder()
    const storage = storageOnThread({ file: join(folder, ' worker.db ') })
    await storage.open({
      atTurnEnd: (run) => void setImmediate(run),
      monotonic: () => 0,
      wall: () => 0,
      newFingerprintKey: 'key',
    })
    await storage.close()
    expect(readdirSync(folder)).toEqual([' worker.db '])
  })

  test('in a folder whose name ends with a blank', async () => {
    const folder = join(temporaryFolder(), 'folder ')
    mkdirSync(folder)
    const life = await SqliteLife.open({ file: join(folder, 'outbox.db') })
    await life.storage.lock()
    expect(readdirSync(folder)).toContain('outbox.db-dispatch')
  })

  test('of a link, the side files are beside the file that it leads to', async () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'real'))
    const real = join(folder, 'real', ' outbox.db ')
    await (await SqliteLife.open({ file: real })).storage.close()
    symlinkSync(real, join(folder, 'link'))
    const life = await SqliteLife.open({ file: join(folder, 'link') })
    await life.storage.lock()
    await life.commit([enqueueing(null)])
    expect(readdirSync(dirname(real)).toSorted()[0]).toBe(basename(real))
    expect(readdirSync(folder).toSorted()).toEqual(['link', 'real'])
  })
})

// E1
test('":memory:" is a database in memory', async () => {
  const before = readdirSync('.')
  const life = await SqliteLife.open({ file: ':memory:' })
  await life.commit([enqueueing(null)])
  expect(await life.pendingCount()).toBe(1)
  expect(readdirSync('.')).toEqual(before)
})

// Q17: the lock is beside the file that SQLite has open, not beside the name that the app gave
test("the side files of the app's own connection lie beside its file, whatever name it was opened by", async () => {
  const folder = temporaryFolder()
  // better-sqlite3 takes the blanks off, but tells the name as it was given.
  const database = new SqliteDatabase(join(folder, 'app.db '))
  const life = await SqliteLife.open({ database })
  await life.storage.lock()
  expect(readdirSync(folder).toSorted()).toEqual([
    'app.db',
    'app.db-dispatch',
    'app.db-dispatch-journal',
    'app.db-shm',
    'app.db-wal',
  ])
  await life.storage.close()
  database.close()
})
