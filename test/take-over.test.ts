/** The process that dispatches dies, stops or closes; who takes over, and when (Q17). */
import { beforeEach, describe, expect, test } from 'vitest'
import type { AppProcess } from './support/app-process.ts'
import {
  appliedBy,
  expectAllOnceInOrder,
  gather,
  openInTurn,
  repetitionsAt,
  report,
} from './support/company.ts'
import { leftOutOnWindows, NO_STOP } from './support/systems.ts'

const cannotStop = leftOutOnWindows('a dispatcher that is stopped', NO_STOP)

/** A machine under load takes seconds to start a process. */
const SLOW_MS = 60_000

/** Two processes; the first dispatches. */
async function pair(options: Parameters<typeof gather>[1] = {}) {
  const company = await gather(2, options)
  await openInTurn(company.apps)
  const [dispatcher, other] = company.apps as [AppProcess, AppProcess]
  return { company, dispatcher, other }
}

async function completedBy(app: AppProcess): Promise<number> {
  const settled = await app.tell('settled', null)
  expect(settled.filter(({ outcome }) => outcome !== 'completed')).toEqual([])
  return settled.length
}

function timersOf(app: AppProcess): Promise<readonly number[]> {
  return app.tell('timers', null)
}

describe('the dispatcher is killed', { timeout: SLOW_MS }, () => {
  // no-loss, stable-key, effect-once, lane-fifo
  test.each([1, 10, 40])(
    'Q17: a process that is used takes over from one killed at sending %i, and nothing is lost, doubled or out of order',
    async (sendings) => {
      const company = await gather(3)
      const { apps, server } = company
      const [dispatcher, second, third] = apps as [AppProcess, AppProcess, AppProcess]
      await openInTurn(apps)
      // Slow enough that it cannot be done before it is killed.
      await server.control.apply({ latencyMs: 20 })
      const ids = await Promise.all([
        dispatcher.tell('enqueue', { user: 'alice', count: 60 }),
        second.tell('enqueue', { user: 'bob', count: 60 }),
        third.tell('enqueue', { user: 'bob', count: 60 }),
      ])
      await dispatcher.heard('operation.sent', sendings)
      await dispatcher.kill()
      expect(appliedBy(server).length).toBeLessThan(180)
      await server.control.apply({ latencyMs: 0 })
      const more = await Promise.all([
        second.tell('enqueue', { user: 'alice', count: 10 }),
        third.tell('enqueue', { user: 'bob', count: 10 }),
      ])
      await Promise.all([completedBy(second), completedBy(third)])
      await Promise.all([second.tell('drained', null), third.tell('drained', null)])
      report(
        `killed at sending ${sendings}, ${repetitionsAt(server)} repetitions suppressed`,
        company,
      )
      expectAllOnceInOrder(server, [...ids, ...more].flat())
      const senders = [second, third].filter((app) => app.ids('operation.sent').length > 0)
      expect(senders).toHaveLength(1)
    },
  )
})

describe('the dispatcher is stopped', { timeout: SLOW_MS }, () => {
  beforeEach(({ skip }) => skip(cannotStop))

  test('Q17: nobody takes over from it; the others store, and once it goes on all is sent in order', async () => {
    const company = await gather(3)
    const { apps, server } = company
    const [dispatcher, ...others] = apps as [AppProcess, ...AppProcess[]]
    await openInTurn(apps)
    const ids = [...(await dispatcher.tell('enqueue', { user: 'alice', count: 5 }))]
    await dispatcher.tell('drained', null)
    dispatcher.signal('SIGSTOP')
    for (let round = 0; round < 5; round += 1) {
      for (const app of others) {
        ids.push(...(await app.tell('enqueue', { user: 'alice', count: 4 })))
      }
    }
    for (const app of others) {
      const { lanes } = await app.tell('status', null)
      expect(lanes.map(({ holds }) => holds.map(({ name }) => name))).toEqual([['other-process']])
    }
    expect(appliedBy(server)).toHaveLength(5)
    dispatcher.signal('SIGCONT')
    await Promise.all(others.map(completedBy))
    report('stopped and continued', company)
    expectAllOnceInOrder(server, ids)
    expect(others.flatMap((app) => app.ids('operation.sent'))).toEqual([])
  })
})

