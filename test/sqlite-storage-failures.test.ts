/** E2 for SQLite: whatever is wrong with the file is a coded error, and the file is not made worse. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { enqueueing, SqliteLife } from './support/sqlite-life.ts'
import { leftOutOnWindows, NO_MODES } from './support/systems.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

/** A file that a storage made, filled and closed. */
async function writtenFile(count = 3): Promise<string> {
  const file = join(temporaryFolder(), 'outbox.db')
  const life = await SqliteLife.open({ file })
  await life.commit(Array.from({ length: count }, () => enqueueing(null, 'x'.repeat(500))))
  await life.storage.close()
  return file
}

/** Some encryptions leave the page size of the header as it was. */
function encrypted(): Buffer {
  const bytes = Buffer.alloc(8192, 0xa7)
  bytes.writeUInt16BE(4096, 16)
  return bytes
}

const hasNoModes = leftOutOnWindows('files and folders that may only be read', NO_MODES)

/** Permissions mean nothing to root: it becomes nobody meanwhile. */
async function withoutPrivileges(run: () => Promise<void>): Promise<void> {
  const isRoot = process.geteuid?.() === 0
  if (isRoot) process.seteuid?.(65_534)
  try {
    await run()
  } finally {
    if (isRoot) process.seteuid?.(0)
  }
}

// E2
describe('a file that is refused is left as it was', () => {
  test('a file that is not a database: STORAGE_CORRUPT', async () => {
    const folder = temporaryFolder()
    const file = join(folder, 'letter.txt')
    const text = 'Dear database, '.repeat(1000)
    writeFileSync(file, text)
    await expect(SqliteLife.open({ file })).rejects.toMatchObject({
      name: 'StorageError',
      code: 'STORAGE_CORRUPT',
      retryable: false,
    })
    expect(readFileSync(file, 'utf8')).toBe(text)
    expect(readdirSync(folder)).toEqual(['letter.txt'])
  })

  // SQLite would delete the -wal or the -journal when it closes a file that it has found to be no database.
  test.each([
    ['a text', Buffer.from('Dear database, '.repeat(1000)), [['-journal']]],
    ['a file that is shorter than a header', Buffer.from('SQLite format 3\0'), [['-journal']]],
    ['one byte', Buffer.from('x'), [['-journal']]],
    ['zeros', Buffer.alloc(8192), [['-journal']]],
    ['an encrypted database', Buffer.alloc(8192, 0xa7), [['-journal']]],
    // SQLite takes its -journal for that of a database, and rolls it back first.
    ['an encrypted database with a readable page size', encrypted(), []],
  ] as const)('%s with files beside it: STORAGE_CORRUPT', async (_, bytes, journals) => {
    const folder = temporaryFolder()
    const file = join(folder, 'other.db')
    const texts = { '-wal': 'the log', '-shm': 'the index', '-journal': 'the journal' }
    for (const beside of [['-wal'], ['-wal', '-shm'], ...journals] as const) {
      for (const suffix of Object.keys(texts)) rmSync(file + suffix, { force: true })
      writeFileSync(file, bytes)
      for (const suffix of beside) writeFileSync(file + suffix, texts[suffix])
      await expect(SqliteLife.open({ file })).rejects.toMatchObject({ code: 'STORAGE_CORRUPT' })
      expect(readFileSync(file).equals(bytes)).toBe(true)
      const names = ['other.db', ...beside.map((suffix) => `other.db${suffix}`)]
      expect(readdirSync(folder).toSorted()).toEqual(names.toSorted())
      // The -shm of a -wal holds nothing of its own, and may be made anew.
      for (const suffix of beside.filter((one) => one !== '-shm')) {
        expect(readFileSync(file + suffix, 'utf8')).toBe(texts[suffix])
      }
    }
  })

  test('a database whose tables are damaged: STORAGE_CORRUPT, never an empty queue', async () => {
    const file = await writtenFile(200)
    const bytes = readFileSync(file)
    bytes.fill(0xff, 4096 * 2)
    writeFileSync(file, bytes)
    const readAll = async () => {
      const life = await SqliteLife.open({ file })
      return life.pendingCount()
    }
    await expect(readAll()).rejects.toMatchObject({ code: 'STORAGE_CORRUPT' })
    expect(readFileSync(file).equals(bytes)).toBe(true)
  })

  test('a database that was cut short: STORAGE_CORRUPT, never an empty queue', async () => {
    const file = await writtenFile(200)
    const bytes = readFileSync(file).subarray(0, 4096 * 5)
    writeFileSync(file, bytes)
    const readAll = async () => {
      const life = await SqliteLife.open({ file })
      return life.pendingCount()
    }
    await expect(readAll()).rejects.toMatchObject({ code: 'STORAGE_CORRUPT' })
    expect(readFileSync(file).equals(bytes)).toBe(true)
  })

  test('a database of a newer schema: STORAGE_NEWER_SCHEMA, which names both', async () => {
    const file = await writtenFile()
    const database = new SqliteDatabase(file)
    database.exec(`UPDATE holdfast_meta SET value = '9999' WHERE name = 'schema'`)
    database.close()
    const bytes = readFileSync(file)
    const names = readdirSync(join(file, '..'))
    const opening = SqliteLife.open({ file })
    await expect(opening).rejects.toMatchObject({ code: 'STORAGE_NEWER_SCHEMA', retryable: false })
    await expect(opening).rejects.toThrow(/9999.* up to \d+/)
    expect(readFileSync(file).equals(bytes)).toBe(true)
    expect(readdirSync(join(file, '..'))).toEqual(names)
  })

  test('an empty file is a new database', async () => {
    const file = join(temporaryFolder(), 'empty.db')
    writeFileSync(file, '')
    const life = await SqliteLife.open({ file })
    await life.commit([enqueueing(null)])
    expect(await life.pendingCount()).toBe(1)
  })
})

