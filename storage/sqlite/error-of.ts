/** From what SQLite says to what the contract says. */
import { StorageError, type StorageErrorCode } from '../storage-error.ts'

/** By the beginning of SQLite's own code; the first that fits. */
const CODES: readonly (readonly [string, StorageErrorCode, string])[] = [
  [
    'SQLITE_FULL',
    'STORAGE_FULL',
    'the disk or the database is full; make room, nothing was stored',
  ],
  [
    'SQLITE_READONLY',
    'STORAGE_READ_ONLY',
    'the database cannot be written; check the permissions of the file, of the -wal and -shm beside it, and of the folder',
  ],
  ['SQLITE_BUSY', 'STORAGE_BUSY', 'another process holds the database; try again'],
  ['SQLITE_PROTOCOL', 'STORAGE_BUSY', 'another process holds the database; try again'],
  ['SQLITE_LOCKED', 'STORAGE_BUSY', 'the database is locked; try again'],
  [
    'SQLITE_CORRUPT',
    'STORAGE_CORRUPT',
    'the database is damaged; set it aside and recover it, it was not changed',
  ],
  [
    'SQLITE_NOTADB',
    'STORAGE_CORRUPT',
    'the file is not a SQLite database; open another file, it was not changed',
  ],
  [
    'SQLITE_CANTOPEN',
    'STORAGE_UNAVAILABLE',
    'the file cannot be opened; check the path and its permissions',
  ],
  [
    'SQLITE_IOERR',
    'STORAGE_UNAVAILABLE',
    'the disk, or a program that watches it, refused; nothing was stored; put the file on a disk of this machine, and exclude its folder from virus scanning',
  ],
]

/** Wraps whatever SQLite, or the file system under it, threw. */
export function storageErrorOf(thrown: unknown): StorageError {
  if (thrown instanceof StorageError) return thrown
  // Not by its class: the connection may be of another realm than this module.
  const { code: found = '' } = (thrown ?? {}) as { readonly code?: unknown }
  const code = String(found)
  if (isIterating(thrown)) {
    return new StorageError(
      'STORAGE_BUSY',
      'the app iterates over a query on the connection it gave; end that first',
      thrown,
    )
  }
  for (const [beginning, ours, advice] of CODES) {
    if (code.startsWith(beginning)) return new StorageError(ours, advice, thrown)
  }
  return new StorageError('STORAGE_UNAVAILABLE', 'the database could not be used', thrown)
}

/** True of the error of better-sqlite3, which has no code, while the app uses `iterate()` on its connection. */
function isIterating(thrown: unknown): boolean {
  const { name, message } = (thrown ?? {}) as {
    readonly name?: unknown
    readonly message?: unknown
  }
  return name === 'TypeError' && String(message).includes('connection is busy executing a query')
}
