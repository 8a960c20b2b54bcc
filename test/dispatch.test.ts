/** Which engine dispatches, what it hears of the others, and when it tries again (Q17). */
import SqliteDatabase from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { replay } from '../src/journal/replay.ts'
import { defineOperation } from '../src/operations/define-operation.ts'
import { gate } from './support/gate.ts'
import { type Neighbour, neighbours } from './support/neighbours.ts'
import { note, replying } from './support/rig.ts'

const SENT_BY_ITSELF = { requirement: 'off', answer: replying(200) } as const

/** Both are open; the first dispatches. */
async function opened(options: Parameters<typeof neighbours>[0] = SENT_BY_ITSELF) {
  const both = neighbours(options)
  await both.first.rig.open()
  await both.second.rig.open()
  return both
}

/** Enqueues, and says how it ended, once it has. */
async function enqueue({ rig }: Neighbour, text: string): Promise<() => string | null> {
  const receipt = await rig.whileResting(rig.holdfast.enqueue(note({ text })))
  let outcome: string | null = null
  void receipt.settled.then((settlement) => {
    outcome = settlement.outcome
  })
  return () => outcome
}

function errorsOf({ rig }: Neighbour): readonly string[] {
  return rig.eventsOf('error').map(({ error }) => error.code)
}

// Q17, E2
describe('a commit of another process that cannot be read', () => {
  test('is read again after 1 s, doubling, until that works, and then sent', async () => {
    const { first, second } = await opened()
    await enqueue(second, 'one')
    first.failOn('reload')
    await first.hear()
    expect(errorsOf(first)).toEqual(['STORAGE_BUSY'])
    for (const ms of [1000, 2000, 4000]) {
      expect(first.nextAlarmMs).toBe(ms)
      await first.rig.advance(ms)
    }
    expect(first.rig.sent).toEqual([])
    first.failOn()
    await first.rig.advance(8000)
    expect(first.rig.bodies).toEqual(['one'])
    expect(first.nextAlarmMs).toBeNull()
  })

  test('does not wait for that where another commit is noticed first, and then begins at 1 s again', async () => {
    const { first, second } = await opened()
    await enqueue(second, 'one')
    first.failOn('reload')
    await first.hear()
    await first.rig.advance(1000)
    first.failOn()
    await enqueue(second, 'two')
    await first.hear()
    expect(first.rig.bodies).toEqual(['one', 'two'])
    expect(first.nextAlarmMs).toBeNull()
    first.failOn('reload')
    await first.hear()
    expect(first.nextAlarmMs).toBe(1000)
  })

  test('holds every lane with something pending meanwhile, as what is stored is not known', async () => {
    const { first } = await opened({ requirement: 'off' })
    await enqueue(first, 'one')
    await enqueue(first, 'two')
    first.failOn('reload')
    await first.hear()
    expect(first.rig.eventsOf('lane.held')).toMatchObject([
      { user: null, hold: 'storage-failed', cause: 'storage answers STORAGE_BUSY' },
    ])
    first.rig.last.reply(200)
    await first.rig.advance()
    await first.rig.login('alice')
    await enqueue(first, 'of alice')
    expect(first.rig.holdsOf('alice')).toEqual(['storage-failed'])
    expect(first.rig.bodies).toEqual(['one'])
    first.failOn()
    await first.rig.advance(1000)
    expect(first.rig.eventsOf('lane.released')).toMatchObject([
      { user: null, hold: 'storage-failed' },
      { user: 'alice', hold: 'storage-failed' },
    ])
    expect(first.rig.bodies).toEqual(['one', 'two', 'of alice'])
    expect((await replay(first.rig.journal.lines().join('\n'))).decided).toBeGreaterThan(0)
  })

  test('holds a lane whose reply cannot be recorded either until both work again, and once', async () => {
    const { first } = await opened({ requirement: 'off' })
    await enqueue(first, 'one')
    await enqueue(first, 'two')
    const database = new SqliteDatabase(first.file)
    database.exec(`CREATE TRIGGER stuck BEFORE DELETE ON holdfast_operations
      BEGIN SELECT RAISE(ABORT, 'scripted'); END`)
    first.failOn('reload')
    await first.hear()
    first.rig.last.reply(200)
    await first.rig.advance()
    expect(first.rig.holdsOf(null)).toEqual(['storage-failed'])
    first.failOn()
    await first.rig.advance(2000)
    expect(first.rig.holdsOf(null)).toEqual(['storage-failed'])
    first.failOn('reload')
    await first.hear()
    database.exec('DROP TRIGGER stuck')
    await first.rig.advance(60_000)
    expect(first.rig.holdsOf(null)).toEqual(['storage-failed'])
    expect(first.rig.bodies).toEqual(['one'])
    first.failOn()
    await first.rig.advance(first.nextAlarmMs ?? 0)
    expect(first.rig.holdsOf(null)).toEqual([])
    expect(first.rig.bodies).toEqual(['one', 'two'])
    expect(first.rig.eventsOf('lane.held')).toHaveLength(1)
    database.close()
  })

  test('settles the receipts of the one that waits, once it could be read', async () => {
    const { first, second } = await opened()
    const outcome = await enqueue(second, 'one')
    await first.hear()
    second.failOn('reload')
    await second.hear()
    expect(outcome()).toBeNull()
    second.failOn()
    await second.rig.advance(1000)
    expect(outcome()).toBe('completed')
    expect(second.nextAlarmMs).toBeNull()
  })

  test('settles the receipts also where it is only them that could not be asked about', async () => {
    const { first, second } = await opened()
    const outcome = await enqueue(second, 'one')
    await first.hear()
    second.failOn('settled')
    await second.hear()
    expect(outcome()).toBeNull()
    second.failOn()
    await second.rig.advance(1000)
    expect(outcome()).toBe('completed')
    expect(second.nextAlarmMs).toBeNull()
  })

  test('leaves no alarm when the engine closes meanwhile', async () => {
    const { first, second } = await opened()
    await enqueue(second, 'one')
    first.failOn('reload', 'settled')
    await first.hear()
    await first.rig.close()
    expect(first.nextAlarmMs).toBeNull()
  })
})

