/** Is the build there, and of these sources? `npm test` builds before the tests run. */
import { existsSync, globSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

const BUILT = `${ROOT}dist/src/index.js`

/** Why the build cannot be tested; null: it can. */
export function whyNotBuilt(): string | null {
  if (!existsSync(BUILT)) return `there is no ${BUILT}`
  const builtAt = statSync(BUILT).mtimeMs
  const sources = globSync('{src,machines,storage}/**/*.ts', { cwd: ROOT })
  const newer = sources.find((file) => statSync(ROOT + file).mtimeMs > builtAt)
  return newer === undefined ? null : `${newer} is newer than the build`
}

/** Says aloud what is left out, as nobody sees a test that is not there. */
export function sayNotBuilt(what: string, why: string | null): void {
  if (why !== null) process.stdout.write(`\n  not tested: ${what}, because ${why}\n`)
}
