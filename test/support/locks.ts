/** The locks that this process holds on files, as Linux tells them. */
import { existsSync, readFileSync, statSync } from 'node:fs'

/** True where the system tells the locks of a process. */
export const TELLS_LOCKS = existsSync('/proc/locks')

/**
 * The list changes while it is read, because other processes take and give back locks: then one read can show a lock twice, or
 * miss it. So the list is read several times, and a lock counts that any of them shows.
 */
const READS = 5

/** Each lock of this process on one of these files: which file, how, and on which bytes; sorted. */
export function locksOn(files: readonly string[]): string[] {
  const names = new Map<number, string>()
  for (const file of files) {
    const found = statSync(file, { throwIfNoEntry: false })
    if (found !== undefined) names.set(found.ino, file.slice(file.lastIndexOf('/') + 1))
  }
  const locks = new Set<string>()
  for (let nth = 0; nth < READS; nth += 1) for (const lock of listed(names)) locks.add(lock)
  return [...locks].toSorted()
}

function listed(names: ReadonlyMap<number, string>): readonly string[] {
  return readFileSync('/proc/locks', 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, type, , access, pid, inode = '', from, to] = line.trim().split(/\s+/)
      const name = names.get(Number(inode.split(':')[2]))
      const isOurs = type === 'POSIX' && Number(pid) === process.pid
      return isOurs && name !== undefined ? [`${name} ${access} ${from}-${to}`] : []
    })
}
