/** The suite can run on Windows and macOS: its scripts, its line ends, and what is said of a test that is left out. `tidy.test.ts` searches for traps. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { leftOutOnWindows, leftOutUnlessOn } from './support/systems.ts'

/** What only a POSIX shell understands. */
const POSIX_SHELL = /^\w+=|[;$'`]|(?<!&)&(?!&)|\|(?!\|)|\b(?:rm|cp|mv|mkdir|cat|export) |\.\//

describe('the scripts of package.json', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>
  }

  test('say nothing that only a POSIX shell understands', () => {
    expect(Object.keys(scripts).length).toBeGreaterThan(10)
    expect(Object.values(scripts).filter((script) => POSIX_SHELL.test(script))).toEqual([])
  })

  test.each(['A=1 node x.ts', 'rm -rf dist', 'a; b', "node -e '1'", 'echo $HOME', './x', 'a | b'])(
    '(a control) %s would be found',
    (script) => {
      expect(POSIX_SHELL.test(script)).toBe(true)
    },
  )
})

test('every text file has the same line ends on every system', () => {
  expect(readFileSync('.gitattributes', 'utf8')).toMatch(/^\* text=auto eol=lf$/m)
})

describe('a test that a system cannot run', () => {
  function printedOn(platform: NodeJS.Platform, leave: typeof leftOut): [boolean, string] {
    let printed = ''
    const isLeftOut = leave({ platform, print: (text) => (printed += text) })
    return [isLeftOut, printed.trim()]
  }

  type Machine = Parameters<typeof leftOutOnWindows>[2]
  const leftOut = (machine: Machine) => leftOutOnWindows('modes', 'there are none', machine)
  const unless = (machine: Machine) => leftOutUnlessOn('darwin', 'fullfsync', machine)

  test('is left out on Windows with its reason, and runs elsewhere in silence', () => {
    expect(printedOn('win32', leftOut)).toEqual([true, 'not tested: modes, because there are none'])
    expect(printedOn('darwin', leftOut)).toEqual([false, ''])
    expect(printedOn('linux', leftOut)).toEqual([false, ''])
  })

  test('runs on its own system in silence, and is left out with its reason elsewhere', () => {
    expect(printedOn('darwin', unless)).toEqual([false, ''])
    const said = 'not tested: fullfsync, because this is not macOS'
    expect(printedOn('win32', unless)).toEqual([true, said])
    expect(printedOn('linux', unless)).toEqual([true, said])
  })
})