// E2
describe('a path that cannot be opened', () => {
  test('a folder that does not exist is STORAGE_UNAVAILABLE, named, and not made', async () => {
    const folder = join(temporaryFolder(), 'missing')
    const opening = SqliteLife.open({ file: join(folder, 'outbox.db') })
    await expect(opening).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true })
    await expect(opening).rejects.toThrow(folder)
    expect(existsSync(folder)).toBe(false)
  })

  test('a folder in the place of the file is STORAGE_UNAVAILABLE', async () => {
    const file = temporaryFolder()
    await expect(SqliteLife.open({ file })).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
  })

  test('a file that may only be read is STORAGE_READ_ONLY, and opens once it may be written', async ({
    skip,
  }) => {
    skip(hasNoModes)
    const file = await writtenFile()
    chmodSync(join(file, '..'), 0o777)
    chmodSync(file, 0o444)
    await withoutPrivileges(async () => {
      await expect(SqliteLife.open({ file })).rejects.toMatchObject({
        code: 'STORAGE_READ_ONLY',
        retryable: true,
      })
    })
    // The -wal and -shm that SQLite makes beside a file have its permissions.
    for (const name of readdirSync(join(file, '..'))) chmodSync(join(file, '..', name), 0o666)
    await withoutPrivileges(async () => {
      expect(await (await SqliteLife.open({ file })).pendingCount()).toBe(3)
    })
  })

  test('a file in a folder that may only be read is STORAGE_READ_ONLY', async ({ skip }) => {
    skip(hasNoModes)
    const file = await writtenFile()
    chmodSync(file, 0o666)
    chmodSync(join(file, '..'), 0o555)
    await withoutPrivileges(async () => {
      await expect(SqliteLife.open({ file })).rejects.toMatchObject({ code: 'STORAGE_READ_ONLY' })
    })
    chmodSync(join(file, '..'), 0o777)
  })

  test('a new file in a folder that may only be read is STORAGE_UNAVAILABLE', async ({ skip }) => {
    skip(hasNoModes)
    const folder = join(temporaryFolder(), 'locked')
    mkdirSync(folder)
    chmodSync(join(folder, '..'), 0o755)
    chmodSync(folder, 0o555)
    await withoutPrivileges(async () => {
      await expect(SqliteLife.open({ file: join(folder, 'new.db') })).rejects.toMatchObject({
        code: 'STORAGE_UNAVAILABLE',
      })
    })
  })

  test('a read-only connection is STORAGE_READ_ONLY', async () => {
    const file = await writtenFile()
    const database = new SqliteDatabase(file, { readonly: true })
    await expect(SqliteLife.open({ database })).rejects.toMatchObject({ code: 'STORAGE_READ_ONLY' })
    database.close()
  })
})

