/** What is peculiar to the SQLite storage: what its commits survive, and how it shares a database. */
import { join } from 'node:path'
import SqliteDatabase, { type Database } from 'better-sqlite3'
import { afterEach, describe, expect, test } from 'vitest'
import type { LaneId, OperationId, UserId } from '../src/model.ts'
import type { Affected, Change } from '../storage/changes.ts'
import { SqliteStorage } from '../storage/sqlite/sqlite-storage.ts'
import { ALICE, ANONYMOUS_LANE, enqueueing, NOW, SqliteLife } from './support/sqlite-life.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const NORMAL = 1
const FULL = 2

const connections: Database[] = []

afterEach(() => {
  for (const database of connections.splice(0)) database.close()
})

/** A connection as an app would give it, and the statements that were run on it. */
function connect(file = join(temporaryFolder(), 'app.db'), busyTimeoutMs = 0) {
  const statements: string[] = []
  const database = new SqliteDatabase(file, {
    timeout: busyTimeoutMs,
    verbose: (sql) => void statements.push(String(sql)),
  })
  connections.push(database)
  return { database, file, statements }
}

/** Records, from inside, under which `synchronous` each enqueue is committed. */
function watchLevels(database: Database): () => number[] {
  database.exec(`CREATE TEMP TABLE levels (level INTEGER);
    CREATE TEMP TRIGGER watch AFTER INSERT ON holdfast_operations
    BEGIN INSERT INTO levels SELECT synchronous FROM pragma_synchronous; END`)
  const select = database.prepare<[], number>('SELECT level FROM levels ORDER BY rowid').pluck()
  return () => select.all()
}

function countOf(statements: readonly string[], statement: string): number {
  return statements.filter((found) => found === statement).length
}

describe('what a commit survives', () => {
  test('a fresh database is in WAL and really at FULL, before and after the first write', async () => {
    const { database } = connect()
    const life = await SqliteLife.open({ database })
    const levels = watchLevels(database)
    expect(database.pragma('journal_mode', { simple: true })).toBe('wal')
    expect(database.pragma('synchronous', { simple: true })).toBe(FULL)
    await life.commit([enqueueing(null)])
    expect(levels()).toEqual([FULL])
    expect(database.pragma('synchronous', { simple: true })).toBe(FULL)
  })

  test('an unsynced call is committed at NORMAL, and the connection stands at FULL for the app again', async () => {
    const { database } = connect()
    const life = await SqliteLife.open({ database })
    const levels = watchLevels(database)
    await life.commit([enqueueing(null)], { synced: false })
    expect(database.pragma('synchronous', { simple: true })).toBe(FULL)
    await life.commit([enqueueing(null)], { synced: true })
    expect(levels()).toEqual([NORMAL, FULL])
  })

  test('one synced call in a turn makes the whole turn synced', async () => {
    const { database } = connect()
    const life = await SqliteLife.open({ database })
    const levels = watchLevels(database)
    const calls = [false, true, false].map((synced) =>
      life.storage.commit([enqueueing(null)], { synced }),
    )
    life.endTurn()
    await Promise.all(calls)
    expect(levels()).toEqual([FULL, FULL, FULL])
  })

  test("durability 'app-crash' commits at NORMAL", async () => {
    const { database } = connect()
    const life = await SqliteLife.open({ database, durability: 'app-crash' })
    const levels = watchLevels(database)
    await life.commit([enqueueing(null)])
    expect(levels()).toEqual([NORMAL])
  })
})

