/**
 * Gives pages that a large drain has freed back to the file system: a part in each turn of the event
 * loop, so that nobody waits long. Only in a file of our own, which was made for that.
 */
import type { Database } from 'better-sqlite3'

/** Fewer free pages than this are left to be used again (1 MiB). */
const WORTH_PAGES = 256
/** Pages moved in one turn (2 MiB). */
const PART_PAGES = 512

/** `isUsable`: true if the storage may still write. */
export function tidy(
  database: Database,
  atTurnEnd: (run: () => void) => void,
  isUsable: () => boolean,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const part = () => {
      try {
        if (
          !isUsable() ||
          !database.open ||
          database.inTransaction ||
          freePages(database) < WORTH_PAGES
        ) {
          resolve()
          return
        }
        const before = freePages(database)
        database.pragma(`incremental_vacuum(${PART_PAGES})`)
        const after = freePages(database)
        // A file that was not made for that keeps them all.
        if (after === before) {
          resolve()
          return
        }
        if (after < WORTH_PAGES) database.pragma('wal_checkpoint(TRUNCATE)')
        atTurnEnd(part)
      } catch (error) {
        reject(error as Error)
      }
    }
    part()
  })
}

function freePages(database: Database): number {
  return Number(database.pragma('freelist_count', { simple: true }))
}
