/** The process that dispatches dies, stops or closes; who takes over, and when (Q17). */
import { describe, expect, test } from 'vitest'
import type { AppProcess } from './support/app-process.ts'
import {
  appliedBy,
  type Company,
  expectAllOnceInOrder,
  gather,
  openInTurn,
  report,
} from './support/company.ts'

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

/** Keys that came while in progress, or after they were applied: what the server told apart. */
function duplicatesIn({ server }: Company): string {
  const { users } = server.summary()
  const all = Object.values(users)
  const suppressed = all.reduce((sum, user) => sum + user.duplicatesSuppressed, 0)
  return `${suppressed} repetitions suppressed`
}

describe('the dispatcher is killed', () => {
  // no-loss, stable-key, effect-once, lane-fifo
  test.each([1, 10, 40])(
    'Q17: a process that is used takes over from one killed at sending %i, and nothing is lost, doubled or out of order',
    async (sendings) => {
      const company = await gather(3)
      const { apps, server } = company
      const [dispatcher, second, third] = apps as [AppProcess, AppProcess, AppProcess]
      await openInTurn(apps)
      const ids: string[] = []
      for (const app of [second, third]) {
        ids.push(...(await app.tell('enqueue', { user: 'bob', count: 20 })))
      }
      const killed = dispatcher.heard('operation.sent', sendings).then(() => dispatcher.kill())
      ids.push(...(await dispatcher.tell('enqueue', { user: 'alice', count: 40 })))
      await killed
      const more = await Promise.all([
        second.tell('enqueue', { user: 'alice', count: 10 }),
        third.tell('enqueue', { user: 'bob', count: 10 }),
      ])
      await Promise.all([completedBy(second), completedBy(third)])
      await Promise.all([second.tell('drained', null), third.tell('drained', null)])
      report(`killed at sending ${sendings}, ${duplicatesIn(company)}`, company)
      expectAllOnceInOrder(server, [...ids, ...more.flat()])
      const senders = [second, third].filter((app) => app.ids('operation.sent').length > 0)
      expect(senders).toHaveLength(1)
    },
  )
})

describe('the dispatcher is stopped', () => {
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

describe('the dispatcher closes', () => {
  test('Q17: a waiting process takes over what is pending when it is used', async () => {
    const { company, dispatcher, other } = await pair()
    await company.server.control.apply({ failNext: { count: 1, status: 503, retryAfter: 3600 } })
    const ids = [...(await other.tell('enqueue', { user: 'alice', count: 5 }))]
    await dispatcher.heard('operation.sent')
    await dispatcher.tell('close', null)
    expect(appliedBy(company.server)).toEqual([])
    ids.push(...(await other.tell('enqueue', { user: 'bob', count: 5 })))
    report('closed', company)
    expect(ids).toHaveLength(10)
  })

  test('Q17: a waiting process takes over by an alarm of 30 s, doubling to 5 min, only while something is pending', async () => {
    const { company, dispatcher, other } = await pair({ clock: 'hand' })
    expect(await timersOf(other)).toEqual([])
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

  test('Q17: one whose operations the dispatcher has sent meanwhile has no alarm any more', async () => {
    const { dispatcher, other } = await pair({ clock: 'hand' })
    dispatcher.signal('SIGSTOP')
    await other.tell('enqueue', { user: 'alice', count: 1 })
    expect(await timersOf(other)).toEqual([30_000])
    dispatcher.signal('SIGCONT')
    await completedBy(other)
    await other.tell('drained', null)
    expect(await timersOf(other)).toEqual([])
  })
})
