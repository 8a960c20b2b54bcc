/** The app's own connection works for Holdfast however the app has set it up, or is refused with a code (E1, E2). */
import { join } from 'node:path'
import SqliteDatabase, { type Database } from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { storageContract, type StorageSubject } from '../src/simulation/storage-contract.ts'
import { SqliteStorage } from '../storage/sqlite/sqlite-storage.ts'
import type { Change } from '../storage/changes.ts'
import type { OpenedState, StorageHost } from '../storage/storage.ts'
import { note, replying, Rig } from './support/rig.ts'
import { enqueueing, SqliteLife } from './support/sqlite-life.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

/** What an app may say to its connection, and what could change what Holdfast reads or writes. */
const SETTINGS: readonly (readonly [string, (database: Database) => unknown])[] = [
  ['integers as BigInt', (database) => database.defaultSafeIntegers()],
  ['unsafe mode', (database) => database.unsafeMode()],
  ...[
    'foreign_keys = OFF',
    'recursive_triggers = ON',
    'case_sensitive_like = ON',
    'reverse_unordered_selects = ON',
    'read_uncommitted = ON',
    'cell_size_check = ON',
    'ignore_check_constraints = ON',
    'trusted_schema = OFF',
    'automatic_index = OFF',
    'defer_foreign_keys = ON',
    'short_column_names = OFF',
    'empty_result_callbacks = ON',
    'temp_store = MEMORY',
    'locking_mode = EXCLUSIVE',
    "encoding = 'UTF-16'",
    'page_size = 512',
    'busy_timeout = 0',
    'synchronous = OFF',
  ].map((pragma) => [`PRAGMA ${pragma}`, (database: Database) => database.pragma(pragma)] as const),
  ['a wish for BigInt that comes later', () => undefined],
]

function subjectWith(name: string, set: (database: Database) => unknown): StorageSubject {
  const database = new SqliteDatabase(':memory:')
  set(database)
  const failing = { ...enqueueing(null), version: 'not a number' as unknown as number } as Change
  return {
    failing,
    create: () => {
      if (!name.includes('later')) return new SqliteStorage({ database })
      return new (class extends SqliteStorage {
        override async open(host: StorageHost): Promise<OpenedState> {
          const state = await super.open(host)
          database.defaultSafeIntegers()
          return state
        }
      })({ database })
    },
    crash: async () => {},
    dispose: async () => void database.close(),
  }
}

// E2
describe.each(SETTINGS)('a connection with %s', (name, set) => {
  test('passes the acceptance suite of storages', async () => {
    for (const contractCase of storageContract) {
      const failure = await contractCase
        .run(subjectWith(name, set))
        .catch((error: unknown) => error)
      expect({ case: contractCase.name, failure }).toEqual({ case: contractCase.name })
    }
  })

  test('serves an engine on a file, from a login to a completion, over a restart', async () => {
    const file = join(temporaryFolder(), 'app.db')
    const database = new SqliteDatabase(file)
    set(database)
    const rig = await Rig.start({ database })
    if (name.includes('later')) database.defaultSafeIntegers()
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    const receipt = database.transaction(() =>
      rig.holdfast.enqueueWithin(database, note({ text: 'two' })),
    )()
    await rig.advance()
    rig.last.reply(503)
    await rig.close()
    rig.answer = replying()
    await rig.open()
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    await rig.advance(60_000)
    expect(rig.bodies).toEqual(['one', 'one', 'two'])
    expect(await rig.holdfast.operation(receipt.id)).toBeNull()
    expect(rig.eventsOf('error')).toEqual([])
    await rig.close()
    database.close()
  })
})

// E2
describe('what Holdfast cannot work with is refused with a code:', () => {
  test('a connection that may only query', async () => {
    const database = new SqliteDatabase(join(temporaryFolder(), 'app.db'))
    const life = await SqliteLife.open({ database })
    database.pragma('query_only = ON')
    await expect(life.commit([enqueueing(null)])).rejects.toMatchObject({
      code: 'STORAGE_READ_ONLY',
    })
    database.pragma('query_only = OFF')
    expect((await life.commit([enqueueing(null)]))[0]?.applied).toBe(true)
    await life.storage.close()
    database.pragma('query_only = ON')
    await expect(SqliteLife.open({ database })).rejects.toMatchObject({ code: 'STORAGE_READ_ONLY' })
    database.close()
  })

  test('a connection that the app iterates over just now, and it works again afterwards', async () => {
    const database = new SqliteDatabase(join(temporaryFolder(), 'app.db'))
    database.exec('CREATE TABLE rows (n); INSERT INTO rows VALUES (1), (2), (3)')
    const rows = database.prepare('SELECT n FROM rows').iterate()
    rows.next()
    await expect(SqliteLife.open({ database })).rejects.toMatchObject({
      code: 'STORAGE_BUSY',
      retryable: true,
    })
    rows.return?.()
    const life = await SqliteLife.open({ database })
    const later = database.prepare('SELECT n FROM rows').iterate()
    later.next()
    const refused = life.commit([enqueueing(null)])
    await expect(refused).rejects.toMatchObject({ code: 'STORAGE_BUSY', retryable: true })
    await expect(refused).rejects.toThrow(/iterates/)
    later.return?.()
    expect((await life.commit([enqueueing(null)]))[0]?.applied).toBe(true)
    await life.storage.close()
    database.close()
  })
})

// E2
test('a connection that names columns with their tables is refused, and says why', async () => {
  const database = new SqliteDatabase(':memory:')
  database.pragma('full_column_names = ON')
  const opening = SqliteLife.open({ database })
  await expect(opening).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
  await expect(opening).rejects.toThrow(/full_column_names/)
  database.pragma('full_column_names = OFF')
  expect(await (await SqliteLife.open({ database })).pendingCount()).toBe(0)
})

// E2: the app's own statements are the app's
test('leaves the BigInt of the app as it was', async () => {
  const database = new SqliteDatabase(':memory:').defaultSafeIntegers()
  const life = await SqliteLife.open({ database })
  await life.commit([enqueueing(null)])
  expect(database.prepare('SELECT count(*) FROM holdfast_operations').pluck().get()).toBe(1n)
  expect(database.pragma('user_version', { simple: true })).toBe(0n)
  await life.storage.close()
  database.close()
})
