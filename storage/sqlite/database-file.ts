/**
 * The file of a database, before and after SQLite opens it. Only SQLite ever opens it: a plain open and close would drop the
 * locks that this process has on it, and another program could then delete the live -wal (E2).
 */
import { existsSync, rmSync, statSync } from 'node:fs'
import { dirname, resolve, sep } from 'node:path'
import SqliteDatabase, { type Database, type Options } from 'better-sqlite3'
import { checkedPlace, isWide, makePrivate } from '../private-files.ts'
import { StorageError } from '../storage-error.ts'
import { storageErrorOf } from './error-of.ts'
import { oldNodeMessage } from './node-version.ts'
import { keepWalPrivate } from './files-beside.ts'
import { resolved } from './real-path.ts'
import type { System } from './system.ts'

/** Opens, or makes, the file under exactly this name. `busyTimeoutMs`: how long a write waits for another process. */
export function openFile(file: string, busyTimeoutMs: number): Database {
  const tooOld = oldNodeMessage()
  if (tooOld !== null) throw new StorageError('STORAGE_UNAVAILABLE', tooOld)
  if (file === ':memory:') return trustingNothing(new SqliteDatabase(file))
  const path = resolve(file)
  if (!existsSync(dirname(path))) {
    throw new StorageError(
      'STORAGE_UNAVAILABLE',
      `the folder of the database does not exist: ${dirname(path)}`,
    )
  }
  refuseEmptied(path, busyTimeoutMs)
  refuseForeignFile(path)
  keepDatabasePrivate(path)
  return trustingNothing(connect(path, { timeout: busyTimeoutMs }))
}

/** What the schema of a file calls, in a view say, was perhaps not put there by us. */
function trustingNothing(database: Database): Database {
  database.pragma('trusted_schema = OFF')
  return database
}

/**
 * Made before SQLite opens it, which would make it readable for everybody: the -wal and the -shm get its mode (E5). One that
 * is there is narrowed before SQLite opens it too, unless it is no database: a file that is refused is left as it is.
 */
function keepDatabasePrivate(path: string): void {
  const found = checkedPlace(path)
  if (found === undefined || found.size === 0 || (isWide(found) && isDatabase(path))) {
    makePrivate(path)
  }
  keepWalPrivate(path)
}

function isDatabase(path: string): boolean {
  const reader = reading(path)
  if (reader === null) return false
  try {
    return hasHeader(reader)
  } finally {
    reader.close()
  }
}

/** Where the file is, with every link resolved, as SQLite says; null: the database has no file. */
export function pathOf(database: Database, system: System): string | null {
  const files = database.pragma('database_list') as readonly {
    readonly name: string
    readonly file: string | null
  }[]
  const main = files.find(({ name }) => name === 'main')?.file ?? ''
  return main === '' ? null : resolved(main, system)
}

/** better-sqlite3 takes the white space off the ends of a name; SQLite takes off a slash at its end. */
function connect(path: string, options: Options): Database {
  const isTrimmed = path !== path.trimEnd() && sep === '/'
  return new SqliteDatabase(isTrimmed ? `${path}/` : path, options)
}

/**
 * A database in use has at least one page: a file of no bytes beside its side files was cut. Without a -wal another
 * process may be making it just now: that holds the write lock until the first page is there.
 */
function refuseEmptied(path: string, busyTimeoutMs: number): void {
  if (!isEmptyFile(path)) return
  if (!existsSync(`${path}-wal`)) {
    const hasSideFiles = existsSync(`${path}-dispatch`) || existsSync(`${path}-commits`)
    if (!hasSideFiles) return
    waitForWriter(path, busyTimeoutMs)
  }
  // SQLite writes the first page before it makes the -wal: another process may have done both between the two looks.
  if (!isEmptyFile(path)) return
  throw new StorageError(
    'STORAGE_CORRUPT',
    `the file is empty, and side files beside it say that it was in use: ${path}`,
  )
}

function isEmptyFile(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false })
  return found?.isFile() === true && found.size === 0
}

/** @throws StorageError `STORAGE_BUSY`: the writer took longer. */
function waitForWriter(path: string, busyTimeoutMs: number): void {
  const waiting = connect(path, { timeout: busyTimeoutMs })
  try {
    waiting.exec('BEGIN IMMEDIATE')
    waiting.exec('ROLLBACK')
  } catch (error) {
    const failure = storageErrorOf(error)
    if (failure.code === 'STORAGE_BUSY') throw failure
    // The real opening says why.
  } finally {
    waiting.close()
  }
}

/**
 * When SQLite has read a file that is no database, its close deletes the -wal or the -journal beside it. Without such a
 * file beside it the ordinary opening says the same and changes nothing. A file of no bytes beside a -journal is one that
 * another process is making, or was making when it died: the ordinary opening waits for it, or makes the file itself.
 */
export function refuseForeignFile(path: string): void {
  const isAlone = !existsSync(`${path}-wal`) && !existsSync(`${path}-journal`)
  if (isAlone || statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return
  if (isEmptyFile(path)) return
  const reader = reading(path)
  if (reader === null) return
  try {
    if (hasHeader(reader) && canBeRead(reader, path)) return
  } finally {
    reader.close()
  }
  // The journal of a process that died as it made the file was rolled back meanwhile.
  if (isEmptyFile(path)) return
  throw new StorageError('STORAGE_CORRUPT', `the file is not a database: ${path}`)
}

/** A connection that can only read: its close deletes no -wal. Null: the ordinary opening says why there is none. */
function reading(path: string): Database | null {
  try {
    return connect(path, { readonly: true, fileMustExist: true })
  } catch {
    return null
  }
}

/**
 * True if the file says what size its pages have. SQLite reads that as it opens the file, before it takes a lock or looks
 * at a -wal, and lets nobody change it then.
 */
function hasHeader(reader: Database): boolean {
  const size = () => Number(reader.pragma('page_size', { simple: true }))
  const before = size()
  reader.pragma(`page_size = ${before === 512 ? 1024 : 512}`)
  return size() === before
}

/** True unless SQLite finds that it is no database: an encrypted one, say, has a header that looks like one. */
function canBeRead(reader: Database, path: string): boolean {
  const hadIndex = existsSync(`${path}-shm`)
  try {
    reader.pragma('schema_version')
    return true
  } catch (error) {
    if (storageErrorOf(error).code !== 'STORAGE_CORRUPT') return true
    // SQLite has just made it, and nobody can have a use for it.
    if (!hadIndex) rmSync(`${path}-shm`, { force: true })
    return false
  }
}
