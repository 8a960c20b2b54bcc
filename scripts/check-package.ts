// What npm would publish, as the one who installs it gets it: packed once, linted, its types resolved and compiled
// the way each kind of app does, then loaded by `import`, by `require()`, as a command and as a thread.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { commandOf, npmCommand } from './commands.ts'
import { complaintsOfConsumers } from './consumers.ts'
import { runReadmeApp } from './readme-app.ts'

// Below node_modules, so that the unpacked package finds its dependencies in the project's own.
const folder = resolve('node_modules/.cache/holdfast-package')
const installed = join(folder, 'node_modules', 'holdfast')

/** What a user of the package reads. */
const TEXTS = [
  'LICENSE',
  'README.md',
  'CHANGELOG.md',
  'SECURITY.md',
  'docs/errors.md',
  'docs/bundlers.md',
  'dist/THIRD-PARTY-NOTICES.txt',
]

function run(command: string, args: readonly string[]): string {
  try {
    return execFileSync(command, args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    const { message, stdout = '', stderr = '' } = error as Error & Record<string, string>
    console.error(`${[command, ...args].join(' ')}\n${message}\n${stdout}${stderr}`)
    process.exit(1)
  }
}

function node(...args: readonly string[]): string {
  return run(process.execPath, args)
}

rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
mkdirSync(installed, { recursive: true })

const tarball = node(npmCommand(), 'pack', '--silent', '--ignore-scripts', process.cwd()).trim()
node(commandOf('publint'), 'run', tarball, '--strict')
// Nothing but a bundler reads the file of the thread, so it has no types.
const untyped = ['--exclude-entrypoints', './storage-worker']
node(
  commandOf('@arethetypeswrong/cli', 'attw'),
  tarball,
  '--profile',
  'esm-only',
  '--no-color',
  ...untyped,
)

// Windows has a `tar` too. Both names are relative: some kinds of tar take `C:` for the name of a machine.
run('tar', ['-xzf', tarball, '-C', 'node_modules/holdfast', '--strip-components=1'])
const lacking = TEXTS.filter((file) => !existsSync(join(installed, file)))
const needless = ['docs/public-types', 'src', 'test'].filter((file) =>
  existsSync(join(installed, file)),
)
const complaints = [
  ...lacking.map((file) => `the package lacks ${file}`),
  ...needless.map((file) => `the package has ${file}`),
  ...complaintsOfConsumers(installed),
]
if (complaints.length > 0) {
  console.error(complaints.join('\n'))
  process.exit(1)
}

const { bin, exports } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
  bin: Record<string, string>
  exports: Record<string, string | object>
}
for (const [path, target] of Object.entries(exports)) {
  if (typeof target === 'string') continue
  const name = JSON.stringify(`holdfast${path.slice(1)}`)
  node('--input-type=module', '--eval', `await import(${name})`)
  node('--input-type=commonjs', '--eval', `require(${name})`)
}
// Nothing imports the file that it runs.
node(
  '--input-type=module',
  '--eval',
  `import { sqliteStorage } from 'holdfast'
   const storage = sqliteStorage({ file: ':memory:', thread: 'worker' })
   await storage.open({ atTurnEnd: setImmediate, monotonic: () => 0, wall: () => 0, newFingerprintKey: '' })
   await storage.close()`,
)
for (const file of Object.values(bin)) node(join(installed, file), '--help')
try {
  runReadmeApp(folder)
} catch (error) {
  const { message, stdout = '', stderr = '' } = error as Error & Record<string, string>
  console.error(`a snippet of the README fails: ${message}\n${stdout}${stderr}`)
  process.exit(1)
}

rmSync(folder, { recursive: true, maxRetries: 10 })
