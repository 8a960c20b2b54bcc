/** Is the build there, and of these sources? It is made before the tests run (`build-first.ts`). */
import { globSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** What a build ends with; as old as its beginning. */
const BUILT = `${ROOT}dist/cli.js`

const SOURCES = [
  '{src,machines,storage}/**/*.ts',
  'tsconfig.json',
  'tsconfig.build.json',
  'package.json',
  'scripts/{build,bundle,declarations,entry-points,notices}.ts',
]

/** Why the build cannot be tested; null: it can. */
export function whyNotBuilt(): string | null {
  const built = statSync(BUILT, { throwIfNoEntry: false })
  if (built === undefined) return `there is no ${BUILT}`
  // Windows has no execute bit, so a build that was cut short is not noticed there.
  if (process.platform !== 'win32' && (built.mode & 0o111) === 0) return 'the build is not complete'
  const newer = globSync(SOURCES, { cwd: ROOT }).find((file) => {
    return statSync(ROOT + file).mtimeMs >= built.mtimeMs
  })
  return newer === undefined ? null : `${newer} is newer than the build`
}

/** Says aloud what is left out, as nobody sees a test that is not there. */
export function sayNotBuilt(what: string, why: string | null): void {
  if (why !== null) process.stdout.write(`\n  not tested: ${what}, because ${why}\n`)
}
