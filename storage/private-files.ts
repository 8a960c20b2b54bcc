/**
 * How a file of the engine is made and checked (E5): for its user alone (0600), never through a link, never blocked on a
 * FIFO. The folder may be shared: another user of the machine may have put anything there under the name of such a file.
 *
 * Nothing here opens a file that exists. A plain open and close of a database would drop the locks of the process (E2);
 * `lstat` and `chmod` open nothing. On Windows there are no modes: the folder's access list decides there.
 */
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  type Stats,
} from 'node:fs'
import { StorageError } from './storage-error.ts'

const PRIVATE_MODE = 0o600
/** The bits of a mode beside its type. */
const MODE_BITS = 0o7777
const ROOT = 0
/** Windows has no such flags. */
const { O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants as Partial<typeof constants>

/**
 * What is in the place of a file of the engine; undefined: nothing is.
 *
 * @throws StorageError `STORAGE_UNAVAILABLE` unless it is a plain file of this user or of root.
 */
export function checkedPlace(path: string): Stats | undefined {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found !== undefined) refuseUnlessOurs(path, found)
  return found
}

function refuseUnlessOurs(path: string, found: Stats): void {
  const why = found.isFile() ? ofAnotherUser(found) : `is ${kindOf(found)}`
  if (why === null) return
  throw new StorageError(
    'STORAGE_UNAVAILABLE',
    `${path} ${why}, and Holdfast uses only plain files of its own user; remove it, and keep the files in a folder that only this user can write to`,
  )
}

/**
 * A link to a database is followed (E5), but not to where another user wants it to lie.
 *
 * @throws StorageError `STORAGE_UNAVAILABLE`
 */
export function refuseLinkOfOthers(path: string, link: Stats): void {
  const why = ofAnotherUser(link)
  if (why === null) return
  throw new StorageError(
    'STORAGE_UNAVAILABLE',
    `${path} is a link that ${why}; remove it, or keep the database in a folder that only this user can write to`,
  )
}

/** Makes an empty file unless one is there; one that is there is made private. @throws StorageError as `checkedPlace()`. */
export function makePrivate(path: string): void {
  const found = checkedPlace(path)
  if (found === undefined) makeEmpty(path)
  else narrow(path, found)
}

/** Makes a file private if it is there. @throws StorageError as `checkedPlace()`. */
export function keepPrivate(path: string): void {
  const found = checkedPlace(path)
  if (found !== undefined) narrow(path, found)
}

/** True if others than the user may do something with it. */
export function isWide(found: Stats): boolean {
  return process.platform !== 'win32' && (found.mode & MODE_BITS & ~PRIVATE_MODE) !== 0
}

/** Opens a file for writing that must not be there yet: another one in its place is never opened. @throws what the file system says. */
export function openNew(path: string): number {
  const { O_WRONLY, O_CREAT, O_EXCL } = constants
  return openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, PRIVATE_MODE)
}

/**
 * Opens a file for writing that is there, and empties it. It must be the one that `checkedPlace()` accepts.
 *
 * @throws StorageError as `checkedPlace()`, or what the file system says.
 */
export function openEmptied(path: string): number {
  const descriptor = openSync(path, constants.O_WRONLY | O_NOFOLLOW | O_NONBLOCK)
  try {
    refuseUnlessOurs(path, fstatSync(descriptor))
    ftruncateSync(descriptor, 0)
    return descriptor
  } catch (error) {
    closeSync(descriptor)
    throw error
  }
}

/** Opens a file for reading that is no database. @throws what the file system says. */
export function openToRead(path: string): number {
  return openSync(path, constants.O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
}

/** True if anything is there, also a link to nothing. */
export function isTaken(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

function makeEmpty(path: string): void {
  try {
    closeSync(openNew(path))
  } catch {
    // Another process has made it just now; or it cannot be made, and the one that opens it says why.
  }
}

function narrow(path: string, found: Stats): void {
  if (!isWide(found)) return
  try {
    // What its user may not do stays so: a file that may only be read is told of as such.
    chmodSync(path, found.mode & PRIVATE_MODE)
  } catch {
    // A file of root, or a file system without modes.
  }
}

/** Null: it is ours, or of root, against whom nothing helps. Root itself may use the files of any user. */
function ofAnotherUser({ uid }: Stats): string | null {
  const own = process.geteuid?.() ?? ROOT
  if (own === ROOT || uid === own || uid === ROOT) return null
  return `belongs to another user (uid ${uid})`
}

function kindOf(found: Stats): string {
  if (found.isSymbolicLink()) return 'a link'
  if (found.isDirectory()) return 'a folder'
  if (found.isFIFO()) return 'a FIFO'
  if (found.isSocket()) return 'a socket'
  return 'a device'
}
