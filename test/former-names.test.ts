/** Journals of a version that had other names for some options and answers replay to the same decisions. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { replay } from '../src/journal/replay.ts'
import { parseScenario } from '../src/simulation/parse-scenario.ts'
import { runScenario } from '../src/simulation/run-scenario.ts'

const FOLDER = fileURLToPath(new URL('./scenarios/', import.meta.url))

async function journalOf(file: string): Promise<string> {
  const text = readFileSync(`${FOLDER}${file}`, 'utf8')
  return (await runScenario(parseScenario(text, file))).journal.join('\n')
}

/** A scenario whose journal has this text. */
function scenarioWith(text: string): string {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'))
  const found = files.find((name) => readFileSync(`${FOLDER}${name}`, 'utf8').includes(text))
  if (found === undefined) throw new Error(`no scenario has ${text}`)
  return found
}

test('a journal whose header has `base` and `cap` for the option `backoff` replays', async () => {
  const journal = await journalOf(scenarioWith('backoff: { base:'))
  const former = journal.replaceAll('"baseMs":', '"base":').replaceAll('"capMs":', '"cap":')
  expect(former).not.toBe(journal)
  expect(await replay(former)).toEqual(await replay(journal))
})

test('a journal that has `ryw` for a reading position replays', async () => {
  const journal = await journalOf(scenarioWith('ryw: { token'))
  const former = journal.replaceAll('"readingPosition":', '"ryw":')
  expect(former).not.toBe(journal)
  expect(await replay(former)).toEqual(await replay(journal))
})

test('a wrong value under a former name is told under the name of today', async () => {
  const journal = await journalOf(scenarioWith('backoff: { base:'))
  const wrong = journal.replace(/"baseMs":\d+/, '"base":0')
  await expect(replay(wrong)).rejects.toMatchObject({
    code: 'JOURNAL_INVALID',
    message: expect.stringContaining('settings.backoff.baseMs') as unknown,
  })
})

test('a journal whose rows lack the fields that were added since replays, and they are not compared', async () => {
  const journal = await journalOf(scenarioWith('retry-after'))
  expect(journal).toMatch(/"askedMs":[1-9]/)
  const former = journal.replace('"rows":2,', '').replaceAll(/"askedMs":\d+,/g, '')
  expect(former).not.toContain('askedMs')
  expect(await replay(former)).toEqual(await replay(journal))
  const other = journal.replaceAll(/"askedMs":[1-9]\d*,/g, '"askedMs":1,')
  await expect(replay(other)).rejects.toMatchObject({ code: 'REPLAY_DIVERGED' })
})

test('a line that is nested too deeply is refused, and says so', async () => {
  const journal = await journalOf(scenarioWith('retry-after'))
  const former = journal.replace('"rows":2,', '').split('\n')
  const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`
  former[1] = (former[1] ?? '').replace(/\}$/, `,"deep":${deep}}`)
  await expect(replay(former.join('\n'))).rejects.toMatchObject({ code: 'JOURNAL_INVALID' })
})