// Q17
describe('the one that has got the lock', () => {
  test('takes over once it could read what is stored, also if that fails at first', async () => {
    const { first, second } = await opened()
    await enqueue(second, 'one')
    await first.rig.close()
    second.failOn('reload')
    await enqueue(second, 'two')
    expect(second.rig.holdsOf(null)).toEqual(['other-process', 'storage-failed'])
    second.failOn()
    await second.rig.advance(1000)
    expect(second.rig.bodies).toEqual(['one', 'two'])
    expect(second.rig.holdsOf(null)).toEqual([])
    expect(second.nextAlarmMs).toBeNull()
  })

  test('takes over too where it hears of a commit before it tries again', async () => {
    const { first, second } = await opened()
    await enqueue(second, 'one')
    await first.rig.close()
    second.failOn('reload')
    await enqueue(second, 'two')
    second.failOn()
    await second.hear()
    expect(second.rig.bodies).toEqual(['one', 'two'])
    expect(second.nextAlarmMs).toBeNull()
  })

  test('does not take over on what it read before: the other one was still sending', async () => {
    const { first, second } = await opened({ requirement: 'off' })
    await enqueue(second, 'one')
    await enqueue(second, 'two')
    await first.hear()
    const answered = second.answerLate()
    await second.hear()
    first.rig.last.reply(200)
    await first.rig.advance()
    await first.rig.close()
    second.failOn('reload')
    await enqueue(second, 'three')
    second.failOn()
    answered()
    await second.rig.advance()
    expect(second.rig.holdsOf(null)).toEqual(['other-process', 'storage-failed'])
    expect(second.rig.sent).toEqual([])
    await second.rig.advance(1000)
    expect(second.rig.bodies).toEqual(['two'])
  })

  test('gives it back where it cannot read at the start what is stored', async () => {
    const { first, second } = neighbours(SENT_BY_ITSELF)
    first.failOn('reload')
    await expect(first.rig.open()).rejects.toMatchObject({ code: 'STORAGE_BUSY' })
    await second.rig.open()
    await enqueue(second, 'one')
    expect(second.rig.bodies).toEqual(['one'])
  })
})

