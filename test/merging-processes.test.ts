/**
 * Several processes and operations that merge: an envelope that one process has recorded is the same for
 * whoever sends it after it (Q4, Q5, Q17). What becomes of an envelope on its way is in the hands of the
 * test; nothing here waits by time.
 */
import SqliteDatabase from 'better-sqlite3'
import { beforeEach, describe, expect, test } from 'vitest'
import type { AppProcess } from './support/app-process.ts'
import {
  appliedBy,
  bundlesIn,
  type Company,
  expectBundledOnceInOrder,
  gather,
  openInTurn,
  repetitionsAt,
  report,
} from './support/company.ts'
import { leftOutOnWindows, NO_STOP } from './support/systems.ts'

const cannotStop = leftOutOnWindows('a dispatcher that is stopped', NO_STOP)

/** A machine under load takes seconds to start a process. */
const SLOW_MS = 60_000

/** The first dispatches. Time passes only where the test says so. */
async function pair() {
  const company = await gather(2, { clock: 'hand' })
  await openInTurn(company.apps)
  const [dispatcher, other] = company.apps as [AppProcess, AppProcess]
  return { company, dispatcher, other }
}

/** The keys of the envelopes that are recorded, and how many operations each has. */
function recordedIn({ file }: Company): readonly { key: string; count: number }[] {
  const database = new SqliteDatabase(file, { readonly: true })
  try {
    return database
      .prepare<[], { key: string; count: number }>(
        'SELECT key, json_array_length(members) AS count FROM holdfast_envelopes ORDER BY place',
      )
      .all()
  } finally {
    database.close()
  }
}

/** How many operations each process's envelopes had, by the order in which the server applied them. */
function sizesAt({ server }: Company): readonly number[] {
  return bundlesIn(server).map(({ length }) => length)
}

async function completed(...apps: readonly AppProcess[]): Promise<void> {
  const settled = await Promise.all(apps.map((app) => app.tell('settled', null)))
  expect(settled.flat().filter(({ outcome }) => outcome !== 'completed')).toEqual([])
}

/** An envelope of five is on its way, as far as `moment`, and the other process has put three more behind it. */
async function onItsWay(moment: 'sending' | 'replied') {
  const { company, dispatcher, other } = await pair()
  await dispatcher.tell('hold', moment)
  const first = await other.tell('bundle', { user: 'alice', count: 5 })
  await dispatcher.held()
  const [envelope] = recordedIn(company)
  expect(envelope?.count).toBe(5)
  const behind = await other.tell('bundle', { user: 'alice', count: 3 })
  return { company, dispatcher, other, key: envelope?.key, made: [...first, ...behind] }
}

describe('while one process dispatches', { timeout: SLOW_MS }, () => {
  // Q4, no-loss, effect-once, lane-fifo
  test('Q17: what three others enqueue at once merges, and is sent by it alone, once and in order', async () => {
    const company = await gather(4)
    const { apps, server } = company
    await openInTurn(apps)
    // Slow enough that neighbours come together meanwhile.
    await server.control.apply({ latencyMs: 20 })
    const rounds = apps.slice(1).map(async (app) => {
      const made = []
      for (const user of ['alice', 'bob', 'alice']) {
        made.push(...(await app.tell('bundle', { user, count: 30 })))
      }
      return made
    })
    const made = (await Promise.all(rounds)).flat()
    await completed(...apps)
    await Promise.all(apps.map((app) => app.tell('drained', null)))
    report(`merging, envelopes of ${sizesAt(company).join(', ')}`, company)
    expectBundledOnceInOrder(server, made)
    expect(appliedBy(server).length).toBeLessThan(made.length)
    expect(apps.map((app) => app.ids('operation.sent').length)).toEqual([270, 0, 0, 0])
  })
})

describe('the dispatcher is killed', { timeout: SLOW_MS }, () => {
  // Q5, stable-key, effect-once
  test.each([
    ['after an envelope was recorded and before it left', 'sending', 0],
    ['after the server applied it and before the reply was recorded', 'replied', 1],
  ] as const)(
    'Q17: %s: who takes over sends the same envelope under the same key, and then the rest',
    async (what, moment, repetitions) => {
      const { company, dispatcher, other, key, made } = await onItsWay(moment)
      const { server } = company
      await dispatcher.kill()
      expect(recordedIn(company).map((envelope) => envelope.key)).toEqual([key])
      made.push(...(await other.tell('bundle', { user: 'alice', count: 2 })))
      await completed(other)
      report(`killed ${what}, ${repetitionsAt(server)} repetitions suppressed`, company)
      expectBundledOnceInOrder(server, made)
      expect(sizesAt(company)).toEqual([5, 5])
      expect(appliedBy(server)[0]).toBe(key)
      expect(repetitionsAt(server)).toBe(repetitions)
      expect(recordedIn(company)).toEqual([])
    },
  )

  test('Q17: in the middle of many envelopes of several lanes nothing is lost, doubled or out of order', async () => {
    const company = await gather(3)
    const { apps, server } = company
    const [dispatcher, second, third] = apps as [AppProcess, AppProcess, AppProcess]
    await openInTurn(apps)
    await server.control.apply({ latencyMs: 20 })
    const enqueueRounds = async (app: AppProcess, user: string) => {
      const made = []
      for (let round = 0; round < 6; round += 1) {
        made.push(...(await app.tell('bundle', { user, count: 10 })))
      }
      return made
    }
    const rounds = [enqueueRounds(second, 'alice'), enqueueRounds(third, 'bob')]
    await dispatcher.heard('operation.sent', 15)
    await dispatcher.kill()
    const made = (await Promise.all(rounds)).flat()
    made.push(...(await enqueueRounds(second, 'bob')), ...(await enqueueRounds(third, 'alice')))
    await completed(second, third)
    const what = `merging, killed in the middle, ${repetitionsAt(server)} repetitions suppressed`
    report(`${what}, envelopes of ${sizesAt(company).join(', ')}`, company)
    expectBundledOnceInOrder(server, made)
    const senders = [second, third].filter((app) => app.ids('operation.sent').length > 0)
    expect(senders).toHaveLength(1)
  })
})

