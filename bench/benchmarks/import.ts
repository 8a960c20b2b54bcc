/** What an app waits for before it can call Holdfast: the import of the built package, beside that of its dependencies alone. */
import { existsSync, readFileSync } from 'node:fs'
import { firstWord, start } from '../child.ts'
import type { Comparison, Subject } from '../comparison.ts'

const BUILT = new URL('../../dist/index.js', import.meta.url)

const { dependencies } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { readonly dependencies: Readonly<Record<string, string>> }

export const importComparison: Comparison = {
  name: 'import',
  title: "import('holdfast') in a new process",
  unit: 'ms',
  subjects: [
    imported('Holdfast, built', BUILT.href),
    imported('its dependencies', ...Object.keys(dependencies)),
  ],
  bars: [{ of: 'Holdfast, built', to: 'its dependencies', atMost: 3.5 }],
  prepare: async () => {
    if (!existsSync(BUILT)) throw new Error('there is no build to import: npm run build first')
    return () => undefined
  },
}

function imported(name: string, ...modules: readonly string[]): Subject {
  return { name, measure: async () => Number(await firstWord(start('import', ...modules))) }
}
