/** The tests and scripts can run on Windows and macOS: the known traps are found before a machine of that system finds them. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type Source, sourcesIn } from './support/sources.ts'
import { leftOutOnWindows, leftOutUnlessOn } from './support/systems.ts'
import { ALLOWED, TRAPS, type TrapName } from './support/traps.ts'

/** The file whose examples are the traps. */
const OWN = 'test/support/traps.ts'

const NAMES = Object.keys(TRAPS) as TrapName[]

function trapsIn(code: string): TrapName[] {
  return NAMES.filter((name) => TRAPS[name].pattern.test(code))
}

/** Each trap that a file steps into without leave. */
function complaintsAbout(sources: readonly Pick<Source, 'path' | 'code'>[]): string[] {
  return sources.flatMap(({ path, code }) =>
    trapsIn(code)
      .filter((name) => ALLOWED[path]?.[name] === undefined)
      .map((name) => `${path}: ${name}: ${TRAPS[name].why}`),
  )
}

const sources = sourcesIn('test', 'scripts', 'bench', 'examples').filter(({ path }) => path !== OWN)

describe('the tests and scripts', () => {
  test('step into no trap of another system without a reason', () => {
    expect(sources.length).toBeGreaterThan(100)
    expect(complaintsAbout(sources)).toEqual([])
  })

  test('have no leave that they do not need', () => {
    const codes = new Map(sources.map(({ path, code }) => [path, code]))
    const needless = Object.entries(ALLOWED).flatMap(([path, leaves]) =>
      Object.keys(leaves)
        .filter((name) => !TRAPS[name as TrapName].pattern.test(codes.get(path) ?? ''))
        .map((name) => `${path}: ${name}`),
    )
    expect(needless).toEqual([])
  })

  test.each(NAMES)('(a control) the trap "%s" is found', (name) => {
    const made = [{ path: 'test/made-up.ts', code: TRAPS[name].example }]
    expect(complaintsAbout(made).join('\n')).toContain(`test/made-up.ts: ${name}: `)
  })

  test('(a control) leave for one trap is no leave for another', () => {
    const path = 'test/take-over.test.ts'
    expect(complaintsAbout([{ path, code: TRAPS.stop.example }])).toEqual([])
    expect(complaintsAbout([{ path, code: TRAPS.mode.example }])).toHaveLength(1)
  })
})

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
