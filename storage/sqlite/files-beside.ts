/**
 * The files beside a database, as they are found at an opening (E5): whatever is in the place of one must be a plain file
 * of this user, or the opening is refused before anything is opened, followed or waited for.
 */
import { lstatSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { checkedPlace, keepPrivate } from '../private-files.ts'
import { StorageError } from '../storage-error.ts'

/** Made by SQLite. Those of the app's own connection are the app's, and so are their modes. */
const OF_SQLITE = ['-wal', '-shm', '-journal']

const OF_HOLDFAST = [
  '-dispatch',
  '-dispatch-journal',
  '-dispatch-wal',
  '-dispatch-shm',
  '-commits',
  '-damaged',
  '-damaged.new',
]

/** The files that Holdfast makes beside any database. `file`: its real path. @throws StorageError `STORAGE_UNAVAILABLE` */
export function keepOursPrivate(file: string): void {
  for (const suffix of OF_HOLDFAST) keepPrivate(file + suffix)
}

/** Before it is known if the database is one of ours: a file that is refused is left as it is. @throws StorageError `STORAGE_UNAVAILABLE` */
export function checkWal(file: string): void {
  for (const suffix of OF_SQLITE) checkedPlace(file + suffix)
}

/** The files that SQLite makes beside a database of ours. @throws StorageError `STORAGE_UNAVAILABLE` */
export function keepWalPrivate(file: string): void {
  for (const suffix of OF_SQLITE) keepPrivate(file + suffix)
}

/** What damage has left: databases that were set aside, each with its -wal (E2). The list is sorted. @throws StorageError `STORAGE_UNAVAILABLE` */
export function filesAside(file: string): readonly string[] {
  const folder = dirname(file)
  const beginning = asideBeginning(file)
  return namesIn(folder)
    .filter((name) => name.startsWith(beginning))
    .toSorted()
    .map((name) => join(folder, name))
    .filter((path) => lstatSync(path, { throwIfNoEntry: false })?.isFile() === true)
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    throw new StorageError(
      'STORAGE_UNAVAILABLE',
      `the folder of the database cannot be listed, so it cannot be told if a file that was set aside is in it: ${folder}`,
      error,
    )
  }
}

/** How the name of a database begins that is set aside. */
export function asideBeginning(file: string): string {
  return `${basename(file)}.corrupt-`
}

/** Nobody opens these by their names, so what is no plain file is left alone. */
export function keepAsidePrivate(file: string): void {
  for (const aside of filesAsideIfListed(file)) {
    try {
      keepPrivate(aside)
    } catch {
      // A link or the like: it is not of Holdfast.
    }
  }
}

/** Empty also of a folder that may not be listed. */
function filesAsideIfListed(file: string): readonly string[] {
  try {
    return filesAside(file)
  } catch {
    return []
  }
}
