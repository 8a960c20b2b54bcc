/**
 * A process that is killed in the midst of its work loses nothing that it acknowledged. (That says
 * nothing about a power cut: what the kernel has been given survives a process without any sync.)
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import SqliteDatabase from 'better-sqlite3'
import { afterEach, expect, test } from 'vitest'
import type { LaneId } from '../src/model.ts'
import type { Durability } from '../storage/sqlite/connection.ts'
import { SqliteLife } from './support/sqlite-life.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const CHILD = fileURLToPath(new URL('processes/enqueue-until-killed.ts', import.meta.url))
const ALICES_LANE = 1 as LaneId
const PAGE = 1000

const running = new Set<ReturnType<typeof spawn>>()

afterEach(() => {
  for (const child of running) child.kill('SIGKILL')
})

/** Runs a process until it has acknowledged so many operations, kills it, and answers with all it said. */
async function acknowledgedUntilKilled(
  file: string,
  durability: Durability,
  count: number,
): Promise<readonly string[]> {
  const child = spawn(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), CHILD, file, durability, '8'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  running.add(child)
  const closed = once(child, 'close')
  const acknowledged: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged.push(line)
    if (acknowledged.length === count) child.kill('SIGKILL')
  }
  const [, signal] = (await closed) as [number | null, NodeJS.Signals | null]
  running.delete(child)
  expect(signal, 'the process ended by itself').toBe('SIGKILL')
  return acknowledged
}

/** What a new storage on the file finds pending, page by page. */
async function pendingIn(file: string): Promise<readonly string[]> {
  const { storage } = await SqliteLife.open({ file })
  const ids: string[] = []
  let after = 0
  for (;;) {
    const rows = await storage.window(ALICES_LANE, after, PAGE)
    ids.push(...rows.map(({ id }) => id))
    const last = rows.at(-1)
    if (last === undefined) break
    expect(last.place - after).toBe(rows.length * 1024)
    after = last.place
  }
  await storage.close()
  return ids
}

function expectIntact(file: string, pendingCount: number): void {
  const database = new SqliteDatabase(file)
  expect(database.pragma('integrity_check', { simple: true })).toBe('ok')
  const counted = database.prepare('SELECT pending FROM holdfast_lanes_now WHERE lane = ?').pluck()
  expect(counted.get(ALICES_LANE)).toBe(pendingCount)
  database.close()
}

function report(what: string, acknowledged: number, found: number): void {
  process.stdout.write(
    `\n  kill -9, ${what}: ${acknowledged} acknowledged, ${found} found, 0 lost\n`,
  )
}

// durable-before-ack, no-loss
test.each(['power-loss', 'app-crash'] as const)(
  'whatever was acknowledged before a SIGKILL is there after it (%s)',
  async (durability) => {
    const file = join(temporaryFolder(), 'outbox.db')
    const acknowledged: string[] = []
    for (const count of [1, 10, 100, 1000, 10_000]) {
      const said = await acknowledgedUntilKilled(file, durability, count)
      expect(said.length).toBeGreaterThanOrEqual(count)
      acknowledged.push(...said)
      const found = new Set(await pendingIn(file))
      expect(acknowledged.filter((id) => !found.has(id))).toEqual([])
    }
    const found = await pendingIn(file)
    expect(new Set(found).size).toBe(found.length)
    expectIntact(file, found.length)
    report(durability, acknowledged.length, found.length)
  },
  60_000,
)

// durable-before-ack, no-loss
test('the same holds for several processes that make the file at the same moment', async () => {
  const file = join(temporaryFolder(), 'outbox.db')
  const said = await Promise.all(
    [100, 200, 400].map((count) => acknowledgedUntilKilled(file, 'power-loss', count)),
  )
  const acknowledged = said.flat()
  const found = new Set(await pendingIn(file))
  expect(new Set(acknowledged).size).toBe(acknowledged.length)
  expect(acknowledged.filter((id) => !found.has(id))).toEqual([])
  expectIntact(file, found.size)
  report('three processes', acknowledged.length, found.size)
}, 60_000)