describe('transactions', () => {
  test('every write begins IMMEDIATE, from the migration on', async () => {
    const { database, statements } = connect()
    const life = await SqliteLife.open({ database })
    await life.commit([enqueueing(ALICE)])
    await life.commit([{ change: 'identity', user: ALICE }], { synced: false })
    const begun = statements.filter((sql) => /^(BEGIN|SAVEPOINT)/i.test(sql))
    expect(new Set(begun)).toEqual(new Set(['BEGIN IMMEDIATE']))
    expect(begun).toHaveLength(countOf(statements, 'COMMIT'))
  })

  test('the calls of one turn are one transaction, of at most 512 changes', async () => {
    const { database, statements } = connect()
    const life = await SqliteLife.open({ database })
    const before = countOf(statements, 'COMMIT')
    const calls = Array.from({ length: 300 }, () =>
      life.storage.commit([enqueueing(null), enqueueing(null)]),
    )
    life.endTurn()
    expect(countOf(statements, 'COMMIT') - before).toBe(1)
    await Promise.all(calls.slice(0, 256))
    expect(life.endTurn()).toBe(true)
    expect(countOf(statements, 'COMMIT') - before).toBe(2)
    await Promise.all(calls)
    expect(life.endTurn()).toBe(false)
  })

  test('a call is never split, however many changes it has', async () => {
    const { database, statements } = connect()
    const life = await SqliteLife.open({ database })
    const before = countOf(statements, 'COMMIT')
    await life.commit(Array.from({ length: 1000 }, () => enqueueing(null)))
    expect(countOf(statements, 'COMMIT') - before).toBe(1)
  })

  test('a transaction takes no further call after 4 ms', async () => {
    const { database, statements } = connect()
    const life = await SqliteLife.open({ database })
    let nowMs = 0
    life.monotonicMs = () => (nowMs += 2)
    const before = countOf(statements, 'COMMIT')
    const calls = [1, 2, 3, 4].map(() => life.storage.commit([enqueueing(null)]))
    while (life.endTurn());
    await Promise.all(calls)
    expect(countOf(statements, 'COMMIT') - before).toBe(2)
  })

  test('all tables are STRICT and carry the prefix holdfast_', async () => {
    const { database } = connect()
    await SqliteLife.open({ database })
    const tables = database
      .prepare<[], { name: string; strict: number }>(
        `SELECT name, strict FROM pragma_table_list
         WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'`,
      )
      .all()
    expect(tables.length).toBeGreaterThan(5)
    expect(
      tables.filter(({ name, strict }) => strict === 0 || !name.startsWith('holdfast_')),
    ).toEqual([])
  })

  // bounded-resources
  test('ends older than seven days are forgotten while the process runs, once in a thousand', async () => {
    const { database } = connect()
    const life = await SqliteLife.open({ database })
    const [old, ...others] = await enqueueMany(life, 1000)
    await life.commit([{ change: 'cancel', id: old?.id as OperationId, at: NOW }])
    const at = NOW + 8 * 24 * 60 * 60 * 1000
    await life.commit(others.map(({ id }): Change => ({ change: 'cancel', id, at })))
    expect(await life.storage.find(old?.id as OperationId)).toBeNull()
    expect(await life.storage.find(others[0]?.id as OperationId)).not.toBeNull()
  })
})

describe('a key', () => {
  test.each([
    ['place', `UPDATE holdfast_lanes SET tail = ${2 ** 40 - 1024} WHERE lane = 1`, ALICE],
    ['lane', `UPDATE sqlite_sequence SET seq = ${2 ** 23 - 1}`, 'bob' as UserId],
  ])(
    'has no room for another %s: STORAGE_FULL, and nothing is stored',
    async (_, nearEnd, user) => {
      const { database } = connect()
      const life = await SqliteLife.open({ database })
      await life.commit([enqueueing(ALICE)])
      database.exec(nearEnd)
      await expect(life.commit([enqueueing(user)])).rejects.toMatchObject({ code: 'STORAGE_FULL' })
      expect(await life.pendingCount(1 as LaneId)).toBe(1)
    },
  )
})

