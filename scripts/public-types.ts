// docs/public-types/ holds the agreed declarations of each entry point, so that a change of the public face is seen in review. The
// build publishes the same texts (declarations.ts); here those of the last build are compared. Run `npm run build` first.
//
//   npm run types:check    compare, fail with the difference
//   npm run types:write    accept the difference

import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

const snapshots = 'docs/public-types'
const write = process.argv.includes('--write')

/** The published declarations of each entry point that has some, by the `exports` of package.json: name of the text, its file. */
function entryPoints(): Map<string, string> {
  const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    exports: Record<string, string | { types: string }>
  }
  const files = Object.values(exports).flatMap((target) =>
    typeof target === 'string' ? [] : [target.types],
  )
  return new Map(files.map((file) => [basename(file), file]))
}

function published(file: string): string {
  if (!existsSync(file)) throw new Error(`${file} is missing: npm run build first`)
  return readFileSync(file, 'utf8')
}

/** A unified difference, as git prints it, without its file header. */
function difference(agreed: string, actual: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-types-'))
  const files = [join(folder, 'agreed'), join(folder, 'actual')] as const
  try {
    writeFileSync(files[0], agreed)
    writeFileSync(files[1], actual)
    execFileSync('git', ['diff', '--no-index', '--unified=2', ...files])
    return ''
  } catch (error) {
    const { stdout } = error as { stdout: Buffer }
    return stdout.toString().replace(/^[^]*?(?=^@@)/m, '')
  } finally {
    rmSync(folder, { recursive: true, maxRetries: 10 })
  }
}

const entries = entryPoints()
let changed = false

mkdirSync(snapshots, { recursive: true })
for (const [name, declarations] of entries) {
  const file = join(snapshots, name)
  const agreed = existsSync(file) ? readFileSync(file, 'utf8') : ''
  const actual = published(declarations)
  if (actual === agreed) continue
  changed = true
  if (write) writeFileSync(file, actual)
  console.log(write ? `wrote ${file}` : `${file} differs:\n${difference(agreed, actual)}`)
}

for (const name of readdirSync(snapshots)) {
  if (entries.has(name)) continue
  changed = true
  if (write) rmSync(join(snapshots, name))
  console.log(`${join(snapshots, name)} ${write ? 'removed' : 'belongs to no entry point'}`)
}

if (changed && !write) {
  console.error('the public types changed. If that is meant: npm run types:write')
  process.exitCode = 1
}
