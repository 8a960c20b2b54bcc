/** E2 with `thread: 'worker'`: whatever is wrong with the file is the very error that the main thread would give. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { afterEach, describe, expect, test } from 'vitest'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import { fromPlainError, toPlainError } from '../storage/sqlite/worker/plain-error.ts'
import { StorageError } from '../storage/storage-error.ts'
import { WorkerStorage } from '../storage/sqlite/worker/worker-storage.ts'
import type { Storage, StorageHost } from '../storage/storage.ts'
import { storageOnThread } from './support/on-thread.ts'
import { enqueueing, NOW } from './support/sqlite-life.ts'
import { leftOutOnWindows, NO_MODES } from './support/systems.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const THREADS = ['main', 'worker'] as const

const host: StorageHost = {
  atTurnEnd: (run) => void setImmediate(run),
  monotonic: () => 0,
  wall: () => NOW,
  newFingerprintKey: 'fingerprint key',
}

const storages: Storage[] = []
const connections: SqliteDatabase.Database[] = []

afterEach(async () => {
  for (const database of connections.splice(0)) database.close()
  for (const storage of storages.splice(0)) await storage.close()
})

function storageOn(thread: (typeof THREADS)[number], file: string, more: object = {}): Storage {
  const options = { file, busyTimeoutMs: 1, ...more }
  const storage = thread === 'worker' ? storageOnThread(options) : sqliteStorage(options)
  storages.push(storage)
  return storage
}

/** A file that a storage made, filled and closed. */
async function writtenFile(): Promise<string> {
  const file = join(temporaryFolder(), 'outbox.db')
  const storage = storageOn('main', file)
  await storage.open(host)
  await storage.commit(Array.from({ length: 200 }, () => enqueueing(null, 'x'.repeat(500))))
  await storage.close()
  return file
}

