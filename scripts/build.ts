// The build: the declarations, the JavaScript and the licences of what is in it, in an empty dist/, and the execute bit on the
// command. That comes last, and the command is as old as the beginning of the build: what was written meanwhile is newer
// (test/support/built.ts).

import { chmodSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundle } from './bundle.ts'
import { DECLARATIONS, declarations, INLINED } from './declarations.ts'
import { notices } from './notices.ts'

const FOLDER = 'dist'
const COMMAND = join(FOLDER, 'cli.js')

const startedAt = new Date()
rmSync(FOLDER, { recursive: true, force: true, maxRetries: 10 })
const texts = await declarations()
if (texts === null) {
  process.exitCode = 1
} else {
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>
  }
  mkdirSync(FOLDER, { recursive: true })
  for (const [name, text] of texts) writeFileSync(join(FOLDER, name), text)
  const bundled = await bundle(FOLDER, Object.keys(dependencies))
  writeFileSync(join(FOLDER, 'THIRD-PARTY-NOTICES.txt'), notices([...INLINED, ...bundled].sort()))
  rmSync(DECLARATIONS, { recursive: true, maxRetries: 10 })
  utimesSync(COMMAND, startedAt, startedAt)
  chmodSync(COMMAND, 0o755)
}
