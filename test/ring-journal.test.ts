/** A journal that has lost its beginning replays from the summary it begins with. */
import { globSync, readFileSync } from 'node:fs'
import SqliteDatabase from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import type { Requirement } from '../src/model.ts'
import { replay } from '../src/journal/replay.ts'
import { ringJournal } from '../src/journal/ring-journal.ts'
import { parseScenario } from '../src/simulation/parse-scenario.ts'
import { runScenario } from '../src/simulation/run-scenario.ts'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import { BeginningAnew } from './support/beginning-anew.ts'
import { Failures } from './support/failing-storage.ts'
import { count, note, replying, Rig, type RigOptions } from './support/rig.ts'

/** A journal is of one release of the app. */
const files = globSync('{../shared,test}/scenarios/*.yaml')
  .filter((file) => !/\brelease:/.test(readFileSync(file, 'utf8')))
  .sort()
let fromSummaryCount = 0

/** Of one scenario, spread over it. */
const MOST_BEGINNINGS = 10

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

test.each(files)(
  'from whatever moment a journal may begin anew, the rest replays: %s',
  async (file) => {
    const journal = new BeginningAnew()
    await runScenario(parseScenario(readFileSync(file, 'utf8'), file), { journal })
    const beginnings = journal.beginnings()
    expect(beginnings.length).toBeGreaterThan(0)
    const step = Math.ceil(beginnings.length / MOST_BEGINNINGS)
    for (let n = 0; n < beginnings.length; n += step) await replay(beginnings[n]?.text ?? '')
  },
)

// V: replays
describe('a journal begins anew', () => {
  async function recorded(options: RigOptions = {}): Promise<{ rig: Rig; journal: BeginningAnew }> {
    const journal = new BeginningAnew()
    return { rig: await Rig.start({ journal, ...options }), journal }
  }

  /** Replays every beginning to the end, and says how many there were while this was open or armed. */
  async function beginningsDuring(
    what: string,
    { rig, journal }: { rig: Rig; journal: BeginningAnew },
  ): Promise<number> {
    await rig.close()
    const beginnings = journal.beginnings()
    for (const { text } of beginnings) await replay(text)
    return beginnings.filter(({ under }) => under.some((name) => name.startsWith(what))).length
  }

  const parts = { requirement: undefined as never, answer: replying(401) }
  type Waiting = ((answer: Requirement) => void)[]
  const asking = (waiting: Waiting) => () =>
    new Promise<Requirement>((resolve) => {
      waiting.push(resolve)
    })

  test('while the requirement source is asked: its answer, and a late one', async () => {
    const waiting: Waiting = []
    const { rig, journal } = await recorded({ ...parts, requirementSource: asking(waiting) })
    await rig.login('alice', 'a1')
    await rig.advance(61_000)
    await rig.enqueue('one')
    waiting.shift()?.('off')
    await rig.advance(10)
    waiting.shift()?.('required')
    await rig.advance()
    expect(rig.holdfast.status().requirement).toBe('required')
    expect(await beginningsDuring('requirement', { rig, journal })).toBeGreaterThan(0)
    expect(journal.beginnings().some(({ under }) => under.includes('requirement-reply'))).toBe(true)
  })

  test('after suspicions that the source did not clear up, each of which makes it wait longer', async () => {
    const waiting: Waiting = []
    const { rig, journal } = await recorded({ ...parts, requirementSource: asking(waiting) })
    waiting.shift()?.('off')
    for (let n = 0; n < 8; n += 1) {
      await rig.login(`user ${n}`)
      await rig.enqueue('one')
      if (n % 3 > 0) waiting.shift()?.('off')
      await rig.advance(5000)
    }
    await rig.advance(60_000)
    expect(await beginningsDuring('requirement', { rig, journal })).toBeGreaterThan(0)
  })

  test('while it watches for waking from sleep', async () => {
    const { rig, journal } = await recorded({ platform: undefined as never })
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    for (let n = 0; n < 6; n += 1) {
      rig.last.fail()
      await rig.advance(40_000)
    }
    rig.last.fail()
    await rig.advance(5000)
    rig.time.wallShift += 3_600_000
    await rig.advance(40_000)
    expect(await beginningsDuring('wake', { rig, journal })).toBeGreaterThan(0)
  })

  test.each(['COMMIT', 'ROLLBACK'])(
    'while a transaction of the app is open, whatever becomes of it: %s',
    async (end) => {
      const { rig, journal } = await recorded({ answer: replying() })
      await rig.login('alice', 'a1')
      rig.database.exec('BEGIN')
      const { settled } = rig.holdfast.enqueueWithin(rig.database, note({ text: 'within' }))
      settled.catch(() => undefined)
      await rig.advance(30)
      rig.holdfast.pause()
      await rig.advance(30)
      rig.holdfast.resume()
      rig.database.exec(end)
      await rig.advance(30)
      await rig.enqueue('two')
      await rig.advance()
      expect(rig.bodies).toEqual(end === 'COMMIT' ? ['within', 'two'] : ['two'])
      expect(await beginningsDuring('within:', { rig, journal })).toBeGreaterThan(0)
    },
  )

  test('before the next flush, and before what must be recorded again: they are numbered', async () => {
    const database = new SqliteDatabase(':memory:')
    const failures = new Failures(sqliteStorage({ database }))
    const { rig, journal } = await recorded({ database, storage: failures.storage })
    await rig.login('alice', 'a1')
    for (let n = 0; n < 3; n += 1) {
      await rig.enqueue(`${n}`)
      const flushed = rig.holdfast.flush({ deadlineMs: 100 })
      failures.failOn(n > 0 ? ['complete'] : null)
      rig.last.reply(200)
      await rig.advance(200)
      failures.failOn(null)
      await rig.advance(5000)
      await rig.whileResting(flushed)
    }
    expect(await beginningsDuring('reply:', { rig, journal })).toBeGreaterThan(0)
  })

  test('before a large drain is over, after which the file is tidied', async () => {
    const { rig, journal } = await recorded({ answer: replying() })
    await rig.login('alice', 'a1')
    for (let round = 0; round < 12; round += 1) {
      journal.isWanted = round === 6
      const drafts = Array.from({ length: 100 }, () => count({ by: 1 }))
      if (round === 11) rig.holdfast.pause()
      await rig.whileResting(Promise.all(drafts.map((draft) => rig.holdfast.enqueue(draft))))
      await rig.advance()
    }
    rig.holdfast.resume()
    await rig.advance()
    expect(await beginningsDuring('reply:', { rig, journal })).toBeGreaterThan(0)
  })
})

test('a ring begins anew while the requirement source is asked', async () => {
  const ring = ringJournal({ lines: 12 })
  const requirementSource = () => new Promise<Requirement>(() => undefined)
  const rig = Rig.prepare({ journal: ring, requirement: undefined as never, requirementSource })
  await rig.open()
  for (let n = 0; n < 100; n += 1) await rig.enqueue(`${n}`)
  const [header, first] = ring.text().split('\n')
  expect(header).not.toContain('beginningLost')
  expect(first).toContain('"in":"summary"')
  expect((await replay(ring.text())).decided).toBeGreaterThan(0)
})
