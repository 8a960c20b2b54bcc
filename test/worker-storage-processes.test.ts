/** Processes whose storage is on a worker thread, beside others on the same file (Q17), and how they end (Q19). */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import type { AppProcess } from './support/app-process.ts'
import { expectAllOnceInOrder, gather, openInTurn, report } from './support/company.ts'
import { SqliteLife } from './support/sqlite-life.ts'
import { leftOutOnWindows, NO_STOP } from './support/systems.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const cannotStop = leftOutOnWindows('a dispatcher that is stopped', NO_STOP)

/** A machine under load takes seconds to start a process. */
const SLOW_MS = 60_000

const running = new Set<ReturnType<typeof spawn>>()

afterEach(() => {
  for (const child of running) child.kill('SIGKILL')
  running.clear()
})

const IDLE = fileURLToPath(new URL('processes/idle-on-a-thread.ts', import.meta.url))
const CLOSING = fileURLToPath(new URL('processes/close-a-thread.ts', import.meta.url))

async function completedBy(app: AppProcess): Promise<void> {
  const settled = await app.tell('settled', null)
  expect(settled.filter(({ outcome }) => outcome !== 'completed')).toEqual([])
}

describe('one with the storage on a thread and one without', { timeout: SLOW_MS }, () => {
  test.each([
    ['that dispatches', ['worker', 'main']],
    ['that waits', ['main', 'worker']],
  ] as const)(
    'Q17: notice each other without any timer, with the thread in the one %s',
    async (_which, threads) => {
      const company = await gather(2, { clock: 'hand', threads })
      const [dispatcher, other] = company.apps as [AppProcess, AppProcess]
      await openInTurn(company.apps)
      const ids: string[] = []
      for (let round = 0; round < 30; round += 1) {
        await dispatcher.tell('drained', null)
        expect(await dispatcher.tell('timers', null)).toEqual([])
        ids.push(...(await other.tell('enqueue', { user: 'alice', count: 1 })))
        await completedBy(other)
      }
      const { lanes } = await other.tell('status', null)
      expect(lanes.flatMap(({ holds }) => holds.map(({ name }) => name))).not.toContain(
        'storage-failed',
      )
      report(`a thread in the one ${_which}`, company)
      expectAllOnceInOrder(company.server, ids)
      expect(other.ids('operation.sent')).toEqual([])
    },
  )

  test.skipIf(cannotStop).each([[['worker', 'main']], [['main', 'worker']]] as const)(
    'Q17: one takes over from the other when that is killed (%s)',
    async (threads) => {
      const company = await gather(2, { threads })
      const [dispatcher, other] = company.apps as [AppProcess, AppProcess]
      await openInTurn(company.apps)
      dispatcher.signal('SIGSTOP')
      const ids = [...(await other.tell('enqueue', { user: 'alice', count: 20 }))]
      expect(other.ids('operation.sent')).toEqual([])
      await dispatcher.kill()
      ids.push(...(await other.tell('enqueue', { user: 'bob', count: 5 })))
      await completedBy(other)
      report(`a dispatcher killed (${threads.join(', ')})`, company)
      expectAllOnceInOrder(company.server, ids)
    },
  )
})

// Q19
test(
  'a thread that something of the app keeps busy ends all the same when its storage is closed',
  { timeout: SLOW_MS },
  async () => {
    const preload = 'data:text/javascript,setInterval(()=>{},1e6)'
    const child = spawn(process.execPath, [CLOSING, join(temporaryFolder(), 'outbox.db')], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE_OPTIONS: `--import ${preload}` },
    })
    running.add(child)
    expect(await text(child.stdout)).toBe('closed\n')
  },
)

// Q19
test(
  'a thread keeps the process alive while something is asked of it, and no longer',
  { timeout: SLOW_MS },
  async () => {
    const file = join(temporaryFolder(), 'outbox.db')
    const child = spawn(process.execPath, [IDLE, file], { stdio: ['ignore', 'pipe', 'inherit'] })
    running.add(child)
    const said = text(child.stdout)
    const [status, signal] = (await once(child, 'exit')) as [number | null, string | null]
    expect({ status, signal, said: await said }).toEqual({
      status: 0,
      signal: null,
      said: 'stored\n',
    })
    expect(await (await SqliteLife.open({ file })).pendingCount()).toBe(1)
  },
)
