/** Runs a test of the suite with a mutant in the engine, in a process of its own. */
import { spawn } from 'node:child_process'
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

/** As vitest's reporter `json` writes it. */
interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[]
  }[]
}

/** Resolves with the test that failed. @throws {Error} if no test of that title was run. */
export async function runTest(mutant: string, { file, test }: Finder): Promise<Caught> {
  const beganAt = performance.now()
  const report = await reportOf(mutant, file, test)
  const results = report.testResults.flatMap(({ assertionResults }) => assertionResults)
  const run = results.filter(({ status }) => status === 'passed' || status === 'failed')
  if (run.length === 0) throw new Error(`mutant ${mutant}: ${file} has no test "${test}"`)
  const by = run.find(({ status }) => status === 'failed')?.fullName ?? null
  const ms = Math.round(performance.now() - beganAt)
  return { mutant, by, at: by === null ? null : file, triedCount: 1, ms }
}

async function reportOf(mutant: string, file: string, test: string | undefined): Promise<Report> {
  const options = ['--config', CONFIG, '--root', ROOT, '--reporter', 'json', '--maxWorkers', '1']
  const only =
    test === undefined
      ? []
      : ['--testNamePattern', `^${test.replaceAll(SPECIAL, String.raw`\$&`)}$`]
  const child = spawn(process.execPath, [VITEST, 'run', file, ...options, ...only], {
    cwd: ROOT,
    env: { ...withoutVitest(process.env), HOLDFAST_MUTANT: mutant },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LONGEST_MS,
    killSignal: 'SIGKILL',
  })
  let output = ''
  let complaints = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text
  })
  await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  const line = output.split('\n').find((one) => one.startsWith('{"numTotalTestSuites"'))
  if (line === undefined) throw new Error(`mutant ${mutant}: no report of ${file}: ${complaints}`)
  return JSON.parse(line) as Report
}

/** What a run of vitest tells its workers is not for another run. */
function withoutVitest(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('VITEST')))
}
