/** What a storage has while it is open. */
import type { Database } from 'better-sqlite3'
import type { StorageHost } from '../storage.ts'
import type { CommitWatch } from './commit-watch.ts'
import type { DispatchLock } from './dispatch-lock.ts'
import type { Erasing } from './erasing.ts'
import type { FileGuard } from './file-guard.ts'
import type { GroupCommit } from './group-commit.ts'
import type { DamageMark } from './salvage/damage-mark.ts'
import type { Tables } from './tables.ts'

export interface Opened {
  readonly database: Database
  /** Where its file is, with every link resolved; null: it has none. */
  readonly path: string | null
  readonly tables: Tables
  readonly commits: GroupCommit
  /** Null: the database is the app's, and so is its WAL. */
  readonly erasing: Erasing | null
  readonly host: StorageHost
  readonly lock: DispatchLock
  /** Null: the database has no file. */
  readonly guard: FileGuard | null
  /** Null: nobody else can open the database. */
  readonly watch: CommitWatch | null
  /** Null: the database is gone with its connection. */
  readonly mark: DamageMark | null
}
