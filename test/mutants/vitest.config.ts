/** The configuration of the tests that find mutants: those of the suite, run with the mutant of HOLDFAST_MUTANT. */
import { fileURLToPath } from 'node:url'
import { defineConfig, mergeConfig, type Plugin } from 'vitest/config'
import own from '../../vitest.config.ts'
import { mutantOf } from './list.ts'
import { mutated } from './places.ts'

const { file, text } = mutated(mutantOf(process.env['HOLDFAST_MUTANT'] ?? ''))
const address = fileURLToPath(new URL(`../../${file}`, import.meta.url)).replaceAll('\\', '/')

const plugin: Plugin = {
  name: 'mutant',
  enforce: 'pre',
  load: (id) => (id === address ? text : null),
}

export default mergeConfig(own, defineConfig({ plugins: [plugin] }))
