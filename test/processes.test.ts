/**
 * Real processes on one file, with a real server: one dispatches, the others store, and take over when
 * it is gone (Q17). They begin together at a start barrier, and nothing here waits by time.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import type { HoldName, Status } from '../src/index.ts'
import type { AppProcess } from './support/app-process.ts'
import {
  appliedBy,
  type Company,
  expectAllOnceInOrder,
  gather,
  openInTurn,
  report,
} from './support/company.ts'
import { KILLED_BY_ITSELF, leftOutOnWindows, NO_STOP } from './support/systems.ts'

const cannotStop = leftOutOnWindows('a dispatcher that is stopped', NO_STOP)

/** A machine under load takes seconds to start a process. */
const SLOW_MS = 60_000

const OWNERS = [null, 'alice', 'bob'] as const

/** Enqueues for each owner, one after the other. */
async function enqueueForAll(app: AppProcess, count: number): Promise<readonly string[]> {
  const ids: string[] = []
  for (const user of OWNERS) ids.push(...(await app.tell('enqueue', { user, count })))
  return ids
}

function holdsIn({ lanes }: Status): readonly HoldName[] {
  return lanes.flatMap(({ holds }) => holds.map(({ name }) => name))
}

function sendersAmong({ apps }: Company): readonly number[] {
  return apps.flatMap((app, index) => (app.ids('operation.sent').length > 0 ? index : []))
}

async function expectSettled(apps: readonly AppProcess[]): Promise<void> {
  const settled = await Promise.all(apps.map((app) => app.tell('settled', null)))
  expect(settled.flat().filter(({ outcome }) => outcome !== 'completed')).toEqual([])
}

const COMMIT_AND_DIE = fileURLToPath(new URL('processes/commit-and-die.ts', import.meta.url))

async function commitAndDie(file: string) {
  const child = spawn(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), COMMIT_AND_DIE, file],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const said = text(child.stdout)
  const [status, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  return { status, signal, said: await said }
}

describe('while one process dispatches', { timeout: SLOW_MS }, () => {
  // Q17, no-loss, effect-once, lane-fifo
  test('Q17: what all enqueue at once, also the dispatcher, is sent by it alone, once and in order', async () => {
    const company = await gather(4)
    const { apps, server } = company
    await openInTurn(apps)
    const ids = await Promise.all(apps.map((app) => enqueueForAll(app, 25)))
    await expectSettled(apps)
    report('one dispatcher, three that enqueue too', company)
    expectAllOnceInOrder(server, ids.flat())
    expect(sendersAmong(company)).toEqual([0])
  })

  test('Q17: the others have the hold other-process, and their receipts settle', async ({
    skip,
  }) => {
    skip(cannotStop)
    const company = await gather(2)
    const [dispatcher, other] = company.apps as [AppProcess, AppProcess]
    await openInTurn(company.apps)
    dispatcher.signal('SIGSTOP')
    const ids = await other.tell('enqueue', { user: 'alice', count: 3 })
    expect(holdsIn(await other.tell('status', null))).toEqual(['other-process'])
    dispatcher.signal('SIGCONT')
    await expectSettled([other])
    await other.tell('drained', null)
    expectAllOnceInOrder(company.server, ids)
  })

  test('Q17: an idle dispatcher notices each enqueue of another process without any timer', async () => {
    const company = await gather(2, { clock: 'hand' })
    const [dispatcher, other] = company.apps as [AppProcess, AppProcess]
    await openInTurn(company.apps)
    const ids: string[] = []
    for (let round = 0; round < 200; round += 1) {
      await dispatcher.tell('drained', null)
      expect(await dispatcher.tell('timers', null)).toEqual([])
      ids.push(...(await other.tell('enqueue', { user: 'alice', count: 1 })))
      await expectSettled([other])
    }
    report('an idle dispatcher without timers', company)
    expectAllOnceInOrder(company.server, ids)
  })

  test('Q17: cancel, retry and discard are refused elsewhere with OTHER_PROCESS', async ({
    skip,
  }) => {
    skip(cannotStop)
    const company = await gather(2)
    const [dispatcher, other] = company.apps as [AppProcess, AppProcess]
    await openInTurn(company.apps)
    dispatcher.signal('SIGSTOP')
    const [id = ''] = await other.tell('enqueue', { user: 'alice', count: 1 })
    for (const name of ['cancel', 'retry', 'discard'] as const) {
      await expect(other.tell(name, id)).rejects.toMatchObject({ code: 'OTHER_PROCESS' })
    }
    dispatcher.signal('SIGCONT')
    await expectSettled([other])
  })

  // T4, T7
  test.each(['updateToken', 'login'] as const)(
    'Q17: after a 401 a token that another process was given (%s) reaches the dispatcher through the vault, and resumes the lane',
    async (call) => {
      // No timer resumes it: time stands still.
      const company = await gather(2, { requirement: 'required', clock: 'hand' })
      const { server } = company
      const [dispatcher, other] = company.apps as [AppProcess, AppProcess]
      await openInTurn(company.apps)
      const stale = await server.mint('alice')
      await server.control.apply({ revokeUser: 'alice' })
      await dispatcher.tell('updateToken', { user: 'alice', token: stale.token })
      const ids = [
        ...(await dispatcher.tell('enqueue', { user: 'alice', count: 2 })),
        ...(await other.tell('enqueue', { user: 'alice', count: 2 })),
      ]
      await dispatcher.heard('token.needed')
      expect(holdsIn(await dispatcher.tell('status', null))).toEqual(['awaiting-token'])
      expect(await dispatcher.tell('timers', null)).toEqual([])
      const fresh = await server.mint('alice')
      await other.tell(call, { user: 'alice', token: fresh.token })
      await expectSettled([dispatcher, other])
      await other.tell('drained', null)
      report(`a token through the vault (${call})`, company)
      expectAllOnceInOrder(server, ids)
      expect(sendersAmong(company)).toEqual([0])
      expect(server.summary().users['alice']?.refused401).toBe(1)
    },
  )

  // Nobody was told that it is stored, but it is.
  test('Q17: what a process committed that died before it could say so is sent, at the latest when another begins', async () => {
    const company = await gather(2, { clock: 'hand' })
    const [dispatcher, other] = company.apps as [AppProcess, AppProcess]
    await dispatcher.tell('open', null)
    const killed = await commitAndDie(company.file)
    expect(killed).toEqual({ ...KILLED_BY_ITSELF, said: '' })
    await other.tell('open', null)
    await dispatcher.heard('operation.completed')
    report('one that died right after its commit', company)
    expect(appliedBy(company.server)).toHaveLength(1)
    expect(sendersAmong(company)).toEqual([0])
  })
})

describe('at the start', { timeout: SLOW_MS }, () => {
  test('Q17: of several that make the file at one instant exactly one dispatches, and none fails', async () => {
    const company = await gather(4)
    const { apps, server } = company
    await Promise.all(apps.map((app) => app.tell('open', null)))
    const ids = await Promise.all(apps.map((app) => enqueueForAll(app, 10)))
    await expectSettled(apps)
    report('four that open a new file at once', company)
    expectAllOnceInOrder(server, ids.flat())
    expect(sendersAmong(company)).toHaveLength(1)
  })
})
