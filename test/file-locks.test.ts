/**
 * Only SQLite opens a database file (E2). A plain open and close by this process would drop every lock that the process has on
 * the file, and another program that comes and goes would then delete the live -wal with what has been acknowledged.
 */
import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import SqliteDatabase from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import type { LaneId, OperationId } from '../src/model.ts'
import { locksOn, TELLS_LOCKS } from './support/locks.ts'
import { storageOnThread } from './support/on-thread.ts'
import { enqueueing, SqliteLife } from './support/sqlite-life.ts'
import { KILLED_BY_ITSELF } from './support/systems.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const CHILD = fileURLToPath(new URL('processes/visited-by-another.ts', import.meta.url))
const SUFFIXES = ['', '-wal', '-shm', '-dispatch', '-commits']

if (!TELLS_LOCKS)
  process.stdout.write(
    '\n  not tested: the locks of the process, which this system does not tell\n',
  )

function newFile(): string {
  const folder = join(temporaryFolder(), 'data')
  mkdirSync(folder)
  return join(folder, 'outbox.db')
}

interface Subject {
  readonly life: SqliteLife
  readonly file: string
}

async function opened(): Promise<Subject> {
  const file = newFile()
  const life = await SqliteLife.open({ file })
  await life.storage.lock()
  await life.commit([enqueueing(null)])
  return { life, file }
}

async function comeAndGo(
  options: Parameters<typeof SqliteLife.open>[0],
  lock = true,
): Promise<void> {
  const second = await SqliteLife.open(options)
  if (lock) expect(await second.storage.lock()).toBe(false)
  await second.commit([enqueueing(null)])
  await second.storage.reload()
  await second.storage.close()
}

const HOST = {
  atTurnEnd: (run: () => void) => void setImmediate(run),
  monotonic: () => performance.now(),
  wall: () => Date.now(),
  newFingerprintKey: 'key',
}

const USES: readonly (readonly [string, (subject: Subject) => unknown])[] = [
  ['a second storage that comes and goes', ({ file }) => comeAndGo({ file })],
  [
    'a second storage that would set damage aside',
    ({ file }) => comeAndGo({ file, onCorrupt: 'set-aside' }),
  ],
  [
    'a second storage on a worker thread',
    async ({ file }) => {
      const storage = storageOnThread({ file })
      await storage.open(HOST)
      await storage.lock()
      await storage.commit([enqueueing(null)])
      await storage.close()
    },
  ],
  [
    "a second storage on the app's own connection",
    async ({ file }) => {
      const database = new SqliteDatabase(file)
      const second = await SqliteLife.open({ database })
      database.exec('BEGIN')
      second.storage.enqueueWithin(database, enqueueing(null) as never)
      database.exec('COMMIT')
      await second.storage.close()
      database.close()
    },
  ],
  [
    'a second storage that is refused',
    async ({ file }) => {
      const other = new SqliteDatabase(file)
      other.exec(`UPDATE holdfast_meta SET value = value || '00' WHERE name = 'schema'`)
      await expect(SqliteLife.open({ file })).rejects.toMatchObject({
        code: 'STORAGE_NEWER_SCHEMA',
      })
      other.exec(
        `UPDATE holdfast_meta SET value = substr(value, 1, length(value) - 2) WHERE name = 'schema'`,
      )
      other.close()
    },
  ],
  ['a commit', ({ life }) => life.commit([enqueueing(null)])],
  ['a commit without a sync', ({ life }) => life.commit([enqueueing(null)], { synced: false })],
  [
    'a look at the files a second later',
    ({ life }) => {
      life.monotonicMs = () => 5000
      return life.storage.window(0 as LaneId, 0, 10)
    },
  ],
  ['find()', ({ life }) => life.storage.find('0.sg.nobody' as OperationId)],
  ['reload()', ({ life }) => life.storage.reload()],
  ['lock()', ({ life }) => life.storage.lock()],
  [
    'watch(), and a commit of another',
    async ({ life, file }) => {
      const stop = life.storage.watch(() => undefined)
      await comeAndGo({ file }, false)
      while (life.endTurn());
      stop()
    },
  ],
  [
    'tidy()',
    async ({ life }) => {
      const tidied = life.storage.tidy()
      while (life.endTurn());
      await tidied
    },
  ],
  [
    'forget(), which empties the -wal',
    ({ life }) => life.commit([{ change: 'forget', user: 'alice' as never, at: 0 }]),
  ],
  [
    'a connection of the app that comes and goes',
    ({ file }) => {
      const database = new SqliteDatabase(file)
      database.prepare('SELECT count(*) FROM holdfast_operations').get()
      database.close()
    },
  ],
]

