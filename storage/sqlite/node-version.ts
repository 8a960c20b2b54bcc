/** better-sqlite3 crashes without a word on a Node that is too old: this is asked before it is used. */

const OLDEST = [22, 12] as const

/** What to say to who runs a Node that is too old; null: it is not. */
export function oldNodeMessage(version: string = process.versions.node): string | null {
  return isOldNode(version)
    ? `holdfast needs Node ${OLDEST.join('.')} or later, this is ${version}`
    : null
}

function isOldNode(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])
}
