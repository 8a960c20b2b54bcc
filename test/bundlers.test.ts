/** The recipes of docs/bundlers.md, as they stand there: each bundles an app from the built package, and the app runs. */
import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { commandOf } from '../scripts/commands.ts'
import { ROOT, sayNotBuilt, whyNotBuilt } from './support/built.ts'
import { codeBlocks, projectText, sectionOf } from './support/markdown.ts'

const MARKDOWN = projectText('docs/bundlers.md')

/** Without `await` at its top, which CommonJS does not have. */
const APP = `
import { createHoldfast, defineOperation, httpTransport, sqliteStorage } from 'holdfast'
import { z } from 'zod'

const note = defineOperation({
  kind: 'note',
  payload: z.object({ text: z.string() }),
  request: ({ payload }) => ({ method: 'POST', path: '/notes', body: payload }),
})

async function stateOn(thread: 'main' | 'worker'): Promise<string | undefined> {
  const holdfast = await createHoldfast({
    storage: sqliteStorage({ file: thread + '.db', thread }),
    transport: httpTransport({ baseUrl: 'https://server.test' }),
    operations: [note],
    requirement: 'unknown',
  })
  const { id } = await holdfast.enqueue(note({ text: 'one' }))
  const operation = await holdfast.operation(id)
  await holdfast.close()
  return operation?.state
}

async function main() {
  console.log(JSON.stringify([await stateOn('main'), await stateOn('worker')]))
}

void main()
`

const made: string[] = []

afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, maxRetries: 10 })
})

/** A folder of this project, for what an app would have installed, with the built package as npm would put it there. */
function newApp(): string {
  mkdirSync(join(ROOT, 'test/.tmp'), { recursive: true })
  const folder = mkdtempSync(join(ROOT, 'test/.tmp/bundlers-'))
  made.push(folder)
  const installed = join(folder, 'node_modules/holdfast')
  cpSync(join(ROOT, 'dist'), join(installed, 'dist'), { recursive: true })
  cpSync(join(ROOT, 'package.json'), join(installed, 'package.json'))
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }))
  writeFileSync(join(folder, 'main.ts'), APP)
  return folder
}

/** The one recipe below this heading, and the name of its file. */
function recipeOf(heading: string): readonly [file: string, code: string] {
  const [code = ''] = codeBlocks(sectionOf(MARKDOWN, heading), 'js')
  const [, file] = /^\/\/ (\S+)\n/.exec(code) ?? []
  if (file === undefined) throw new Error(`the recipe below ${heading} does not name its file`)
  return [file, code]
}

function node(folder: string, ...args: readonly string[]): string {
  return execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' })
}

const whyNot = whyNotBuilt()
sayNotBuilt('the recipes for bundlers', whyNot)

describe.runIf(whyNot === null)('an app that is bundled', { timeout: 60_000 }, () => {
  function bundled(heading: string, change: (code: string) => string = (code) => code): string {
    const folder = newApp()
    const [file, code] = recipeOf(heading)
    writeFileSync(join(folder, file), change(code))
    if (file === 'vite.config.js') node(folder, commandOf('vite'), 'build', '--logLevel', 'warn')
    else node(folder, file)
    return folder
  }

  test.each([
    ['## esbuild', 'out/main.js'],
    ['### As CommonJS', 'out/main.cjs'],
    ['## Vite', 'out/main.js'],
  ])('by the recipe "%s" stores operations on the main thread and on a thread', (heading, main) => {
    const folder = bundled(heading)
    // Its code is in the bundle, not in the package.
    rmSync(join(folder, 'node_modules'), { recursive: true })
    expect(JSON.parse(node(folder, join(folder, main)))).toEqual(['pending', 'pending'])
    expect(readdirSync(folder)).toEqual(expect.arrayContaining(['main.db', 'worker.db']))
  })

  test('(a control) does not start its thread where the recipe lacks the entry point of the thread', () => {
    const folder = bundled('## esbuild', (code) =>
      code.replace(", 'holdfast-worker': 'holdfast/storage-worker'", ''),
    )
    expect(existsSync(join(folder, 'out/holdfast-worker.js'))).toBe(false)
    expect(() => node(folder, 'out/main.js')).toThrow(/STORAGE_UNAVAILABLE/)
  })
})

test('every recipe is run', () => {
  expect(codeBlocks(MARKDOWN, 'js')).toHaveLength(3)
})
