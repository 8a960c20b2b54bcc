/** better-sqlite3 crashes without a word on a Node that is too old: this is asked before it is used. */

/**
 * The first minor versions with Node-API 10, which better-sqlite3 13 needs, by their major version. On a version before
 * them it ends the process with a segmentation fault.
 */
const OLDEST = [
  [22, 14],
  [23, 6],
] as const

/** What to say to who runs a Node that is too old; null: it is not. */
export function oldNodeMessage(version: string = process.versions.node): string | null {
  if (!isOldNode(version)) return null
  const [first, second] = OLDEST.map((oldest) => oldest.join('.'))
  return `holdfast needs Node ${first} or later (of Node 23: ${second}), this is ${version}`
}

function isOldNode(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major < OLDEST[0][0]) return true
  return OLDEST.some(([ofMajor, oldest]) => major === ofMajor && minor < oldest)
}
