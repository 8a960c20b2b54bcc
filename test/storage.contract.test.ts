/** The SQLite storage passes the acceptance suite, in each way it can be given a database. */
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { describe, expect, test, vi } from 'vitest'
import { storageContract, type StorageSubject } from '../src/simulation/storage-contract.ts'
import type { SqliteSettings } from '../storage/sqlite/options.ts'
import { SqliteStorage } from '../storage/sqlite/sqlite-storage.ts'
import type { WorkerStorage } from '../storage/sqlite/worker/worker-storage.ts'
import type { Change } from '../storage/changes.ts'
import type { Storage } from '../storage/storage.ts'
import { storageOnThread } from './support/on-thread.ts'

// Each case of a worker starts a thread, which loads its code.
vi.setConfig({ testTimeout: 60_000 })

/** STRICT tables take no text for a number. */
const failing = {
  change: 'enqueue',
  user: null,
  nonce: 'failing',
  kind: 'note',
  version: 'not a number' as unknown as number,
  payload: '{}',
  enqueuedAt: 0,
  expiresAt: null,
} satisfies Change

/** A database file. A crash leaves the files as they are; the next life has a copy of them. */
function onFile(options: SqliteSettings): StorageSubject {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-'))
  const made: Storage[] = []
  let file = join(folder, 'life-1.db')
  return {
    failing,
    causesFsync: options.durability !== 'app-crash',
    create: () => {
      const storage = new SqliteStorage({ ...options, file })
      made.push(storage)
      return storage
    },
    crash: async () => {
      const next = join(folder, `life-${made.length + 1}.db`)
      for (const suffix of ['', '-wal']) {
        if (existsSync(file + suffix)) cpSync(file + suffix, next + suffix)
      }
      file = next
    },
    dispose: async () => {
      for (const storage of made) await storage.close()
      rmSync(folder, { recursive: true, maxRetries: 10 })
    },
  }
}

/** A database file on a worker thread. A crash ends the thread, wherever it is. */
function onThread(): StorageSubject {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-'))
  const made: WorkerStorage[] = []
  return {
    failing,
    create: () => {
      const storage = storageOnThread({ file: join(folder, 'life.db') })
      made.push(storage)
      return storage
    },
    crash: async () => void (await made.at(-1)?.thread?.worker.terminate()),
    dispose: async () => {
      for (const storage of made) await storage.close()
      rmSync(folder, { recursive: true, maxRetries: 10 })
    },
  }
}

/** The app's own connection to a database in memory. A crash forgets the storage and keeps the connection. */
function onConnection(): StorageSubject {
  const database = new SqliteDatabase(':memory:')
  return {
    failing,
    create: () => new SqliteStorage({ database }),
    crash: async () => {},
    dispose: async () => void database.close(),
  }
}

describe.concurrent.each([
  ['a file', () => onFile({})],
  ['a file that only needs to survive the app', () => onFile({ durability: 'app-crash' })],
  ['a file on a worker thread', onThread],
  ["the app's own connection", onConnection],
])('the SQLite storage on %s', (_, makeSubject) => {
  test.each(storageContract)('$name', async (contractCase) => {
    await expect(contractCase.run(makeSubject())).resolves.toBeUndefined()
  })
})
