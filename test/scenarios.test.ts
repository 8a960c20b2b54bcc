/** Every scenario holds, with every invariant, and a second time from its own journal. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { replay } from '../src/journal/replay.ts'
import { parseScenario } from '../src/simulation/parse-scenario.ts'
import { runScenario } from '../src/simulation/run-scenario.ts'

const OWN = fileURLToPath(new URL('./scenarios/', import.meta.url))
const SHARED = fileURLToPath(new URL('../../shared/scenarios/', import.meta.url))

function filesOf(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
}

function describeFolder(title: string, folder: string): void {
  describe(title, () => {
    for (const name of filesOf(folder)) {
      it(`${name} holds, and replays`, async () => {
        const file = join(folder, name)
        const result = await runScenario(parseScenario(readFileSync(file, 'utf8'), file))
        expect(result.mismatches).toEqual([])
        const { withStorage } = await replay(result.journal.join('\n'))
        expect(withStorage).toBe(true)
      })
    }
  })
}

describeFolder('the scenarios of this project', OWN)

if (existsSync(SHARED)) describeFolder('the shared scenarios', SHARED)
else it.skip('the shared scenarios are not run: they are not there', () => undefined)
