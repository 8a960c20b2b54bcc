/** Puts a damaged database out of the way, whole, so that a new one can be made in its place. */
import { existsSync, renameSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Instant } from '../../src/model.ts'
import { syncFolder } from './salvage/damage-mark.ts'

/**
 * The main file moves last: as long as it is in its old place, the move is not done. Files that are in the old place
 * after that belong to the new database.
 */
const SUFFIXES = ['-wal', '-shm', '-journal', '']

/** A free name for a database that is set aside at this time. */
export function nameAside(file: string, at: Instant): string {
  const stamp = new Date(at).toISOString().replaceAll(/[:.]/g, '-')
  let aside = `${file}.corrupt-${stamp}`
  for (let n = 2; SUFFIXES.some((suffix) => existsSync(aside + suffix)); n += 1) {
    aside = `${file}.corrupt-${stamp}-${n}`
  }
  return aside
}

/** Moves a database there, or finishes such a move that a crash has cut short. */
export function moveAside(file: string, aside: string): void {
  if (existsSync(aside)) return
  for (const suffix of SUFFIXES) {
    if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix)
  }
  syncFolder(dirname(file))
}
