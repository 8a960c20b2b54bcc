// The public types, one text per entry point, as an app sees them: everything of our own that can be
// reached from the entry is inlined, other packages stay imports. docs/public-types/ holds the agreed
// texts, so that a change of the public face is seen in review. Reads the build; run `npm run build` first.
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
import { join } from 'node:path'
import { rollup } from 'rollup'
import { dts } from 'rollup-plugin-dts'

const snapshots = 'docs/public-types'
const write = process.argv.includes('--write')

/** The entry points that have types, from the `exports` of package.json: name of the text, declaration file. */
function entryPoints(): Map<string, string> {
  const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    exports: Record<string, string | { types: string }>
  }
  const entries = new Map<string, string>()
  for (const [path, target] of Object.entries(exports)) {
    if (typeof target === 'string') continue
    const name = path === '.' ? 'index' : path.slice(2).replaceAll('/', '.')
    entries.set(`${name}.d.ts`, target.types)
  }
  return entries
}

async function bundle(declarations: string): Promise<string> {
  if (!existsSync(declarations)) throw new Error(`${declarations} is missing: npm run build first`)
  const build = await rollup({
    input: declarations,
    external: /^node:/,
    plugins: [dts({ tsconfig: 'tsconfig.build.json' })],
    onwarn(warning) {
      // A hole in the text; the build's own mistakes are tsc's to report.
      if (warning.code === 'UNRESOLVED_IMPORT') throw new Error(warning.message)
    },
  })
  const { output } = await build.generate({ format: 'es' })
  await build.close()
  return output[0].code
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
  const actual = await bundle(declarations)
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
