/** Runs a test of the suite with a mutant in the engine, in a process of its own. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Caught } from './hunts.ts'
import type { Finder } from './mutant.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const CONFIG = fileURLToPath(new URL('./vitest.config.ts', import.meta.url))
const VITEST = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))

/** A test has 10 s, and its file some seconds to be loaded. */
const LONGEST_MS = 120_000

/** Characters that mean something in a pattern; a title means itself. */
const SPECIAL = /[.*+?^${}()|[\]\\]/g

/** A line that `vitest.config.ts` has written. */
export interface TestResult {
  /** The title, with those of the groups it is in, joined by ` > `. */
  readonly test: string
  readonly isPassed: boolean
}

/** Resolves with the test that failed. @throws {Error} if no test of that title was run. */
export async function runTest(mutant: string, { file, test }: Finder): Promise<Caught> {
  const beganAt = performance.now()
  const results = await resultsOf(mutant, file, test)
  const by = results.find(({ isPassed }) => !isPassed)?.test ?? null
  const ms = Math.round(performance.now() - beganAt)
  return { mutant, by, at: by === null ? null : file, triedCount: 1, ms }
}

async function resultsOf(
  mutant: string,
  file: string,
  test: string | undefined,
): Promise<readonly TestResult[]> {
  const title = test?.replaceAll(SPECIAL, String.raw`\$&`)
  const only = title === undefined ? [] : ['--testNamePattern', `^${title}$`]
  const options = ['--config', CONFIG, '--root', ROOT, '--maxWorkers', '1']
  const child = spawn(process.execPath, [VITEST, 'run', file, ...options, ...only], {
    cwd: ROOT,
    env: { ...withoutVitest(process.env), HOLDFAST_MUTANT: mutant },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LONGEST_MS,
    killSignal: 'SIGKILL',
  })
  const results: TestResult[] = []
  let complaints = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text
  })
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.startsWith('{"test":')) results.push(JSON.parse(line) as TestResult)
    else complaints += `${line}\n`
  })
  await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  if (results.length > 0) return results
  throw new Error(`mutant ${mutant}: ${file} has run no test "${test ?? ''}": ${complaints}`)
}

/** What a run of vitest tells its workers is not for another run. */
function withoutVitest(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('VITEST')))
}
