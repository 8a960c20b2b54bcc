/**
 * A database remembers in which file it was opened last. In another one it is a copy: a restored backup, or what a roaming
 * profile or a synchronised folder has brought here (E5). What has been sent since the copy was made, it does not know.
 */
import type { Database } from 'better-sqlite3'
import { getMeta, setMeta, unsetMeta } from './meta.ts'
import type { FileFacts, System } from './system.ts'

/** The fact in which it is remembered. */
export const FILE = 'file'

/** What the last process said when it closed: the lanes whose head it may have sent (Q10). */
const LEFT_BEHIND = 'left-behind'

/**
 * True once of each copy. From then on everything that may have been sent counts as sent perhaps, whatever the process
 * said that closed it. `path`: the real path of the file. To be called within a transaction.
 */
export function isCopied(database: Database, path: string, system: System): boolean {
  const facts = system.facts(path)
  if (facts === undefined) return false
  const known = getMeta(database, FILE)
  const file = wordsOf(facts)
  if (known === file) return false
  setMeta(database, FILE, file)
  if (known === null || isSame(known, file)) return false
  unsetMeta(database, LEFT_BEHIND)
  return true
}

/** A time of birth that is not known. */
const UNKNOWN = '0'

/**
 * Device, inode and time of birth: many file systems give the inode of a removed file to the next one that is made. Where a
 * system knows no time of birth, Node takes that of the last change for it; of a file that was made just now it is that too.
 */
function wordsOf({ dev, ino, birthtimeNs, ctimeNs }: FileFacts): string {
  return `${dev}:${ino}:${birthtimeNs === ctimeNs ? UNKNOWN : birthtimeNs}`
}

function isSame(one: string, other: string): boolean {
  const [dev, ino, birth] = one.split(':')
  const [otherDev, otherIno, otherBirth] = other.split(':')
  const isSameBirth = birth === otherBirth || birth === UNKNOWN || otherBirth === UNKNOWN
  return dev === otherDev && ino === otherIno && isSameBirth
}