// E2
describe('a full disk', () => {
  test('is STORAGE_FULL, leaves nothing half written, and works again once there is room', async () => {
    const database = new SqliteDatabase(join(temporaryFolder(), 'small.db'))
    const life = await SqliteLife.open({ database })
    const pages = Number(database.pragma('page_count', { simple: true }))
    database.pragma(`max_page_count = ${pages + 8}`)
    const large = enqueueing(null, 'x'.repeat(100_000))

    const calls = [
      [enqueueing(null)],
      [enqueueing(null), large, enqueueing(null)],
      [enqueueing(null)],
    ]
    const committed = calls.map((changes) => life.storage.commit(changes))
    while (life.endTurn());
    const results = await Promise.allSettled(committed)
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(results[1]).toMatchObject({ reason: { code: 'STORAGE_FULL', retryable: true } })
    expect(await life.pendingCount()).toBe(2)

    database.pragma('max_page_count = 100000')
    expect((await life.commit([large])).map(({ applied }) => applied)).toEqual([true])
    expect(await life.pendingCount()).toBe(3)
    const pending = database
      .prepare('SELECT pending FROM holdfast_lanes_now WHERE lane = 0')
      .pluck()
    expect(pending.get()).toBe(3)
    expect(database.pragma('integrity_check', { simple: true })).toBe('ok')
    await life.storage.close()
    database.close()
  })

  test('still lets operations be completed', async () => {
    const database = new SqliteDatabase(join(temporaryFolder(), 'small.db'))
    const life = await SqliteLife.open({ database })
    const members = (await life.commit([enqueueing(null)])).flatMap((answer) =>
      answer.applied ? answer.affected : [],
    )
    database.pragma('max_page_count = 1')
    const large = enqueueing(null, 'x'.repeat(100_000))
    await expect(life.commit([large])).rejects.toMatchObject({ code: 'STORAGE_FULL' })
    const lane = members[0]?.lane
    expect(lane).toBe(0)
    if (lane !== undefined) await life.commit([{ change: 'complete', lane, members }])
    expect(await life.pendingCount()).toBe(0)
    await life.storage.close()
    database.close()
  })
})

// E2
describe('a database that somebody else holds', () => {
  test('is STORAGE_BUSY, can be read meanwhile, and written again afterwards', async () => {
    const file = await writtenFile()
    const life = await SqliteLife.open({ file, busyTimeoutMs: 1 })
    const other = new SqliteDatabase(file)
    other.exec('BEGIN EXCLUSIVE')
    await expect(life.commit([enqueueing(null)])).rejects.toMatchObject({
      code: 'STORAGE_BUSY',
      retryable: true,
    })
    expect(await life.pendingCount()).toBe(3)
    await expect(SqliteLife.open({ file, busyTimeoutMs: 1 })).rejects.toMatchObject({
      code: 'STORAGE_BUSY',
    })
    other.exec('ROLLBACK')
    other.close()
    await life.commit([enqueueing(null)])
    expect(await life.pendingCount()).toBe(4)
  })

  test('rejects all calls of a turn after waiting once, not once for each', async () => {
    const file = await writtenFile()
    const statements: string[] = []
    const database = new SqliteDatabase(file, {
      timeout: 1,
      verbose: (sql) => void statements.push(String(sql)),
    })
    const life = await SqliteLife.open({ database })
    const other = new SqliteDatabase(file)
    other.exec('BEGIN EXCLUSIVE')
    const before = statements.length
    const calls = Array.from({ length: 50 }, () => life.storage.commit([enqueueing(null)]))
    while (life.endTurn());
    const results = await Promise.allSettled(calls)
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set(['rejected']))
    const begun = statements.slice(before).filter((sql) => sql.startsWith('BEGIN'))
    expect(begun).toEqual(['BEGIN IMMEDIATE'])
    other.close()
    await life.storage.close()
    database.close()
  })
})
