/**
 * E2: a salvage that is killed, at whatever step, loses nothing and is never taken for a whole one: the next opening goes
 * on where it ended, and comes to the same.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import SqliteDatabase from 'better-sqlite3'
import { afterEach, expect, test } from 'vitest'
import type { StorageError } from '../storage/storage-error.ts'
import { filledFile, rowsIn } from './support/salvage-rows.ts'
import { SqliteLife } from './support/sqlite-life.ts'
import { KILLED_BY_ITSELF } from './support/systems.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const CHILD = fileURLToPath(new URL('processes/salvage-until-killed.ts', import.meta.url))
const ASIDE = 'outbox.db.corrupt-2026-01-01T00-00-00-000Z'

/** More steps than there are. */
const MOST_STEPS = 40

const running = new Set<ReturnType<typeof spawn>>()

afterEach(() => {
  for (const child of running) child.kill('SIGKILL')
})

/** Answers whether the process came to the end. */
async function salvageUntil(file: string, step: number): Promise<boolean> {
  const child = spawn(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), CHILD, file, String(step)],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  )
  running.add(child)
  const [status, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  running.delete(child)
  expect({ status, signal }).toEqual(status === 0 ? { status, signal: null } : KILLED_BY_ITSELF)
  return status === 0
}

/** A database with a page of operations and the page of envelopes overwritten, found by an earlier run. */
async function damagedFile(): Promise<string> {
  const file = await filledFile(120)
  const database = new SqliteDatabase(file, { readonly: true })
  const leaves = database
    .prepare<[], { name: string; pageno: number }>(
      `SELECT name, pageno FROM dbstat WHERE pagetype = 'leaf' ORDER BY path`,
    )
    .all()
  database.close()
  const pageOf = (table: string) => leaves.filter(({ name }) => name === table)[2]?.pageno ?? 0
  const envelopes = leaves.find(({ name }) => name === 'holdfast_envelopes')?.pageno ?? 0
  const bytes = readFileSync(file)
  for (const page of [pageOf('holdfast_operations'), envelopes]) {
    bytes.fill(0xa5, (page - 1) * 4096, page * 4096)
  }
  writeFileSync(file, bytes)
  return file
}

function copyOf(file: string): string {
  const copy = join(temporaryFolder(), 'outbox.db')
  copyFileSync(file, copy)
  writeFileSync(`${copy}-damaged`, '')
  return copy
}

/** But for the file that they are in, which is another one each time. */
function allRows(file: string): unknown {
  return Array.from(rowsIn(file), ([table, rows]) => [
    table,
    rows.filter(({ name }) => table !== 'holdfast_meta' || name !== 'file'),
  ])
}

test('a salvage that is killed at any step is finished by the next opening', async () => {
  const damaged = await damagedFile()
  const bytes = readFileSync(damaged)
  const whole = copyOf(damaged)
  expect(await salvageUntil(whole, 1_000_000)).toBe(true)
  const expected = allRows(whole)
  let steps = 0
  for (; steps < MOST_STEPS; steps += 1) {
    const file = copyOf(damaged)
    if (await salvageUntil(file, steps)) break
    // Without the mark, the salvage is whole and there is nothing left to tell.
    const isOpen = existsSync(`${file}-damaged`)
    const refused = await SqliteLife.open({ file, durability: 'app-crash' }).then(
      ({ storage }) => storage.close().then(() => null),
      ({ code }: StorageError) => code,
    )
    expect(refused, `step ${steps}`).toBe(isOpen ? 'STORAGE_CORRUPT' : null)
    const life = await SqliteLife.open(
      { file, durability: 'app-crash', onCorrupt: 'set-aside' },
      { recordedKinds: {} },
    )
    expect(life.opened?.salvaged === undefined, `step ${steps}`).toBe(!isOpen)
    await life.storage.close()
    expect(allRows(file), `step ${steps}`).toEqual(expected)
    expect(readFileSync(join(file, '..', ASIDE)).equals(bytes), `step ${steps}`).toBe(true)
    expect(existsSync(`${file}-damaged`)).toBe(false)
    const names = readdirSync(join(file, '..')).filter((name) => name.includes('corrupt'))
    // Who reads the set-aside file leaves these when it is killed.
    expect(names.filter((name) => !/-(?:wal|shm)$/.test(name))).toEqual([ASIDE])
  }
  expect(steps).toBeGreaterThan(10)
  expect(steps).toBeLessThan(MOST_STEPS)
}, 300_000)
