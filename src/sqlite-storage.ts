/** `sqliteStorage()`: the storage most apps use. */
import type { SqliteStorageOptions } from '../storage/sqlite/options.ts'
import { SqliteStorage } from '../storage/sqlite/sqlite-storage.ts'
import { WorkerStorage } from '../storage/sqlite/worker/worker-storage.ts'
import type { Storage } from '../storage/storage.ts'
import { wholeNumberOf } from './checks/numbers.ts'
import { show } from './checks/show.ts'
import { isText, wordOf } from './checks/texts.ts'

/** SQLite counts milliseconds in 32 bits. */
const LONGEST_BUSY_TIMEOUT_MS = 2 ** 31 - 1

/**
 * Keeps operations in a SQLite file of their own, or (`database`) in the app's.
 *
 * ```ts
 * const storage = sqliteStorage({ file: 'outbox.db' })
 * ```
 *
 * @throws TypeError where the options are wrong. The file itself is opened by `createHoldfast()`.
 */
export function sqliteStorage(options: SqliteStorageOptions): Storage {
  const { file, database, durability, busyTimeoutMs, onCorrupt, thread } = options ?? {}
  if ((file === undefined) === (database === undefined)) {
    throw new TypeError('sqliteStorage: give either file or database')
  }
  if (file !== undefined && (!isText(file) || file.trim() === '')) {
    throw new TypeError(
      `sqliteStorage: file must be a path, well-formed and not blank, not ${show(file)}`,
    )
  }
  if (durability !== undefined) {
    wordOf('sqliteStorage: durability', durability, ['power-loss', 'app-crash'])
  }
  if (onCorrupt !== undefined) {
    wordOf('sqliteStorage: onCorrupt', onCorrupt, ['refuse', 'set-aside'])
  }
  if (busyTimeoutMs !== undefined) {
    wholeNumberOf('sqliteStorage: busyTimeoutMs', busyTimeoutMs, 0, LONGEST_BUSY_TIMEOUT_MS)
  }
  if (thread !== undefined) wordOf('sqliteStorage: thread', thread, ['main', 'worker'])
  if (thread === 'worker' && database !== undefined) {
    throw new TypeError(
      "sqliteStorage: thread must be 'main' with database, not 'worker': a connection belongs to its own thread",
    )
  }
  return thread === 'worker' ? new WorkerStorage(options) : new SqliteStorage(options)
}