// Q17
describe('one that waits', () => {
  test.each([
    ['was refused by its schema', 'off', false],
    ['was dropped', 'required', true],
  ] as const)(
    'has no alarm while nothing is pending, also once a call %s',
    async (...[, requirement, fits]) => {
      const checked = gate<boolean>()
      const late = defineOperation({
        kind: 'late',
        payload: z.object({ text: z.string() }).refine(() => checked.promise),
        request: ({ payload }) => ({ method: 'POST', path: '/late', body: payload }),
      })
      const { second } = await opened({ requirement, operations: [late] })
      await second.rig.advance(1000)
      expect(second.nextAlarmMs).toBeNull()
      const call = second.rig.holdfast.enqueue(late({ text: 'one' })).catch(() => null)
      await second.rig.advance()
      expect(second.nextAlarmMs).toBe(30_000)
      checked.open(fits)
      await call
      await second.rig.advance()
      expect(second.nextAlarmMs).toBeNull()
    },
  )

  test('has an alarm from its start on, where something is pending by then', async () => {
    const { first, second } = neighbours({ requirement: 'off' })
    await first.rig.open()
    await enqueue(first, 'one')
    await second.rig.open()
    expect(second.nextAlarmMs).toBe(1000)
    await second.rig.advance(1000)
    expect(second.nextAlarmMs).toBe(30_000)
    await first.rig.close()
    await second.rig.advance(30_000)
    expect(second.rig.bodies).toEqual(['one'])
  })

  // A system may free the locks of a dead process only after a moment.
  test.each([
    [900, 1000],
    [1500, 31_000],
  ])(
    'that has just started takes over from one that lets go after %i ms when it has waited %i ms',
    async (letsGoAfterMs, takesOverAtMs) => {
      const { first, second } = neighbours({ requirement: 'off' })
      await first.rig.open()
      await enqueue(first, 'one')
      await second.rig.open()
      await second.rig.advance(letsGoAfterMs)
      await first.rig.close()
      await second.rig.advance(takesOverAtMs - letsGoAfterMs - 1)
      expect(second.rig.bodies).toEqual([])
      await second.rig.advance(1)
      expect(second.rig.bodies).toEqual(['one'])
      expect((await replay(second.rig.journal.lines().join('\n'))).decided).toBeGreaterThan(0)
    },
  )

  test('that has just started waits no longer than to the end of the first second for what comes in it', async () => {
    const { second } = await opened({ requirement: 'off' })
    expect(second.nextAlarmMs).toBeNull()
    await second.rig.advance(400)
    await enqueue(second, 'one')
    expect(second.nextAlarmMs).toBe(600)
    await second.rig.advance(600)
    expect(second.nextAlarmMs).toBe(30_000)
    await second.rig.advance(30_000)
    expect(second.nextAlarmMs).toBe(60_000)
  })

  test('that is used after 1.5 s takes over then, and its alarm ends', async () => {
    const { first, second } = neighbours({ requirement: 'off', answer: replying(200) })
    await first.rig.open()
    await first.rig.login('alice')
    first.rig.holdfast.pause()
    await second.rig.open()
    await enqueue(second, 'one')
    await second.rig.advance(1500)
    await first.rig.close()
    await enqueue(second, 'two')
    expect(second.rig.bodies).toEqual(['one', 'two'])
    expect(second.nextAlarmMs).toBeNull()
  })

  test('waits 30 s, doubling to 5 min, and 30 s again once nothing was pending in between', async () => {
    const { first, second } = await opened({ requirement: 'off' })
    await second.rig.advance(1000)
    await enqueue(second, 'one')
    for (const seconds of [30, 60, 120, 240, 300, 300]) {
      expect(second.nextAlarmMs).toBe(seconds * 1000)
      await second.rig.advance(seconds * 1000)
    }
    await first.hear()
    first.rig.last.reply(200)
    await first.rig.advance()
    await second.hear()
    expect(second.nextAlarmMs).toBeNull()
    await enqueue(second, 'two')
    expect(second.nextAlarmMs).toBe(30_000)
  })

  test('neither begins its wait anew nor has a second alarm when it is used meanwhile', async () => {
    const { second } = await opened({ requirement: 'off' })
    await second.rig.advance(1000)
    await enqueue(second, 'one')
    await second.rig.advance(20_000)
    await enqueue(second, 'two')
    expect(second.nextAlarmMs).toBe(10_000)
    await second.rig.advance(10_000)
    expect(second.nextAlarmMs).toBe(60_000)
  })

  test('asks about all receipts in one question', async () => {
    const { first, second } = await opened()
    const outcomes = []
    for (let n = 0; n < 20; n += 1) outcomes.push(await enqueue(second, String(n)))
    const before = second.asked.get('settled') ?? 0
    await first.hear()
    await second.hear()
    expect(outcomes.map((outcome) => outcome())).toEqual(outcomes.map(() => 'completed'))
    expect(second.asked.get('settled')).toBe(before + 1)
  })

  test('asks about all that its reads wait for in one question', async () => {
    const { first, second } = await opened()
    const ids: string[] = []
    for (let n = 0; n < 20; n += 1) ids.push(await second.rig.enqueue(String(n)))
    const read = (after: readonly string[]) =>
      second.rig.holdfast.read({ request: () => ({ method: 'GET', path: '/messages' }), after })
    const reads = [read(ids), read(ids.slice(0, 10))]
    await second.rig.advance()
    expect(second.asked.get('settled')).toBe(2)
    await first.hear()
    await second.hear()
    await Promise.all(reads)
    expect(second.asked.get('settled')).toBe(3)
  })
})

// Q17, E3
describe('a lock that cannot be asked for, as on a drive that has none', () => {
  test('is told of once, though it is tried at every use, and again once it has worked meanwhile', async () => {
    const { second } = await opened()
    second.failOn('lock')
    await enqueue(second, 'one')
    await enqueue(second, 'two')
    await second.rig.advance(400_000)
    expect(second.rig.eventsOf('error').map(({ error }) => [error.code, error.message])).toEqual([
      ['STORAGE_BUSY', 'it could not be asked which process dispatches'],
    ])
    second.failOn()
    await enqueue(second, 'three')
    second.failOn('lock')
    await enqueue(second, 'four')
    expect(errorsOf(second)).toEqual(['STORAGE_BUSY', 'STORAGE_BUSY'])
  })
})
