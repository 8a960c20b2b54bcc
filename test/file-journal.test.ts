/** A journal in a file rotates by size, and each file of it replays by itself. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { fileJournal } from '../src/journal/file-journal.ts'
import { replay } from '../src/journal/replay.ts'
import { parseScenario } from '../src/simulation/parse-scenario.ts'
import { runScenario } from '../src/simulation/run-scenario.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-journal-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

const LONG = `
scenario: 1
name: a long outage
tokens: { a1: { user: alice } }
server: { replies: [{ status: 503, times: 30 }] }
steps:
  - { at: 0, login: { user: alice, token: a1 } }
  - { at: 0, enqueue: { id: n1, kind: note, payload: { text: one } } }
`

it('rotates past maxBytes, and both files replay', async () => {
  const file = join(folder, 'run.jsonl')
  const journal = fileJournal({ file, maxBytes: 8000 })
  await runScenario(parseScenario(LONG, 'long.yaml'), { journal })
  journal.close()
  const [now, before] = [readFileSync(file, 'utf8'), readFileSync(`${file}.1`, 'utf8')]
  expect(now).toContain('"in":"summary"')
  expect((await replay(now)).decided).toBeGreaterThan(0)
  expect((await replay(before)).decided).toBeGreaterThan(0)
})

it('a file that cannot be written ends the journal, not the run, and says so once', async () => {
  const errors: Error[] = []
  const file = join(folder, 'no-such-folder', 'run.jsonl')
  const journal = fileJournal({ file, onError: (error) => errors.push(error) })
  const result = await runScenario(parseScenario(LONG, 'long.yaml'), { journal })
  expect(result.seen.final.completed).toEqual(['n1'])
  expect(errors).toHaveLength(1)
  expect(existsSync(file)).toBe(false)
})
