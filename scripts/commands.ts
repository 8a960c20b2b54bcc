// The JavaScript files of the commands that the scripts run. The files in node_modules/.bin are for a shell: on Windows they are
// .cmd files, which Node starts in a shell only. `node <JavaScript file>` is the same on every system.

import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'

/** The file behind a command of an installed package. `command`: its name, if the package has several or names it otherwise. */
export function commandOf(name: string, command = name): string {
  const folder = resolve('node_modules', name)
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    readonly bin?: string | Readonly<Record<string, string>>
  }
  const file = typeof bin === 'string' ? bin : bin?.[command]
  if (file === undefined) throw new Error(`the package ${name} has no command ${command}`)
  return join(folder, file)
}

/**
 * The file behind `npm`: npm tells it to every script that it runs. Without npm around, the file is looked for where an
 * installation of Node has it.
 */
export function npmCommand(env = process.env, execPath = process.execPath): string {
  const told = env['npm_execpath'] ?? ''
  // `npx` tells its own file, which lies beside that of npm.
  if (/^np[mx]-cli\.c?js$/.test(basename(told))) return join(dirname(told), 'npm-cli.js')
  const npm = join('node_modules', 'npm', 'bin', 'npm-cli.js')
  const folder = dirname(execPath)
  const found = [join(folder, npm), join(folder, '..', 'lib', npm)].find((file) => existsSync(file))
  if (found === undefined) throw new Error('npm is not found: start this as `npm run …`')
  return found
}
