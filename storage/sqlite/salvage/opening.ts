/**
 * How the file of a storage is opened where damage may have been found (E2). The mark beside the file says what an
 * earlier run has found or begun. A set-aside goes in steps, and each crash between two of them is made good by the next
 * opening: the mark names the new place; the files move there; the new database is made, and filled in one transaction;
 * the mark goes away.
 */
import { existsSync, lstatSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import type { Database } from 'better-sqlite3'
import { checkedPlace } from '../../private-files.ts'
import { StorageError } from '../../storage-error.ts'
import type { OpenedState, SalvageReport, StorageHost } from '../../storage.ts'
import { refuseOldSqlite } from '../connection.ts'
import { openFile, pathOf } from '../database-file.ts'
import { DispatchLock } from '../dispatch-lock.ts'
import { storageErrorOf } from '../error-of.ts'
import { checkWal, keepAsidePrivate, keepOursPrivate } from '../files-beside.ts'
import { DEFAULT_BUSY_TIMEOUT_MS, type SqliteSettings } from '../options.ts'
import { realPathOf } from '../real-path.ts'
import { moveAside, nameAside } from '../set-aside.ts'
import type { System } from '../system.ts'
import { refuseUnusablePath } from '../usable-path.ts'
import { DamageMark } from './damage-mark.ts'
import { findDamage } from './find-damage.ts'
import { NOTHING_SALVAGED } from './nothing-salvaged.ts'
import { salvageInto } from './salvage-into.ts'

/**
 * Opens the database in its place, `file` (null: the app's own connection); `fill` is called once its tables are there,
 * before anything is read.
 */
type Open = (file: string | null, fill: (target: Database) => void) => OpenedState

interface OpeningParts {
  /** The real path of the database. */
  readonly file: string
  readonly onCorrupt: 'refuse' | 'set-aside'
  readonly busyTimeoutMs: number
  readonly host: StorageHost
  readonly system: System
  readonly open: Open
}

/** @throws StorageError */
export function openCarefully(
  options: SqliteSettings,
  host: StorageHost,
  system: System,
  open: Open,
): OpenedState {
  const { file = ':memory:', onCorrupt = 'refuse' } = options
  const { busyTimeoutMs = DEFAULT_BUSY_TIMEOUT_MS } = options
  const given = options.database as Database | undefined
  if (given !== undefined) {
    refuseOldSqlite(given)
    const path = pathOf(given, system)
    if (path !== null) {
      refuseUnusablePath(path, onCorrupt, system)
      keepOursPrivate(path)
    }
    refuseMarked(given, path)
    return open(null, leaveAsItIs)
  }
  // Of a folder that does not exist, the opening itself tells.
  if (file === ':memory:' || !existsSync(dirname(resolve(file)))) return open(file, leaveAsItIs)
  refuseLinkToNothing(resolve(file))
  // Its links are followed once: all that is opened from here on lies where they led to now.
  const path = realPathOf(file, system)
  checkedPlace(path)
  refuseUnusablePath(path, onCorrupt, system)
  checkWal(path)
  keepOursPrivate(path)
  keepAsidePrivate(path)
  return openOwn({ file: path, onCorrupt, busyTimeoutMs, host, system, open })
}

/** SQLite would make the file that the link points to, wherever that is (E5). */
function refuseLinkToNothing(path: string): void {
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true
  if (!isLink || existsSync(path)) return
  throw new StorageError(
    'STORAGE_UNAVAILABLE',
    `${path} is a link to nothing; remove the link, or make the file that it points to`,
  )
}

function leaveAsItIs(): void {}

function openOwn(parts: OpeningParts): OpenedState {
  const { file, onCorrupt, open } = parts
  const mark = new DamageMark(file)
  const found = mark.read()
  const begun = found?.setAsideAs ?? null
  if (begun !== null) {
    if (onCorrupt === 'refuse') throw halfSetAside(begun)
    return setAside(parts, join(dirname(file), begun))
  }
  let damage = found === null ? null : damageIn(parts)
  if (damage === null) {
    if (found !== null) mark.remove()
    try {
      return open(file, leaveAsItIs)
    } catch (error) {
      damage = storageErrorOf(error)
      if (damage.code !== 'STORAGE_CORRUPT') throw damage
    }
  }
  if (onCorrupt === 'refuse') throw damage
  return setAside(parts, null)
}

/** The app's own database is never set aside. @throws StorageError if it is marked, and the damage is still there. */
function refuseMarked(database: Database, path: string | null): void {
  if (path === null) return
  const mark = new DamageMark(path)
  if (mark.read() === null) return
  const damage = findDamage(database)
  if (damage !== null) throw damage
  mark.remove()
}

/** Every table is read. */
function damageIn({ file, busyTimeoutMs }: OpeningParts): StorageError | null {
  if (!existsSync(file)) return null
  try {
    const database = openFile(file, busyTimeoutMs)
    try {
      database.pragma('cell_size_check = ON')
      return findDamage(database)
    } finally {
      database.close()
    }
  } catch (error) {
    const failure = storageErrorOf(error)
    if (failure.code === 'STORAGE_CORRUPT') return failure
    throw failure
  }
}

/** `begun`: where an earlier run has begun to move it. */
function setAside({ file, host, system, open }: OpeningParts, begun: string | null): OpenedState {
  const mark = new DamageMark(file)
  const lock = new DispatchLock(file)
  if (!lock.take()) {
    throw new StorageError(
      'STORAGE_BUSY',
      'the database is damaged, and an engine that dispatches still has it open; it is set aside at an opening after that engine has closed',
    )
  }
  try {
    const aside = begun ?? nameAside(file, host.wall(), system)
    if (begun === null) mark.begin(basename(aside))
    moveAside(file, aside, system)
    let salvaged: SalvageReport = NOTHING_SALVAGED
    const state = open(file, (target) => {
      salvaged = salvageInto(target, aside, host)
    })
    mark.remove()
    return { ...state, setAside: aside, salvaged }
  } finally {
    lock.release()
  }
}

function halfSetAside(name: string): StorageError {
  return new StorageError(
    'STORAGE_CORRUPT',
    `the database is damaged, and an earlier opening has begun to set it aside as ${name}; open it with onCorrupt 'set-aside' to finish that`,
  )
}
