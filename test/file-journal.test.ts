/** A journal in a file rotates by size, and each file of it replays by itself. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, it } from 'vitest'
import { fileJournal } from '../src/journal/file-journal.ts'
import { replay } from '../src/journal/replay.ts'
import { parseScenario } from '../src/simulation/parse-scenario.ts'
import { runScenario } from '../src/simulation/run-scenario.ts'
import { Rig } from './support/rig.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

let folder: string

beforeEach(() => {
  folder = temporaryFolder()
})

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
  const journal = fileJournal({ file, maxBytes: 12_000 })
  await runScenario(parseScenario(LONG, 'long.yaml'), { journal })
  journal.close()
  const [now, before] = [readFileSync(file, 'utf8'), readFileSync(`${file}.1`, 'utf8')]
  expect(now).toContain('"in":"summary"')
  expect((await replay(now)).decided).toBeGreaterThan(0)
  expect((await replay(before)).decided).toBeGreaterThan(0)
})

/** Sizes of the file and of the one before. */
function sizesOf(file: string): number[] {
  return [file, `${file}.1`].filter(existsSync).map((one) => statSync(one).size)
}

const reading = { request: () => ({ method: 'GET', path: '/r' }) as const }

/** An app that waits, for a token that never comes, for what never settles, and does much meanwhile. */
async function busy(rig: Rig, rounds: number, looked: () => void): Promise<void> {
  for (let n = 0; n < rounds; n += 1) {
    rig.holdfast.pause()
    await rig.enqueue(`${n}`)
    rig.holdfast.resume()
    await rig.advance(10)
    looked()
  }
}

it.each(['read', 'flush', 'logout'])(
  'is never larger than maxBytes, though a %s waits all along',
  async (call) => {
    const file = join(folder, 'run.jsonl')
    const journal = fileJournal({ file, maxBytes: 60_000 })
    const rig = await Rig.start({ journal })
    await rig.login('alice', 'a1')
    await rig.enqueue('never answered')
    const deadlineMs = 20_000
    const waiting: Promise<unknown> =
      call === 'read'
        ? rig.holdfast.read(reading)
        : call === 'flush'
          ? rig.holdfast.flush({ deadlineMs })
          : rig.holdfast.logout({ unsent: 'flush', deadlineMs })
    const ended = Promise.allSettled([waiting])
    if (call === 'logout') await rig.login('bob', 'b1')
    let beganAnewCount = 0
    await busy(rig, 300, () => {
      for (const size of sizesOf(file)) expect(size).toBeLessThanOrEqual(60_000)
      const text = readFileSync(file, 'utf8')
      if (text.includes('"in":"summary"')) beganAnewCount += 1
      expect(text).not.toContain('beginningLost')
    })
    expect(beganAnewCount).toBeGreaterThan(10)
    await rig.close()
    await ended
    journal.close()
    for (const one of [file, `${file}.1`]) {
      expect((await replay(readFileSync(one, 'utf8'))).decided).toBeGreaterThan(0)
    }
  },
)

it('is never larger than maxBytes where no summary can be made, and says why it does not replay', async () => {
  const file = join(folder, 'run.jsonl')
  const journal = fileJournal({ file, maxBytes: 20_000 })
  const answers: (() => void)[] = []
  const seal = () =>
    new Promise<Uint8Array>((resolve) => answers.push(() => resolve(new Uint8Array([1]))))
  const rig = await Rig.start({ journal, vault: { seal, unseal: () => 'a1' } })
  const updated = rig.holdfast.updateToken('alice', 'a1')
  await rig.advance()
  await busy(rig, 200, () => {
    for (const size of sizesOf(file)) expect(size).toBeLessThanOrEqual(20_000)
  })
  for (const one of [file, `${file}.1`]) {
    const text = readFileSync(one, 'utf8')
    const [header] = text.split('\n')
    const why = 'the question seal has no answer yet'
    expect(JSON.parse(header ?? '')).toMatchObject({ beginningLost: true, why })
    await expect(replay(text)).rejects.toThrow(why)
  }
  // With the answer the next file replays again.
  for (const answer of answers) answer()
  await rig.whileResting(updated)
  await busy(rig, 5, () => undefined)
  const text = readFileSync(file, 'utf8')
  expect(text).not.toContain('beginningLost')
  expect((await replay(text)).decided).toBeGreaterThan(0)
  await rig.close()
  journal.close()
})

it('leaves out a line that no file has room for, and a summary that is too large, and says so', () => {
  const file = join(folder, 'run.jsonl')
  const journal = fileJournal({ file, maxBytes: 1000 })
  journal.header({ journal: 1, holdfast: '0.0.0', payloads: 'digest', options: {} })
  journal.write({ in: 'start', requirement: 'off' }, 0)
  journal.write({ out: 'event', name: 'large', detail: 'x'.repeat(2000) }, 1)
  expect(sizesOf(file).every((size) => size <= 1000)).toBe(true)
  expect(readFileSync(file, 'utf8')).toContain('more came at one moment than a file has room for')
  expect(journal.wantsSummary()).toBe(true)
  journal.write({ in: 'summary', state: 'x'.repeat(2000) }, 2)
  expect(sizesOf(file).every((size) => size <= 1000)).toBe(true)
  expect(readFileSync(file, 'utf8')).toMatch(/the summary of the state takes \d+ bytes/)
  // The next one would be too large as well.
  expect(journal.wantsSummary()).toBe(false)
  journal.close()
})

it('says so where the header alone is larger than maxBytes', () => {
  const errors: Error[] = []
  const file = join(folder, 'run.jsonl')
  const journal = fileJournal({ file, maxBytes: 10, onError: (error) => errors.push(error) })
  journal.header({ journal: 1, holdfast: '0.0.0', payloads: 'digest', options: {} })
  expect(errors).toMatchObject([{ name: 'RangeError' }])
  expect(existsSync(file)).toBe(false)
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