async function failureOf(run: () => Promise<unknown>): Promise<object> {
  const error = await run().then(
    () => null,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(StorageError)
  const { name, code, message, retryable } = error as StorageError
  return { name, code, message, retryable }
}

const hasNoModes = leftOutOnWindows('files and folders that may only be read', NO_MODES)

/** Permissions mean nothing to root: it becomes nobody meanwhile. */
async function withoutPrivileges<T>(run: () => Promise<T>): Promise<T> {
  const isRoot = process.geteuid?.() === 0
  if (isRoot) process.seteuid?.(65_534)
  try {
    return await run()
  } finally {
    if (isRoot) process.seteuid?.(0)
  }
}

const DAMAGED: readonly (readonly [string, string, () => Promise<string>])[] = [
  [
    'that is not a database',
    'STORAGE_CORRUPT',
    async () => {
      const file = join(temporaryFolder(), 'letter.txt')
      writeFileSync(file, 'Dear database, '.repeat(1000))
      return file
    },
  ],
  [
    'whose tables are damaged',
    'STORAGE_CORRUPT',
    async () => {
      const file = await writtenFile()
      const bytes = readFileSync(file)
      writeFileSync(file, bytes.fill(0xff, 4096 * 2))
      return file
    },
  ],
  [
    'of a newer schema',
    'STORAGE_NEWER_SCHEMA',
    async () => {
      const file = await writtenFile()
      const database = new SqliteDatabase(file)
      database.exec(`UPDATE holdfast_meta SET value = '9999' WHERE name = 'schema'`)
      database.close()
      return file
    },
  ],
]

// E2
describe('a file', () => {
  test.each(DAMAGED)('%s is %s on either thread, and left as it was', async (_, code, make) => {
    const file = await make()
    const bytes = readFileSync(file)
    const failures = []
    for (const thread of THREADS) {
      failures.push(
        await failureOf(async () => {
          const storage = storageOn(thread, file)
          await storage.open(host)
          await storage.window(0 as never, 0, 1000)
        }),
      )
    }
    expect(failures[1]).toEqual(failures[0])
    expect(failures[1]).toMatchObject({ code })
    await Promise.all(storages.map((storage) => storage.close()))
    expect(readFileSync(file).equals(bytes)).toBe(true)
  })

  test('that cannot be opened is STORAGE_UNAVAILABLE on either thread, and no thread is left', async () => {
    const paths = [join(temporaryFolder(), 'missing', 'outbox.db'), temporaryFolder()]
    for (const path of paths) {
      const failures = []
      for (const thread of THREADS) {
        failures.push(await failureOf(() => storageOn(thread, path).open(host)))
      }
      expect(failures[1]).toEqual(failures[0])
      expect(failures[1]).toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    }
    const onThreads = storages.filter((storage) => storage instanceof WorkerStorage)
    expect(onThreads.map(({ thread }) => thread)).toEqual([null, null])
  })

  test('that may only be read is STORAGE_READ_ONLY, and opens once it may be written', async ({
    skip,
  }) => {
    skip(hasNoModes)
    const file = await writtenFile()
    chmodSync(join(file, '..'), 0o777)
    chmodSync(file, 0o444)
    const storage = storageOn('worker', file)
    const failure = await withoutPrivileges(() => failureOf(() => storage.open(host)))
    expect(failure).toMatchObject({ code: 'STORAGE_READ_ONLY', retryable: true })
    for (const name of readdirSync(join(file, '..'))) chmodSync(join(file, '..', name), 0o666)
    expect((await storage.open(host)).lanes).toMatchObject([{ pending: 200 }])
  })

  test('that somebody else holds is STORAGE_BUSY, can be read meanwhile, and written again afterwards', async () => {
    const file = await writtenFile()
    const storage = storageOn('worker', file)
    await storage.open(host)
    const other = new SqliteDatabase(file)
    connections.push(other)
    other.exec('BEGIN EXCLUSIVE')
    const calls = [1, 2].map(() => failureOf(() => storage.commit([enqueueing(null)])))
    expect(await Promise.all(calls)).toMatchObject([
      { code: 'STORAGE_BUSY', retryable: true },
      { code: 'STORAGE_BUSY', retryable: true },
    ])
    expect((await storage.reload()).lanes).toMatchObject([{ pending: 200 }])
    expect(await failureOf(() => storageOn('worker', file).open(host))).toMatchObject({
      code: 'STORAGE_BUSY',
    })
    other.exec('ROLLBACK')
    await storage.commit([enqueueing(null)])
    expect((await storage.reload()).lanes).toMatchObject([{ pending: 201 }])
  })

  test('that is damaged can be set aside, whole', async () => {
    const file = join(temporaryFolder(), 'outbox.db')
    writeFileSync(file, 'Dear database, '.repeat(1000))
    const storage = storageOn('worker', file, { onCorrupt: 'set-aside' })
    const { setAside, fresh } = await storage.open(host)
    expect({ setAside, fresh }).toEqual({
      setAside: `${file}.corrupt-2026-01-01T00-00-00-000Z`,
      fresh: true,
    })
    expect(existsSync(setAside ?? '')).toBe(true)
  })

  test('that has a damaged page is told, marked, and salvaged at the next opening', async () => {
    const file = join(temporaryFolder(), 'outbox.db')
    const writer = storageOn('main', file)
    await writer.open(host)
    const changes = Array.from({ length: 400 }, () =>
      enqueueing(null, JSON.stringify('x'.repeat(500))),
    )
    await writer.commit(changes)
    await writer.close()
    const bytes = readFileSync(file)
    const middle = Math.floor(bytes.length / 2 / 4096) * 4096
    writeFileSync(file, bytes.fill(0xa5, middle, middle + 4096))
    const finder = storageOn('worker', file, { onCorrupt: 'set-aside' })
    const { lanes } = await finder.open(host)
    const lane = lanes[0]?.lane
    expect(lane).toBe(0)
    if (lane === undefined) return
    const code = 'STORAGE_CORRUPT'
    await expect(finder.window(lane, 0, 400)).rejects.toMatchObject({ code })
    await expect(finder.commit([enqueueing(null)])).rejects.toMatchObject({ code })
    await finder.close()
    const storage = storageOn('worker', file, { onCorrupt: 'set-aside' })
    const { salvaged } = await storage.open({ ...host, recordedKinds: {} })
    const kept = salvaged?.kept.operations ?? 0
    expect(kept).toBeGreaterThan(380)
    expect(salvaged?.buried).toEqual([])
    expect(await storage.window(lane, 0, 1000)).toHaveLength(kept)
  })

  test('in a folder that may only be read is STORAGE_UNAVAILABLE', async ({ skip }) => {
    skip(hasNoModes)
    const folder = join(temporaryFolder(), 'locked')
    mkdirSync(folder)
    chmodSync(join(folder, '..'), 0o755)
    chmodSync(folder, 0o555)
    const storage = storageOn('worker', join(folder, 'new.db'))
    const failure = await withoutPrivileges(() => failureOf(() => storage.open(host)))
    expect(failure).toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
  })
})

// Q17
describe('two storages on one file, one on a thread', () => {
  test.each([
    ['main', 'worker'],
    ['worker', 'main'],
    ['worker', 'worker'],
  ] as const)(
    'have one lock, and each hears what the other commits (%s, %s)',
    async (one, other) => {
      const file = join(temporaryFolder(), 'outbox.db')
      const [first, second] = [storageOn(one, file), storageOn(other, file)]
      await first.open(host)
      await second.open(host)
      expect([await first.lock(), await first.lock(), await second.lock()]).toEqual([
        true,
        true,
        false,
      ])
      for (const [watching, committing] of [
        [first, second],
        [second, first],
      ] as const) {
        let heard = Promise.withResolvers<void>()
        const stop = watching.watch(() => heard.resolve())
        // The first time it may be of what came before.
        for (let round = 0; round < 3; round += 1) {
          await committing.commit([enqueueing(null)])
          await heard.promise
          heard = Promise.withResolvers()
        }
        stop()
      }
      expect((await first.reload()).lanes).toMatchObject([{ pending: 6 }])
      await first.close()
      expect(await second.lock()).toBe(true)
    },
  )
})

describe('an error on its way between threads', () => {
  test('keeps its code and its message, and what its cause says', () => {
    const cause = Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_WRITE' })
    const error = new StorageError('STORAGE_UNAVAILABLE', 'the database could not be used', cause)
    const arrived = fromPlainError(structuredClone(toPlainError(error)))
    expect(arrived).toBeInstanceOf(StorageError)
    expect(arrived).toMatchObject({ code: error.code, message: error.message, retryable: true })
    expect(arrived.cause).toEqual(new Error('SQLITE_IOERR_WRITE: disk I/O error'))
  })

  test('has no cause where it had none', () => {
    const arrived = fromPlainError(toPlainError(new StorageError('STORAGE_BUSY', 'try again')))
    expect('cause' in arrived).toBe(false)
  })
})
