/**
 * The TypeScript of the documentation, as files in a folder of this repository that is gone after the
 * test: with `holdfast` for its source, type-checked as strictly as everything else.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const FOLDERS = join(ROOT, 'test', '.tmp')
const COMPILER = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')

const ENTRY_POINTS: Readonly<Record<string, string>> = {
  holdfast: '../../../src/index.ts',
  'holdfast/simulation': '../../../src/simulation/index.ts',
}

const CONFIG = {
  extends: '../../../tsconfig.json',
  compilerOptions: { rootDir: '../../..' },
  include: ['*.ts'],
}

/** What a snippet may use without saying where it comes from. */
const COMMON = `
import { z } from 'zod'
import { defineOperation, type Holdfast } from 'holdfast'

const note = defineOperation({
  kind: 'note',
  payload: z.object({ text: z.string() }),
  request: ({ payload }) => ({ method: 'POST', path: '/notes', body: payload }),
})

declare global {
  var holdfast: Holdfast
  var addNote: typeof note
}
`

const made: string[] = []

afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, maxRetries: 10 })
})

/** Writes each snippet to a file; answers the folder, and the files in order. */
export function writeSnippets(snippets: readonly string[]): {
  readonly folder: string
  readonly files: readonly string[]
} {
  mkdirSync(FOLDERS, { recursive: true })
  const folder = mkdtempSync(join(FOLDERS, 'snippets-'))
  made.push(folder)
  const write = (name: string, code: string) => {
    writeFileSync(join(folder, name), code)
    return join(folder, name)
  }
  write('tsconfig.json', JSON.stringify(CONFIG))
  write('common.ts', withSource(COMMON))
  const files = snippets.map((snippet, index) =>
    write(`snippet-${index + 1}.ts`, `${withSource(snippet)}\nexport {}\n`),
  )
  return { folder, files }
}

/** What the compiler complains of. What is wrong in the source itself is for others to say. */
export function complaintsOfCompiler(folder: string): string[] {
  try {
    execFileSync(process.execPath, [COMPILER, '-p', folder], { cwd: ROOT, stdio: 'pipe' })
    return []
  } catch (error) {
    const lines = String((error as { readonly stdout: Buffer }).stdout).split('\n')
    return lines.filter((line) => line !== '' && !/^(src|machines|storage)\/|^ /.test(line))
  }
}

function withSource(code: string): string {
  return code.replaceAll(/from '(holdfast(?:\/[\w-]+)*)'/g, (_, name: string) => {
    const source = ENTRY_POINTS[name]
    if (source === undefined) throw new Error(`there is no entry point ${name}`)
    return `from '${source}'`
  })
}
