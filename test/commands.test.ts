/** The scripts start commands without a shell: each is a JavaScript file, wherever npm and its packages have it. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { commandOf, npmCommand } from '../scripts/commands.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

describe('the file behind a command', () => {
  test.each([
    ['publint', undefined],
    ['@arethetypeswrong/cli', 'attw'],
    ['vitest', undefined],
  ])('of %s is a JavaScript file', (name, command) => {
    const file = commandOf(name, command)
    expect(existsSync(file)).toBe(true)
    expect(file).toMatch(/\.[cm]?js$/)
  })

  test('that a package does not have is told', () => {
    expect(() => commandOf('@arethetypeswrong/cli')).toThrow(/has no command/)
  })
})

describe('the file behind npm', () => {
  /** An installation of Node, with npm in this place. */
  function installed(npm: readonly string[], node: readonly string[]): readonly [string, string] {
    const folder = temporaryFolder()
    const cli = join(folder, ...npm, 'node_modules', 'npm', 'bin', 'npm-cli.js')
    mkdirSync(dirname(cli), { recursive: true })
    writeFileSync(cli, '')
    return [cli, join(folder, ...node)]
  }

  test.each(['npm-cli.js', 'npx-cli.js'])('is the one that npm tells as %s', (told) => {
    const env = { npm_execpath: join('somewhere', 'npm', 'bin', told) }
    expect(npmCommand(env)).toBe(join('somewhere', 'npm', 'bin', 'npm-cli.js'))
  })

  test.each([
    ['Windows', [], ['node.exe']],
    ['macOS and Linux', ['lib'], ['bin', 'node']],
  ])('lies where an installation for %s has it', (_system, npm, node) => {
    const [cli, execPath] = installed(npm, node)
    expect(npmCommand({}, execPath)).toBe(cli)
  })

  test('of another package manager is not taken for it, and without npm it is told what to do', () => {
    const env = { npm_execpath: join('somewhere', 'pnpm.cjs') }
    const execPath = join(temporaryFolder(), 'bin', 'node')
    expect(() => npmCommand(env, execPath)).toThrow(/start this as `npm run/)
  })
})
