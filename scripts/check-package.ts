// What npm would publish, as the one who installs it gets it: packed once, linted, its types resolved
// the way each kind of consumer does, then loaded by `import`, by `require()`, as a command and as a thread.

import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'

// Below node_modules, so that the unpacked package finds its dependencies in the project's own.
const folder = resolve('node_modules/.cache/holdfast-package')
const installed = join(folder, 'node_modules', 'holdfast')

function run(command: string, ...args: string[]): string {
  try {
    return execFileSync(command, args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    console.error(`${[command, ...args].join(' ')}\n${stdout}${stderr}`)
    process.exit(1)
  }
}

rmSync(folder, { recursive: true, force: true })
mkdirSync(installed, { recursive: true })

const tarball = run('npm', 'pack', '--silent', '--ignore-scripts', process.cwd()).trim()
run('publint', 'run', tarball, '--strict')
run('attw', tarball, '--profile', 'esm-only', '--no-color')

run('tar', '-xzf', tarball, '-C', installed, '--strip-components=1')
const { bin, exports } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
  bin: Record<string, string>
  exports: Record<string, string | object>
}
for (const [path, target] of Object.entries(exports)) {
  if (typeof target === 'string') continue
  const name = JSON.stringify(`holdfast${path.slice(1)}`)
  run('node', '--input-type=module', '--eval', `await import(${name})`)
  run('node', '--input-type=commonjs', '--eval', `require(${name})`)
}
// Nothing imports the file that it runs.
run(
  'node',
  '--input-type=module',
  '--eval',
  `import { sqliteStorage } from 'holdfast'
   const storage = sqliteStorage({ file: ':memory:', thread: 'worker' })
   await storage.open({ atTurnEnd: setImmediate, monotonic: () => 0, wall: () => 0, newFingerprintKey: '' })
   await storage.close()`,
)
for (const file of Object.values(bin)) run('node', join(installed, file), '--help')

rmSync(folder, { recursive: true })
