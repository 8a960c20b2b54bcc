/** Puts a damaged database out of the way, whole, so that a new one can be made in its place. */
import { existsSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Instant } from '../../src/model.ts'
import { checkedPlace, isTaken } from '../private-files.ts'
import { asideBeginning, keepAsidePrivate } from './files-beside.ts'
import { syncFolder } from './salvage/damage-mark.ts'

/**
 * The main file moves last: as long as it is in its old place, the move is not done. Files that are in the old place
 * after that belong to the new database.
 */
const SUFFIXES = ['-wal', '-shm', '-journal', '']

/** A free name for a database that is set aside at this time. */
export function nameAside(file: string, at: Instant): string {
  const stamp = new Date(at).toISOString().replaceAll(/[:.]/g, '-')
  const first = join(dirname(file), asideBeginning(file) + stamp)
  let aside = first
  for (let n = 2; SUFFIXES.some((suffix) => isTaken(aside + suffix)); n += 1) {
    aside = `${first}-${n}`
  }
  return aside
}

/**
 * Moves a database there, or finishes such a move that a crash has cut short.
 *
 * @throws StorageError `STORAGE_UNAVAILABLE` if something else has come to that place.
 */
export function moveAside(file: string, aside: string): void {
  const isMoved = checkedPlace(aside) !== undefined
  if (!isMoved) moveAll(file, aside)
  keepAsidePrivate(file)
}

function moveAll(file: string, aside: string): void {
  for (const suffix of SUFFIXES) {
    if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix)
  }
  syncFolder(dirname(file))
}
