/** Refuses a database whose path would give it other side files in another process: then two could dispatch it (Q17). */
import { StorageError } from '../storage-error.ts'
import type { System } from './system.ts'

/**
 * Windows gives SQLite 260 characters, with a zero at the end, and the longest name of a side file adds 17
 * (`-dispatch-journal`). Longer, the database opens and its lock does not.
 */
const LONGEST_ON_WINDOWS = 240
/** A database that is set aside gets 33 more (`.corrupt-` and the time) or a few more, and is read there with its -journal. */
const LONGEST_TO_SET_ASIDE = 215

/**
 * `path`: the real path of the database, which need not be there yet. `onCorrupt`: what becomes of it if it is damaged.
 *
 * @throws StorageError `STORAGE_UNAVAILABLE`
 */
export function refuseUnusablePath(
  path: string,
  onCorrupt: 'refuse' | 'set-aside',
  system: System,
): void {
  const longest = onCorrupt === 'refuse' ? LONGEST_ON_WINDOWS : LONGEST_TO_SET_ASIDE
  if (system.platform === 'win32' && path.length > longest) {
    throw new StorageError(
      'STORAGE_UNAVAILABLE',
      `the path of the database has ${path.length} characters, and with the files beside it (onCorrupt '${onCorrupt}') SQLite takes no more than ${longest} on Windows; use a shorter one: ${path}`,
    )
  }
  const names = system.facts(path)?.nlink ?? 1n
  if (names > 1n) {
    throw new StorageError(
      'STORAGE_UNAVAILABLE',
      `the database has ${names} names (hard links), and another process that opens it by another name would send the same operations; keep one of them: ${path}`,
    )
  }
}