describe('the dispatcher is stopped with an envelope on its way', { timeout: SLOW_MS }, () => {
  beforeEach(({ skip }) => skip(cannotStop))

  /** The other process is used, and its alarm comes, and it must not take over: the lock is held. */
  async function expectNotTakenOver(other: AppProcess) {
    // The first try of a process that has just started comes after 1 s.
    for (const seconds of [1, 30, 60, 120]) {
      expect(await other.tell('timers', null)).toEqual([seconds * 1000])
      await other.tell('pass', seconds * 1000)
    }
    const behind = await other.tell('bundle', { user: 'alice', count: 2 })
    const { lanes } = await other.tell('status', null)
    expect(lanes.map(({ holds }) => holds.map(({ name }) => name))).toEqual([['other-process']])
    expect(other.ids('operation.sent')).toEqual([])
    return behind
  }

  test.each(['sending', 'replied'] as const)(
    'Q17: nobody takes over from it (%s); once it goes on, it sends all, once and in order',
    async (moment) => {
      const { company, dispatcher, other, key, made } = await onItsWay(moment)
      const { server } = company
      dispatcher.signal('SIGSTOP')
      made.push(...(await expectNotTakenOver(other)))
      expect(recordedIn(company).map((envelope) => envelope.key)).toEqual([key])
      dispatcher.signal('SIGCONT')
      await dispatcher.tell('release', null)
      await completed(other)
      await dispatcher.tell('drained', null)
      report(`merging, stopped while ${moment} and continued`, company)
      expectBundledOnceInOrder(server, made)
      expect(sizesAt(company)).toEqual([5, 5])
      expect(appliedBy(server)[0]).toBe(key)
      expect([repetitionsAt(server), other.ids('operation.sent')]).toEqual([0, []])
    },
  )

  // Q5, stable-key
  test.each([
    ['before the reply is heard', 'sent again under the same key', 1],
    ['after the reply is heard', 'not sent again', 0],
  ] as const)(
    'Q17: where its timers fire late, %s, the envelope is %s',
    async (when, _what, repetitions) => {
      const { company, dispatcher, other, key, made } = await onItsWay('replied')
      const { server } = company
      dispatcher.signal('SIGSTOP')
      // Far more than any wait for a reply.
      const isLate = repetitions === 1
      // A reply that comes in the same turn as the alarm is still heard (Q6).
      const told = isLate
        ? [dispatcher.tell('pass', 3_600_000)]
        : [dispatcher.tell('release', null)]
      made.push(...(await expectNotTakenOver(other)))
      dispatcher.signal('SIGCONT')
      await Promise.all(told)
      if (isLate) {
        await dispatcher.heard('operation.retrying', 5)
        await dispatcher.tell('release', null)
      } else await completed(other)
      // More than the wait after the failure, and less than the wait for the reply to a request that is out by now.
      await dispatcher.tell('pass', 1000)
      await completed(other)
      await dispatcher.tell('drained', null)
      report(`merging, timers late ${when}, ${repetitionsAt(server)} suppressed`, company)
      expectBundledOnceInOrder(server, made)
      expect(sizesAt(company)).toEqual([5, 5])
      expect(appliedBy(server)[0]).toBe(key)
      expect(repetitionsAt(server)).toBe(repetitions)
      expect(other.ids('operation.sent')).toEqual([])
    },
  )

  test('Q17: if it is killed instead, another one takes over by its alarm, with the same envelope', async () => {
    const { company, dispatcher, other, key, made } = await onItsWay('replied')
    const { server } = company
    dispatcher.signal('SIGSTOP')
    made.push(...(await expectNotTakenOver(other)))
    await dispatcher.kill()
    await other.tell('pass', 240_000)
    await completed(other)
    report('merging, stopped and then killed', company)
    expectBundledOnceInOrder(server, made)
    expect(sizesAt(company)).toEqual([5, 5])
    expect(appliedBy(server)[0]).toBe(key)
    expect(repetitionsAt(server)).toBe(1)
  })
})
