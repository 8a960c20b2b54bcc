/** What a SQLite storage is made with. */
import type { Durability } from './connection.ts'

/** What Holdfast uses of a better-sqlite3 connection. */
export interface SqliteConnection {
  readonly open: boolean
  readonly inTransaction: boolean
  prepare(sql: string): object
  exec(sql: string): object
  pragma(sql: string, options?: { simple?: boolean }): unknown
}

/** What a SQLite storage reads of its options. Without `file` and `database` it is in memory. */
export interface SqliteSettings extends CommonSqliteOptions {
  readonly file?: string
  readonly database?: SqliteConnection
  readonly thread?: 'main' | 'worker'
}

/** The options of `sqliteStorage()`: exactly one of `file` and `database`. */
export type SqliteStorageOptions = CommonSqliteOptions & (FileOption | DatabaseOption)

interface FileOption {
  /**
   * The database file; it is made if it is not there, its folder is not. The name is used exactly as given, with the blanks
   * at its ends; a blank name is refused. Nothing but SQLite may open the file or a file beside it while this process has it
   * open: a plain read drops the locks of the process. The same goes for a second SQLite library in this process. The file
   * and those beside it are made for this user alone (mode 0600), and narrowed where they are wider (E5); on Windows the
   * folder decides who may read them.
   */
  readonly file: string
  readonly database?: never
  /**
   * Where SQLite runs: on the thread that makes the storage (`main`), or on a worker thread (`worker`).
   * There neither an fsync nor another process's lock ever blocks the app, say Electron's main process. It
   * costs a round trip between threads in each turn that stores something. Not with `database`, which belongs
   * to the app's own thread. Default: `main`.
   */
  readonly thread?: 'main' | 'worker'
}

interface DatabaseOption {
  /**
   * Instead of `file`: the app's own better-sqlite3 connection. It is not closed by Holdfast. It is put
   * into WAL, and, for `power-loss`, stands at `synchronous=FULL` for the app's own transactions too. Whether the app
   * reads integers as BigInt (`defaultSafeIntegers()`) is the app's affair.
   */
  readonly database: SqliteConnection
  readonly file?: never
  readonly thread?: 'main'
}

interface CommonSqliteOptions {
  /**
   * What an acknowledged operation survives: `power-loss` (`synchronous=FULL`) or `app-crash`
   * (`NORMAL`, several times faster). Default: `power-loss`.
   */
  readonly durability?: Durability
  /**
   * What becomes of a `file` that is damaged: `createHoldfast()` rejects with `STORAGE_CORRUPT`
   * (`refuse`), or it is renamed, whole, a new one is made in its place, and every row that can still be read goes
   * into the new one (`set-aside`); an `error` event tells what was kept and what is missing. Default: `refuse`.
   */
  readonly onCorrupt?: 'refuse' | 'set-aside'
  /** How long a write waits for another process, in milliseconds. It blocks the thread. Default: 1000. */
  readonly busyTimeoutMs?: number
}

/** A write of another process takes some milliseconds: this is long enough for many of them. */
export const DEFAULT_BUSY_TIMEOUT_MS = 1000
