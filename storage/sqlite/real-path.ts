/** Where a database file really is, also if it does not exist yet: its side files lie beside that place. */
import { lstatSync, readlinkSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { refuseLinkOfOthers } from '../private-files.ts'

/** A chain of links is not followed further than SQLite follows it. */
const MOST_LINKS = 100

/**
 * @throws StorageError `STORAGE_UNAVAILABLE` if another user has made one of the links; else what the file system says, if the
 *   folder does not exist for instance.
 */
export function realPathOf(file: string): string {
  let path = resolve(file)
  for (let links = 0; links < MOST_LINKS; links += 1) {
    const stats = lstatSync(path, { throwIfNoEntry: false })
    if (stats === undefined) return join(realpathSync(dirname(path)), basename(path))
    if (!stats.isSymbolicLink()) return realpathSync(path)
    refuseLinkOfOthers(path, stats)
    // The link may point to a place where nothing is now.
    path = resolve(dirname(path), readlinkSync(path))
  }
  return path
}