describe("the app's own connection", () => {
  test('a transaction that the app holds open is neither joined nor rolled back', async () => {
    const { database } = connect()
    const life = await SqliteLife.open({ database })
    database.exec('CREATE TABLE notes (text TEXT)')
    database.exec('BEGIN')
    database.prepare('INSERT INTO notes VALUES (?)').run('mine')
    await expect(life.commit([enqueueing(null)])).rejects.toMatchObject({
      code: 'STORAGE_BUSY',
      retryable: true,
    })
    expect(database.inTransaction).toBe(true)
    database.exec('COMMIT')
    expect(database.prepare('SELECT text FROM notes').pluck().all()).toEqual(['mine'])
    await life.commit([enqueueing(null)])
    expect(await life.pendingCount()).toBe(1)
  })

  test('close leaves it open', async () => {
    const { database } = connect()
    const life = await SqliteLife.open({ database })
    await life.storage.close()
    expect(database.open).toBe(true)
  })

  test('a refused open leaves it open', async () => {
    const { database } = connect()
    database.exec(`CREATE TABLE holdfast_meta (name TEXT PRIMARY KEY, value TEXT);
      INSERT INTO holdfast_meta VALUES ('schema', '9999')`)
    await expect(SqliteLife.open({ database })).rejects.toMatchObject({
      code: 'STORAGE_NEWER_SCHEMA',
    })
    expect(database.open).toBe(true)
  })

  test('a connection that the app closed under the storage is a coded error, and close still works', async () => {
    const { database } = connect()
    const life = await SqliteLife.open({ database })
    database.close()
    await expect(life.commit([enqueueing(null)])).rejects.toMatchObject({
      code: 'STORAGE_UNAVAILABLE',
    })
    await expect(life.pendingCount()).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    await expect(life.storage.close()).resolves.toBeUndefined()
  })

  test('a SQLite older than 3.51.3 is refused, because it can corrupt a WAL', async () => {
    const ofVersion = (version: string) => ({
      open: true,
      inTransaction: false,
      prepare: () => ({ get: () => ({ version }) }),
      exec: () => expect.unreachable('a refused database was touched'),
      pragma: () => expect.unreachable('a refused database was touched'),
    })
    for (const version of ['3.51.2', '3.50.9', '2.99.99']) {
      const refused = SqliteLife.open({ database: ofVersion(version) })
      await expect(refused).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
      await expect(refused).rejects.toThrow(version)
    }
  })
})

describe('two storages on one file', () => {
  test('enqueue into the same lane without ever colliding', async () => {
    const file = join(temporaryFolder(), 'shared.db')
    const lives = [await SqliteLife.open({ file }), await SqliteLife.open({ file })]
    const made: Affected[] = []
    for (let round = 0; round < 50; round += 1) {
      for (const life of lives) {
        made.push(...affectedBy(await life.commit([enqueueing(ALICE), enqueueing(ALICE)])))
      }
    }
    expect(made.map(({ place }) => place)).toEqual(made.map((_, index) => (index + 1) * 1024))
    expect(new Set(made.map(({ id }) => id)).size).toBe(200)
    for (const life of lives) expect(await life.pendingCount(made[0]?.lane)).toBe(200)
  })

  test('each sees at once what the other committed, and only one of them settles it', async () => {
    const file = join(temporaryFolder(), 'shared.db')
    const [one, other] = [await SqliteLife.open({ file }), await SqliteLife.open({ file })]
    const [operation] = affectedBy(await one.commit([enqueueing(null)]))
    const id = operation?.id as OperationId
    expect((await other.storage.find(id))?.state).toBe('pending')
    expect((await other.commit([{ change: 'cancel', id, at: NOW }]))[0]?.applied).toBe(true)
    expect((await one.commit([{ change: 'cancel', id, at: NOW }]))[0]?.applied).toBe(false)
  })

  // T12
  test('of two that store a token over the same generation one misses', async () => {
    const file = join(temporaryFolder(), 'shared.db')
    const lives = [await SqliteLife.open({ file }), await SqliteLife.open({ file })]
    const answers = await Promise.all(
      lives.map((life, index) =>
        life.commit([
          {
            change: 'token',
            user: ALICE,
            expected: 0,
            generation: 1,
            fingerprint: `of ${index}`,
            expiresAt: null,
            refreshAt: null,
            sealed: null,
          },
        ]),
      ),
    )
    expect(answers.flat().map(({ applied }) => applied)).toEqual([true, false])
  })
})

test('a storage without file and database is in memory, and gone with its close', async () => {
  const life = await SqliteLife.open({})
  await life.commit([enqueueing(null)])
  expect(await life.pendingCount()).toBe(1)
  await life.storage.close()
  expect(await (await SqliteLife.open({})).pendingCount()).toBe(0)
})

test('a storage that was not opened rejects with CLOSED', async () => {
  const storage = new SqliteStorage({})
  await expect(storage.window(ANONYMOUS_LANE, 0, 1)).rejects.toMatchObject({ code: 'CLOSED' })
  await expect(storage.close()).resolves.toBeUndefined()
})

function affectedBy(answers: Awaited<ReturnType<SqliteLife['commit']>>): readonly Affected[] {
  return answers.flatMap((answer) => (answer.applied ? answer.affected : []))
}

async function enqueueMany(life: SqliteLife, count: number): Promise<readonly Affected[]> {
  return affectedBy(await life.commit(Array.from({ length: count }, () => enqueueing(null))))
}
