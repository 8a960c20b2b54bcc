/** Opens a database, or takes the app's connection, and puts together all that a storage has while it is open. */
import type { Database } from 'better-sqlite3'
import type { StorageError } from '../storage-error.ts'
import type { OpenedState, StorageHost } from '../storage.ts'
import { readingNumbers, refuseLongColumnNames } from './app-connection.ts'
import { CommitWatch } from './commit-watch.ts'
import { prepareDatabase, refuseOldSqlite, Synchronous, verifySynchronous } from './connection.ts'
import { isCopied } from './copied-file.ts'
import { dataVersionOf } from './data-version.ts'
import { openFile, pathOf } from './database-file.ts'
import { DispatchLock } from './dispatch-lock.ts'
import { Erasing } from './erasing.ts'
import { FileGuard } from './file-guard.ts'
import { GroupCommit } from './group-commit.ts'
import type { Opened } from './opened.ts'
import { DEFAULT_BUSY_TIMEOUT_MS, type SqliteSettings } from './options.ts'
import { DamageMark } from './salvage/damage-mark.ts'
import type { System } from './system.ts'
import { Tables } from './tables.ts'
import { Transaction } from './transaction.ts'

export interface OpenParts {
  readonly options: SqliteSettings
  readonly system: System
  readonly host: StorageHost
  /** Null: the app's own connection. */
  readonly file: string | null
  /** Called once the tables are there, before anything is read. */
  readonly fill: (target: Database) => void
  /** @throws StorageError if the storage is broken (E2). */
  readonly refuseIfBroken: () => void
  readonly isUsable: () => boolean
  readonly failureOf: (thrown: unknown) => StorageError
}

interface Result {
  readonly opened: Opened
  readonly state: OpenedState
}

/** @throws StorageError, or what SQLite says; then nothing of it is open. */
export function openDatabase(parts: OpenParts): Result {
  const { file, options } = parts
  const { busyTimeoutMs = DEFAULT_BUSY_TIMEOUT_MS } = options
  const given = options.database as Database | undefined
  const connection = given ?? openFile(file ?? ':memory:', busyTimeoutMs)
  try {
    refuseOldSqlite(connection)
    return assemble(parts, given === undefined, connection, busyTimeoutMs)
  } catch (error) {
    if (given === undefined) connection.close()
    throw error
  }
}

function assemble(
  parts: OpenParts,
  isOwn: boolean,
  connection: Database,
  busyTimeoutMs: number,
): Result {
  const { options, system, host, fill, isUsable } = parts
  const database = isOwn ? connection : readingNumbers(connection)
  if (!isOwn) refuseLongColumnNames(database)
  const fresh = prepareDatabase(database, isOwn)
  fill(database)
  const erasing = isOwn ? new Erasing({ database, busyTimeoutMs, host, isUsable }) : null
  const tables = new Tables(database, () => erasing?.sealedGone())
  const path = pathOf(database, system)
  const watch =
    path === null
      ? null
      : new CommitWatch({
          file: path,
          system,
          host,
          version: dataVersionOf(database),
          isOpen: () => database.open,
          outdated: () => tables.outdated(),
          others: () => tables.others(),
        })
  const state = database
    .transaction(() => stateOf(parts, database, tables, path, fresh))
    .immediate()
  verifySynchronous(database)
  const guard = path === null ? null : new FileGuard(database, path, host)
  const powerLoss = (options.durability ?? 'power-loss') === 'power-loss'
  const lock = new DispatchLock(path)
  const transaction = new Transaction({
    database,
    isShared: !isOwn,
    synchronous: new Synchronous(
      database,
      powerLoss ? { level: 'FULL', atTurnEnd: isOwn ? host.atTurnEnd : null } : null,
    ),
    refuse: parts.refuseIfBroken,
    begun: () => (watch === null ? tables.outdated() : watch.lookWithin()),
    look: (kind) => guard?.lookAfter(kind),
    committed: () => {
      erasing?.committed()
      if (lock.isOurs) watch?.announceSoon()
      else watch?.announce()
    },
    forget: () => tables.forget(),
  })
  const commits = new GroupCommit({
    transaction,
    host,
    powerLoss,
    failureOf: parts.failureOf,
    apply: (change) => {
      erasing?.applied(change)
      return tables.apply(change)
    },
    applyApart: (changes) => {
      for (const change of changes) erasing?.applied(change)
      return tables.applyApart(changes)
    },
  })
  const mark = path === null ? null : new DamageMark(path)
  return {
    opened: { database, path, tables, commits, erasing, host, lock, guard, watch, mark },
    state,
  }
}

function stateOf(
  { host, system }: OpenParts,
  database: Database,
  tables: Tables,
  path: string | null,
  fresh: boolean,
): OpenedState {
  tables.begin(host)
  const isCopy = path !== null && isCopied(database, path, system)
  const state = tables.state(fresh)
  return isCopy ? { ...state, isCopy } : state
}
