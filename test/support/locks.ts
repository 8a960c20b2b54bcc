/** The locks that this process holds on files, as Linux tells them. */
import { existsSync, readFileSync, statSync } from 'node:fs'

/** True where the system tells the locks of a process. */
export const TELLS_LOCKS = existsSync('/proc/locks')

/** Each lock of this process on one of these files: which file, how, and on which bytes; sorted. */
export function locksOn(files: readonly string[]): string[] {
  const names = new Map<number, string>()
  for (const file of files) {
    const found = statSync(file, { throwIfNoEntry: false })
    if (found !== undefined) names.set(found.ino, file.slice(file.lastIndexOf('/') + 1))
  }
  return readFileSync('/proc/locks', 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, type, , access, pid, inode = '', from, to] = line.trim().split(/\s+/)
      const name = names.get(Number(inode.split(':')[2]))
      const isOurs = type === 'POSIX' && Number(pid) === process.pid
      return isOurs && name !== undefined ? [`${name} ${access} ${from}-${to}`] : []
    })
    .toSorted()
}
