/** A journal that has lost its beginning replays from the summary it begins with. */
import { globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { replay } from '../src/journal/replay.ts'
import { ringJournal } from '../src/journal/ring-journal.ts'
import { parseScenario } from '../src/simulation/parse-scenario.ts'
import { runScenario } from '../src/simulation/run-scenario.ts'

const files = globSync('{../shared,test}/scenarios/*.yaml').sort()
let fromSummaryCount = 0

async function ringOf(file: string, lines: number): Promise<string> {
  const ring = ringJournal({ lines })
  await runScenario(parseScenario(readFileSync(file, 'utf8'), file), { journal: ring })
  return ring.text()
}

test.each(files.flatMap((file) => [12, 40].map((lines) => [lines, file] as const)))(
  'a ring of %i lines replays: %s',
  async (lines, file) => {
    const text = await ringOf(file, lines)
    if (text.split('\n')[1]?.includes('"in":"summary"') === true) fromSummaryCount += 1
    const { decided } = await replay(text)
    expect(decided).toBeGreaterThanOrEqual(0)
  },
)

test('most of those rings had lost their beginning', () => {
  process.stdout.write(
    `${files.length} scenarios: ${fromSummaryCount} rings began with a summary\n`,
  )
  expect(fromSummaryCount).toBeGreaterThan(files.length)
})

test('a ring that was cut under load says so, and is not replayed', async () => {
  const ring = ringJournal({ lines: 4 })
  ring.header({ journal: 1, holdfast: '0.0.0', payloads: 'digest', options: {} })
  for (let line = 0; line < 100; line += 1) ring.write({ in: 'turn' }, line)
  await expect(replay(ring.text())).rejects.toMatchObject({ code: 'JOURNAL_INVALID' })
})

test('a ring that is too small to be one is refused', () => {
  expect(() => ringJournal({ lines: 1 })).toThrow(RangeError)
})