describe('the dispatcher closes', { timeout: SLOW_MS }, () => {
  test('Q17: a waiting process takes over what is pending when it is used', async () => {
    const { company, dispatcher, other } = await pair()
    const { server } = company
    await server.control.apply({ latencyMs: 20 })
    const ids = [...(await other.tell('enqueue', { user: 'alice', count: 60 }))]
    await dispatcher.heard('operation.sent', 5)
    await dispatcher.tell('close', null)
    await server.control.apply({ latencyMs: 0 })
    const appliedCount = appliedBy(server).length
    expect(appliedCount).toBeLessThan(60)
    expect(other.ids('operation.sent')).toEqual([])
    ids.push(...(await other.tell('enqueue', { user: 'bob', count: 5 })))
    expect(await completedBy(other)).toBe(65)
    report('closed', company)
    expectAllOnceInOrder(server, ids)
    // What was in flight came to its end: nothing was sent again.
    expect(other.ids('operation.sent')).toHaveLength(65 - appliedCount)
  })

  test('Q17: of several that wait one takes over by its alarm, also if nobody is used', async () => {
    const company = await gather(3, { clock: 'hand' })
    const { apps, server } = company
    const [dispatcher, ...others] = apps as [AppProcess, AppProcess, AppProcess]
    const [second, third] = others
    await openInTurn(apps)
    // The first second after a start has an alarm of its own.
    await Promise.all(others.map((app) => app.tell('pass', 1000)))
    await dispatcher.tell('hold', 'replied')
    const ids = [
      ...(await second.tell('enqueue', { user: 'alice', count: 10 })),
      ...(await third.tell('enqueue', { user: 'alice', count: 10 })),
    ]
    await dispatcher.held()
    const closed = dispatcher.tell('close', null)
    await dispatcher.tell('release', null)
    await closed
    // What was on its way came to its end, and nothing more was begun.
    expect(appliedBy(server)).toHaveLength(1)
    expect(await Promise.all(others.map(timersOf))).toEqual([[30_000], [30_000]])
    await Promise.all(others.map((app) => app.tell('pass', 30_000)))
    await Promise.all(others.map(completedBy))
    await Promise.all(others.map((app) => app.tell('drained', null)))
    report('closed, an alarm', company)
    expectAllOnceInOrder(server, ids)
    const sentCounts = others.map((app) => app.ids('operation.sent').length)
    expect(sentCounts.sort((a, b) => a - b)).toEqual([0, 19])
    expect(await Promise.all(others.map(timersOf))).toEqual([[], []])
  })

  // Q7, T4
  test('Q17: who takes over keeps to what the server has said to the one before', async () => {
    const { company, dispatcher, other } = await pair({ requirement: 'required', clock: 'hand' })
    const { server } = company
    const { token } = await server.mint('alice')
    await server.control.apply({ revokeUser: 'alice' })
    await other.tell('updateToken', { user: 'alice', token })
    await other.tell('enqueue', { user: 'alice', count: 2 })
    await dispatcher.heard('token.refused')
    await server.control.apply({ failNext: { count: 1, status: 503, retryAfter: 600 } })
    await dispatcher.tell('updateToken', { user: 'bob', token: (await server.mint('bob')).token })
    await other.tell('enqueue', { user: 'bob', count: 2 })
    await dispatcher.heard('operation.retrying')
    await dispatcher.kill()
    await other.tell('enqueue', { user: 'bob', count: 1 })
    await other.heard('token.refused')
    const { lanes } = await other.tell('status', null)
    expect(lanes.map(({ user, holds }) => [user, holds.map(({ name }) => name).sort()])).toEqual([
      ['alice', ['awaiting-token', 'rate-limited']],
      ['bob', ['backing-off', 'rate-limited']],
    ])
    expect(other.ids('operation.sent')).toEqual([])
    // With the random part, which is at most a minute (Q7).
    await other.tell('pass', 660_000)
    await other.heard('operation.completed', 3)
    expect(server.summary().users['alice']?.refused401).toBe(1)
    report('kept to what the server said', company)
  })

  test('Q17: a waiting process takes over by an alarm of 30 s, doubling to 5 min, only while something is pending', async ({
    skip,
  }) => {
    skip(cannotStop)
    const { company, dispatcher, other } = await pair({ clock: 'hand' })
    expect(await timersOf(other)).toEqual([])
    await other.tell('pass', 1000)
    dispatcher.signal('SIGSTOP')
    const ids = await other.tell('enqueue', { user: 'alice', count: 5 })
    for (const seconds of [30, 60, 120, 240, 300, 300]) {
      expect(await timersOf(other)).toEqual([seconds * 1000])
      await other.tell('pass', seconds * 1000)
    }
    await dispatcher.kill()
    expect(appliedBy(company.server)).toEqual([])
    await other.tell('pass', 300_000)
    expect(await completedBy(other)).toBe(5)
    await other.tell('drained', null)
    expect(await timersOf(other)).toEqual([])
    report('an alarm', company)
    expectAllOnceInOrder(company.server, ids)
  })

  test('Q17: one whose operations the dispatcher has sent meanwhile has no alarm any more', async ({
    skip,
  }) => {
    skip(cannotStop)
    const { dispatcher, other } = await pair({ clock: 'hand' })
    dispatcher.signal('SIGSTOP')
    await other.tell('pass', 1000)
    await other.tell('enqueue', { user: 'alice', count: 1 })
    expect(await timersOf(other)).toEqual([30_000])
    dispatcher.signal('SIGCONT')
    await completedBy(other)
    await other.tell('drained', null)
    expect(await timersOf(other)).toEqual([])
  })
})
