/** Every scenario holds, with every invariant, and a second time from its own journal. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { replay } from '../src/journal/replay.ts'
import { parseScenario } from '../src/simulation/parse-scenario.ts'
import { runScenario } from '../src/simulation/run-scenario.ts'
import { decisionsOf } from './support/journals.ts'

const OWN = fileURLToPath(new URL('./scenarios/', import.meta.url))
const SHARED = ['scenarios', 'scenarios-next/edges', 'scenarios-next/developer']
  .map((folder) => fileURLToPath(new URL(`../../shared/${folder}/`, import.meta.url)))
  .filter((folder) => existsSync(folder))

if (SHARED.length === 0)
  process.stdout.write('the shared scenarios are not there: only the own are run\n')

function filesOf(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => join(folder, name))
}

test('there are some of this project', () => {
  expect(filesOf(OWN).length).toBeGreaterThan(400)
})

test.each([OWN, ...SHARED].flatMap(filesOf))('%s holds, and replays', async (file) => {
  const scenario = parseScenario(readFileSync(file, 'utf8'), file)
  const result = await runScenario(scenario)
  expect(result.mismatches).toEqual([])
  const { withStorage, decided } = await replay(result.journal.join('\n'))
  expect(decided).toBe(decisionsOf(result.journal).length)
  // How a disk failed cannot be repeated. What another process or the app itself stored is not in this one's journal, but for storage's answers;
  // nor is what was stored by one that died before it heard of it.
  const isAlone = scenario.steps.every(
    (step) =>
      !('disk' in step && (step.disk === 'damaged' || step.disk === 'no-room')) &&
      !('process' in step) &&
      !('enqueue' in step && step.enqueue.within !== undefined) &&
      !('crash' in step && step.crash !== true),
  )
  expect(withStorage || !isAlone).toBe(true)
})
