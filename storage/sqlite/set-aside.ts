/** Puts a damaged database out of the way, whole, so that a new one can be made in its place. */
import { dirname, join } from 'node:path'
import type { Instant } from '../../src/model.ts'
import { checkedPlace } from '../private-files.ts'
import { StorageError } from '../storage-error.ts'
import { asideBeginning, keepAsidePrivate } from './files-beside.ts'
import { syncFolder } from './salvage/damage-mark.ts'
import type { System } from './system.ts'

/**
 * The main file moves last: as long as it is in its old place, the move is not done. Files that are in the old place
 * after that belong to the new database.
 */
const SUFFIXES = ['-wal', '-shm', '-journal', '']

/**
 * Windows renames no file that another program has open: a virus scanner, an indexer, a synchronising client. Most let go
 * soon. SQLite itself tries as often there.
 */
const TRIES = 10
const BETWEEN_TRIES_MS = 25
const HELD: ReadonlySet<unknown> = new Set(['EPERM', 'EACCES', 'EBUSY'])

/** A free name for a database that is set aside at this time. */
export function nameAside(file: string, at: Instant, system: System): string {
  const stamp = new Date(at).toISOString().replaceAll(/[:.]/g, '-')
  const first = join(dirname(file), asideBeginning(file) + stamp)
  let aside = first
  for (let n = 2; SUFFIXES.some((suffix) => system.isTaken(aside + suffix)); n += 1) {
    aside = `${first}-${n}`
  }
  return aside
}

/**
 * Moves a database there, or finishes such a move that a crash has cut short. What cannot be moved as a whole stays where it
 * is.
 *
 * @throws StorageError `STORAGE_UNAVAILABLE` if something else has come to that place; `STORAGE_BUSY` if another program does
 *   not let go of one of the files.
 */
export function moveAside(file: string, aside: string, system: System): void {
  const isMoved = checkedPlace(aside) !== undefined
  if (!isMoved) moveAll(file, aside, system)
  keepAsidePrivate(file)
}

function moveAll(file: string, aside: string, system: System): void {
  const moved: string[] = []
  for (const suffix of SUFFIXES) {
    if (!system.exists(file + suffix)) continue
    try {
      move(file + suffix, aside + suffix, system)
    } catch (error) {
      moveBack(moved, file, aside, system)
      throw isHeld(error) ? held(file + suffix, error) : error
    }
    moved.push(suffix)
  }
  syncFolder(dirname(file))
}

/** What does not go back either is moved on by the next opening: the mark beside the file says where it is. */
function moveBack(moved: readonly string[], file: string, aside: string, system: System): void {
  for (const suffix of moved.toReversed()) {
    try {
      move(aside + suffix, file + suffix, system)
    } catch {
      return
    }
  }
}

function move(from: string, to: string, system: System): void {
  for (let triesLeft = TRIES; ; triesLeft -= 1) {
    try {
      system.rename(from, to)
      return
    } catch (error) {
      if (system.platform !== 'win32' || triesLeft === 0 || !isHeld(error)) throw error
      system.pause(BETWEEN_TRIES_MS)
    }
  }
}

function isHeld(error: unknown): boolean {
  return HELD.has((error as NodeJS.ErrnoException).code)
}

function held(path: string, cause: unknown): StorageError {
  return new StorageError(
    'STORAGE_BUSY',
    `the database is damaged and is to be set aside, but another program has ${path} open (a virus scanner, an indexer, a synchronising client): nothing was moved; try again, or exclude the folder from scanning`,
    cause,
  )
}
