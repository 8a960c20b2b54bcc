/** The configuration of the tests that find mutants: those of the suite, run with the mutant of HOLDFAST_MUTANT. */
import { fileURLToPath } from 'node:url'
import { defineConfig, mergeConfig, type Plugin } from 'vitest/config'
import type { Reporter } from 'vitest/node'
import own from '../../vitest.config.ts'
import { mutantOf } from './list.ts'
import { mutated } from './places.ts'
import type { TestResult } from './run-test.ts'

const { file, text } = mutated(mutantOf(process.env['HOLDFAST_MUTANT'] ?? ''))
const address = fileURLToPath(new URL(`../../${file}`, import.meta.url)).replaceAll('\\', '/')

const plugin: Plugin = {
  name: 'mutant',
  enforce: 'pre',
  load: (id) => (id === address ? text : null),
}

/** A line of JSON for each test; what was left out has none. */
const lines: Reporter = {
  onTestCaseResult: (test) => {
    const { state } = test.result()
    if (state === 'skipped' || state === 'pending') return
    const result: TestResult = { test: test.fullName, isPassed: state === 'passed' }
    process.stdout.write(`${JSON.stringify(result)}\n`)
  },
}

const { reporters: _reporters, ...test } = own.test ?? {}

export default mergeConfig(
  { ...own, test },
  // The cache of vitest knows nothing of mutants: it would give the file without the fault, or keep the one with it.
  defineConfig({ plugins: [plugin], test: { fsModuleCache: false, reporters: [lines] } }),
)
