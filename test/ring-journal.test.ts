/** A journal that has lost its beginning replays from the summary it begins with. */
import { globSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { replay } from '../src/journal/replay.ts'
import { ringJournal } from '../src/journal/ring-journal.ts'
import { parseScenario } from '../src/simulation/parse-scenario.ts'
import { runScenario } from '../src/simulation/run-scenario.ts'

const files = globSync('{../shared,test}/scenarios/*.yaml').sort()
let summaries = 0
let whole = 0

for (const file of files) {
  for (const lines of [12, 40]) {
    it(`a ring of ${lines} lines replays: ${file}`, async () => {
      const scenario = parseScenario(readFileSync(file, 'utf8'), file)
      const ring = ringJournal({ lines })
      await runScenario(scenario, { journal: ring })
      const text = ring.text()
      if (text.split('\n')[1]?.includes('"in":"summary"')) summaries += 1
      const isWhole = !text.split('\n')[0]?.includes('beginningLost')
      if (isWhole) {
        whole += 1
        await replay(text)
      } else {
        await expect(replay(text)).rejects.toMatchObject({ code: 'JOURNAL_INVALID' })
      }
    })
  }
}

it('most of those rings had lost their beginning', () => {
  console.info(
    `${files.length} scenarios: ${whole} rings replayed, ${summaries} of them from a summary`,
  )
  expect(summaries).toBeGreaterThan(files.length)
})

it('a ring that is too small to be one is refused', () => {
  expect(() => ringJournal({ lines: 1 })).toThrow(RangeError)
})
