/** Where a database file really is, also if it does not exist yet: its side files lie beside that place. */
import { lstatSync, readlinkSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { refuseLinkOfOthers } from '../private-files.ts'
import type { System } from './system.ts'

/** A chain of links is not followed further than SQLite follows it. */
const MOST_LINKS = 100

/** @throws StorageError `STORAGE_UNAVAILABLE` if another user has made one of the links. */
export function realPathOf(file: string, system: System): string {
  let path = resolve(file)
  for (let links = 0; links < MOST_LINKS; links += 1) {
    const stats = lstatSync(path, { throwIfNoEntry: false })
    if (stats?.isSymbolicLink() !== true) {
      const isThere = stats !== undefined || system.exists(path)
      return isThere
        ? resolved(path, system)
        : join(resolved(dirname(path), system), basename(path))
    }
    refuseLinkOfOthers(path, stats)
    // The link may point to a place where nothing is now.
    path = resolve(dirname(path), readlinkSync(path))
  }
  return path
}

/**
 * The path of something that is there, with every link resolved. A company may deny a look at the folders above a user's own
 * (Node asks about each of them), and some drives cannot be asked at all: the path is then used as it is, and a link in it is
 * not followed.
 */
export function resolved(path: string, system: System): string {
  try {
    return system.realPathOfSystem(path)
  } catch {
    // Node may be able to.
  }
  try {
    return system.realPathOfNode(path)
  } catch {
    return resolve(path)
  }
}
