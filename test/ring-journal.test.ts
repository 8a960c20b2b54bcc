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
import { echo, positioned } from './support/kinds.ts'
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

test.each(files.map((file) => [12, file] as const))(
  'a ring of %i lines replays: %s',
  async (lines, file) => {
    const text = await ringOf(file, lines)
    if (text.split('\n')[1]?.includes('"in":"summary"') === true) fromSummaryCount += 1
    const { fed, decided } = await replay(text)
    // The header and, where the ring begins anew, its summary are neither.
    expect(fed + decided).toBeGreaterThan(text.split('\n').length / 2)
  },
)

test('most of those rings had lost their beginning', () => {
  process.stdout.write(
    `${files.length} scenarios: ${fromSummaryCount} rings began with a summary\n`,
  )
  expect(fromSummaryCount).toBeGreaterThan(files.length / 2)
})

test('a ring that was cut under load says so, and is not replayed', async () => {
  const ring = ringJournal({ lines: 4 })
  ring.header({ journal: 1, holdfast: '0.0.0', payloads: 'digest', options: {} })
  for (let line = 0; line < 100; line += 1) ring.write({ in: 'turn' }, line)
  await expect(replay(ring.text())).rejects.toMatchObject({ code: 'JOURNAL_INVALID' })
})

test('the line of a request names its operations and their key', async () => {
  const rig = await Rig.start()
  await rig.login('alice', 'a1')
  const ids = [await rig.enqueue('one')]
  const line = rig.journal.lines().findLast((one) => one.includes('"name":"send"')) ?? '{}'
  expect(JSON.parse(line)).toMatchObject({
    out: 'ask',
    args: { user: 'alice', kind: 'note', operations: ids, key: ids[0], generation: 1 },
  })
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

  test('while a transaction of the app stays open, whose operation takes the last room', async () => {
    const { rig, journal } = await recorded({ maxPending: 1, answer: replying(200) })
    await rig.login('alice', 'a1')
    rig.database.exec('BEGIN')
    rig.holdfast.enqueueWithin(rig.database, note({ text: 'within' }))
    await rig.advance(30)
    await expect(rig.enqueue('one too many')).rejects.toMatchObject({ code: 'QUEUE_FULL' })
    rig.database.exec('COMMIT')
    await rig.advance(30)
    expect(rig.bodies).toEqual(['within'])
    expect(await beginningsDuring('within:', { rig, journal })).toBeGreaterThan(0)
  })

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

// R1, R2, R3, Q19, I7: the app waits meanwhile
describe('a journal begins anew while the app waits for', () => {
  const reading = { request: () => ({ method: 'GET', path: '/r' }) as const }

  async function waiting(options: RigOptions = {}): Promise<{ rig: Rig; journal: BeginningAnew }> {
    const journal = new BeginningAnew()
    const rig = await Rig.start({ journal, operations: [note, count, positioned], ...options })
    await rig.login('alice', 'a1')
    return { rig, journal }
  }

  /** Something that comes in, so that there is a beginning at this moment. */
  async function tick(rig: Rig): Promise<void> {
    rig.holdfast.pause()
    rig.holdfast.resume()
    await rig.advance()
  }

  /** Replays every beginning, and says how many there were while such a call was open. */
  async function beginningsWith(
    call: 'reads' | 'flushes' | 'logouts' | 'sendNows',
    { rig, journal }: { rig: Rig; journal: BeginningAnew },
  ): Promise<number> {
    await rig.close()
    const beginnings = journal.beginnings()
    for (const { text } of beginnings) await replay(text)
    const openOf = ({ summary }: (typeof beginnings)[number]) =>
      call === 'sendNows' ? (summary.sendNows?.open ?? []) : summary[call]
    return beginnings.filter((beginning) => openOf(beginning).length > 0).length
  }

  test('a read behind writes that have not settled', async () => {
    const { rig, journal } = await waiting()
    await rig.enqueue('one')
    const named = rig.holdfast.read({ ...reading, after: [await rig.enqueue('two')] })
    const all = rig.holdfast.read(reading)
    await tick(rig)
    rig.last.reply(200)
    await tick(rig)
    rig.last.reply(200)
    await tick(rig)
    for (const sent of rig.sent.slice(2)) sent.reply(200)
    await rig.whileResting(Promise.all([named, all]))
    expect(await beginningsWith('reads', { rig, journal })).toBeGreaterThan(1)
  })

  test('a read in flight, whose reply is late, and one whose reply never comes', async () => {
    const { rig, journal } = await waiting({ replyTimeoutMs: 1000 })
    const reads = Promise.allSettled([rig.holdfast.read(reading), rig.holdfast.read(reading)])
    await tick(rig)
    await rig.advance(500)
    rig.sent[0]?.reply(200)
    await tick(rig)
    await rig.advance(600)
    await tick(rig)
    expect(await reads).toMatchObject([
      { status: 'fulfilled' },
      { status: 'rejected', reason: { code: 'READ_FAILED' } },
    ])
    expect(await beginningsWith('reads', { rig, journal })).toBeGreaterThan(1)
  })

  test('a read that is answered 401, waits for a token, and is refused again', async () => {
    const { rig, journal } = await waiting()
    const read = rig.holdfast.read(reading)
    read.catch(() => undefined)
    for (const token of ['a2', 'a3']) {
      await tick(rig)
      rig.last.reply(401)
      await rig.advance()
      await tick(rig)
      await rig.whileResting(rig.holdfast.updateToken('alice', token))
    }
    await tick(rig)
    rig.last.reply(200)
    await rig.whileResting(read)
    expect(await beginningsWith('reads', { rig, journal })).toBeGreaterThan(3)
  })

  test('a read behind a reading position, and one that is told to come back later', async () => {
    const { rig, journal } = await waiting({ answer: undefined as never })
    const write = positioned({ token: 'p1', delayMs: 5000 })
    await rig.whileResting(rig.holdfast.enqueue(write))
    echo(rig.last)
    await rig.advance()
    const read = rig.holdfast.read(reading)
    await rig.advance(1000)
    await tick(rig)
    await rig.advance(5000)
    rig.last.reply(429, { headers: { 'retry-after': '3' } })
    await rig.advance(1000)
    await tick(rig)
    await rig.advance(4000)
    rig.last.reply(200)
    await rig.whileResting(read)
    expect(await beginningsWith('reads', { rig, journal })).toBeGreaterThan(1)
  })

  test('a read that ends with the identity, and one that ends with the engine', async () => {
    const { rig, journal } = await waiting()
    const cancelled = rig.holdfast.read(reading)
    const ended = Promise.allSettled([cancelled])
    await tick(rig)
    await rig.login('bob', 'b1')
    await tick(rig)
    const closed = Promise.allSettled([rig.holdfast.read(reading)])
    await tick(rig)
    expect(await beginningsWith('reads', { rig, journal })).toBeGreaterThan(1)
    expect(await ended).toMatchObject([{ reason: { code: 'READ_CANCELLED' } }])
    expect(await closed).toMatchObject([{ reason: { code: 'CLOSED' } }])
  })

  test('flushes, one of which ends at its deadline', async () => {
    const { rig, journal } = await waiting()
    await rig.enqueue('one')
    rig.last.reply(500)
    await rig.advance()
    const flushes = [100, 60_000].map((deadlineMs) => rig.holdfast.flush({ deadlineMs }))
    await tick(rig)
    await rig.advance(500)
    await tick(rig)
    await rig.advance(10_000)
    rig.last.reply(200)
    await rig.advance()
    await rig.whileResting(Promise.all(flushes))
    expect(await beginningsWith('flushes', { rig, journal })).toBeGreaterThan(1)
  })

  test('a flush behind a transaction of the app that stays open', async () => {
    const { rig, journal } = await waiting({ answer: replying(200) })
    rig.database.exec('BEGIN')
    rig.holdfast.enqueueWithin(rig.database, note({ text: 'within' }))
    await rig.advance(30)
    const flushed = rig.holdfast.flush({ deadlineMs: 60_000 })
    await rig.advance(30)
    await tick(rig)
    rig.database.exec('COMMIT')
    await rig.advance(30)
    expect(await rig.whileResting(flushed)).toMatchObject({ pending: 0 })
    expect(await beginningsWith('flushes', { rig, journal })).toBeGreaterThan(0)
  })

  test('a sendNow() that waits for a reply, and one that ends at its deadline', async () => {
    const { rig, journal } = await waiting({ backoff: { baseMs: 60_000, jitter: false } })
    await rig.enqueue('one')
    rig.last.reply(500)
    await rig.advance()
    const calls = [100, 60_000].map((deadlineMs) => rig.holdfast.sendNow({ deadlineMs }))
    await rig.advance(50)
    await tick(rig)
    await rig.advance(100)
    await tick(rig)
    rig.last.reply(200)
    await rig.advance()
    expect(await rig.whileResting(Promise.all(calls))).toMatchObject([
      { attempts: [] },
      { attempts: [] },
    ])
    expect(await beginningsWith('sendNows', { rig, journal })).toBeGreaterThan(0)
  })

  test('logouts that flush', async () => {
    const { rig, journal } = await waiting()
    await rig.enqueue('one')
    const loggedOut = rig.holdfast.logout({ unsent: 'flush', deadlineMs: 60_000 })
    await rig.advance(100)
    await tick(rig)
    rig.last.reply(200)
    await rig.advance()
    expect(await rig.whileResting(loggedOut)).toEqual({ pending: 0 })
    await rig.login('alice')
    await rig.enqueue('two')
    const late = rig.holdfast.logout({ unsent: 'flush', deadlineMs: 1000 })
    await rig.advance(100)
    await tick(rig)
    await rig.advance(1000)
    expect(await rig.whileResting(late)).toEqual({ pending: 1 })
    expect(await beginningsWith('logouts', { rig, journal })).toBeGreaterThan(1)
  })
})

test('a ring that cannot begin anew says why, and so does its replay', async () => {
  const ring = ringJournal({ lines: 12 })
  const never = () => new Promise<never>(() => undefined)
  const rig = await Rig.start({ journal: ring, vault: { seal: never, unseal: never } })
  const ended = Promise.allSettled([rig.holdfast.updateToken('alice', 'a1')])
  for (let n = 0; n < 200; n += 1) rig.holdfast.pause()
  const lines = ring.text().split('\n')
  expect(lines.length).toBeLessThan(8 * 12)
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    beginningLost: true,
    why: 'the question seal has no answer yet',
  })
  await expect(replay(ring.text())).rejects.toMatchObject({
    code: 'JOURNAL_INVALID',
    message: expect.stringContaining('the question seal has no answer yet') as unknown,
  })
  await rig.close()
  await ended
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