// E2
describe.skipIf(!TELLS_LOCKS)('the locks of the process are still there after', () => {
  test.each(USES)('%s', async (_, use) => {
    const subject = await opened()
    const files = SUFFIXES.map((suffix) => subject.file + suffix)
    const before = locksOn(files)
    // A control: of the file, of the index of its -wal, and of the lock that only one process has.
    expect(before.map((lock) => lock.split(' ').slice(0, 2).join(' '))).toEqual(
      expect.arrayContaining(['outbox.db READ', 'outbox.db-shm READ', 'outbox.db-dispatch WRITE']),
    )
    await use(subject)
    expect(locksOn(files)).toEqual(before)
  })

  test('(a control) a plain open and close drops them', async () => {
    const { file } = await opened()
    closeSync(openSync(file, 'r'))
    expect(locksOn([file])).toEqual([])
  })
})

/** Code of a process that opens the file, does this, and closes it. */
function inNode(visit: string): string {
  return `const database = new (require('better-sqlite3'))(process.argv[1])
    try { ${visit} } catch {} finally { database.close() }`
}

const PYTHON = `import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute('SELECT count(*) FROM holdfast_operations').fetchone()
database.close()`

/** The SQLite of Python is mostly older than 3.53, which is when SQLite began to look at more than the lock. */
const hasPython = spawnSync('python3', ['-c', 'import sqlite3']).status === 0
if (!hasPython)
  process.stdout.write(
    '\n  not tested: the visit of an older SQLite, because there is no python3\n',
  )

const VISITS: readonly (readonly [name: string, tool: string, code: string])[] = [
  [
    'it looks',
    'node',
    inNode(`database.prepare('SELECT count(*) FROM holdfast_operations').get()`),
  ],
  ['it ends the WAL mode', 'node', inNode(`database.pragma('journal_mode = DELETE')`)],
  ['it empties the -wal', 'node', inNode(`database.pragma('wal_checkpoint(TRUNCATE)')`)],
  ...(hasPython ? [['it looks with an older SQLite', 'python3', PYTHON] as const] : []),
]

// E2, durable-before-ack: everything acknowledged is there, whatever comes and goes meanwhile
describe.each(['control', 'second', 'app', 'thread'] as const)(
  'in a process with %s',
  (variant) => {
    test.each(VISITS)(
      'what was acknowledged is there after the visit of another (%s) and a SIGKILL',
      async (_, tool, visit) => {
        const file = newFile()
        const child = spawnSync(process.execPath, [CHILD, variant, tool, visit, file], {
          encoding: 'utf8',
        })
        expect(child.stderr).toBe('')
        expect({ status: child.status, signal: child.signal }).toEqual(KILLED_BY_ITSELF)
        const said = JSON.parse(child.stdout) as {
          readonly acknowledged: number
          readonly deleted: number
        }
        expect(said.acknowledged).toBe(20)
        expect(said.deleted, 'a file was deleted while the process had it open').toBe(0)
        const life = await SqliteLife.open({ file })
        expect(await life.pendingCount()).toBe(20)
        if (variant !== 'app') return
        const database = new SqliteDatabase(file)
        expect(database.prepare('SELECT count(*) FROM rows').pluck().get()).toBe(20)
        database.close()
      },
      30_000,
    )
  },
)
