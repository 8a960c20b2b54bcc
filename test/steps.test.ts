/** `npm test` tells what it runs, and a file that takes its output holds no escape codes. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { environmentFor, runSteps, type Step, STEPS } from '../scripts/steps.ts'
import { codeIn, projectText, sectionOf, tableRows } from './support/markdown.ts'

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>
}

/** A step whose process runs this code. */
function stepOf(name: string, code: string): Step {
  return { name, args: ['--eval', code] }
}

/** What is printed for a file, with every time as `N s`. */
async function printed(...steps: readonly Step[]): Promise<string> {
  let text = ''
  await runSteps(steps, { write: (part) => (text += part) })
  return text.replaceAll(/\d+\.\d s/g, 'N s')
}

describe('the steps of npm test', () => {
  test('are scripts of package.json', () => {
    expect(scripts['test']).toBe('tsx scripts/test.ts')
    expect(STEPS.filter((name) => scripts[name] === undefined)).toEqual([])
  })

  test('are those that CONTRIBUTING.md tells, in this order', () => {
    const rows = tableRows(sectionOf(projectText('CONTRIBUTING.md'), '### The steps of `npm test`'))
    expect(rows.flatMap((row) => codeIn(row['step']))).toEqual([...STEPS])
  })
})

describe('the output for a file', () => {
  test('has one line for a step that says nothing', async () => {
    expect(await printed(stepOf('one', ''), stepOf('two', ''))).toBe(
      'one: N s\ntwo: N s\nall 2 steps hold, N s\n',
    )
  })

  test('has what a step says, from both of its streams, between two lines with its name', async () => {
    const code = `process.stdout.write('\\n  not tested: x\\n', () => console.error('twice'))`
    expect(await printed(stepOf('one', code))).toBe(
      'one\n  not tested: x\ntwice\none: N s\nall 1 steps hold, N s\n',
    )
  })

  test('has no escape codes, also of a step that insists on colours', async () => {
    const code = String.raw`console.log('\x1b[32m- Expected\x1b[39m', '\x1b[2K')`
    expect(await printed(stepOf('one', code))).toBe(
      'one\n- Expected \none: N s\nall 1 steps hold, N s\n',
    )
  })

  test('ends with the first step that fails, and its status', async () => {
    const failing = stepOf('two', `console.log('why'); process.exitCode = 3`)
    const text = await printed(stepOf('one', ''), failing, stepOf('three', ''))
    expect(text).toBe('one: N s\ntwo\nwhy\ntwo: N s\ntwo failed: exit status 3\n')
  })

  test('ends with a step whose process a signal ended', async () => {
    const killed = stepOf('one', `process.abort()`)
    const write = () => undefined
    expect(await runSteps([killed], { write })).toBe(killed)
    expect(await runSteps([stepOf('two', '')], { write })).toBeNull()
  })
})

describe('the environment of the steps', () => {
  const env = { FORCE_COLOR: '1', PATH: 'bin' }
  const write = () => undefined

  test('forbids colours where the output is no terminal', () => {
    expect(environmentFor({ write }, env)).toEqual({ NO_COLOR: '1', PATH: 'bin' })
  })

  test('stays as it is on a terminal', () => {
    expect(environmentFor({ isTTY: true, write }, env)).toBe(env)
  })
})
