/** After a large drain the file gives its pages back, in parts, and only a file of our own. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase, { type Database } from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { createHoldfast } from '../src/create-holdfast.ts'
import type { Transport } from '../src/ports/transport.ts'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import { tidy } from '../storage/sqlite/tidying.ts'
import { note } from './support/rig.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const OPERATIONS = 5000
const TEXT = 'x'.repeat(2000)
const MOST_PAGES_PER_TURN = 512

const accepting: Transport = {
  origin: 'https://server.test',
  send: async () => ({
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: '{}',
  }),
}

/** Drains thousands of operations; answers how long the file was before and after. */
async function drain(storage: ReturnType<typeof sqliteStorage>, file: string) {
  const holdfast = await createHoldfast({
    storage,
    transport: accepting,
    operations: [note],
    requirement: 'off',
  })
  holdfast.pause()
  const texts = Array.from({ length: OPERATIONS }, () => note({ text: TEXT }))
  await Promise.all(texts.map(async (draft) => holdfast.enqueue(draft)))
  const before = statSync(file).size + statSync(`${file}-wal`).size
  holdfast.resume()
  const { pending } = await holdfast.flush({ deadlineMs: 60_000 })
  return { holdfast, pending, before }
}

function pages(database: Database, pragma: 'page_count' | 'freelist_count'): number {
  return Number(database.pragma(pragma, { simple: true }))
}

/** A file with thousands of free pages. */
function emptied(vacuum: 'INCREMENTAL' | 'NONE'): Database {
  const database = new SqliteDatabase(join(temporaryFolder(), 'own.db'))
  database.pragma(`auto_vacuum = ${vacuum}`)
  database.pragma('journal_mode = WAL')
  database.exec('CREATE TABLE t (text TEXT)')
  const insert = database.prepare('INSERT INTO t VALUES (?)')
  database.transaction(() => {
    for (let n = 0; n < OPERATIONS; n += 1) insert.run(TEXT)
  })()
  database.exec('DELETE FROM t')
  return database
}

/** Runs it turn by turn; answers how many pages went in each. */
async function tidiedByTurns(database: Database): Promise<number[]> {
  const turns: (() => void)[] = []
  const parts: number[] = []
  let left = pages(database, 'freelist_count')
  const measure = () => {
    const now = pages(database, 'freelist_count')
    parts.push(left - now)
    left = now
  }
  const done = tidy(
    database,
    (run) => void turns.push(run),
    () => true,
  )
  measure()
  for (let run = turns.shift(); run !== undefined; run = turns.shift()) {
    run()
    measure()
    if (parts.length > 100) throw new Error('it never ends')
  }
  await done
  return parts
}

describe('after a large drain', () => {
  test('the file has shrunk', { timeout: 60_000 }, async () => {
    const file = join(temporaryFolder(), 'outbox.db')
    const { holdfast, pending, before } = await drain(sqliteStorage({ file }), file)
    expect(pending).toBe(0)
    for (let turn = 0; turn < 200 && statSync(file).size > 2_000_000; turn += 1) {
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
    }
    expect(before).toBeGreaterThan(10_000_000)
    expect(statSync(file).size).toBeLessThan(2_000_000)
    await holdfast.close()
  })

  test('the database of the app keeps its pages', { timeout: 60_000 }, async () => {
    const file = join(temporaryFolder(), 'app.db')
    const database = new SqliteDatabase(file)
    // Even where the app could give them back.
    database.pragma('auto_vacuum = INCREMENTAL')
    const { holdfast, pending } = await drain(sqliteStorage({ database }), file)
    await holdfast.close()
    expect(pending).toBe(0)
    expect(pages(database, 'freelist_count')).toBeGreaterThan(2000)
    database.close()
  })
})

describe('the thread is blocked by parts only', () => {
  test('no turn moves more than so many pages, and in the end they are gone', async () => {
    const database = emptied('INCREMENTAL')
    const parts = await tidiedByTurns(database)
    expect(Math.max(...parts)).toBeLessThanOrEqual(MOST_PAGES_PER_TURN)
    expect(parts.length).toBeGreaterThan(4)
    expect(pages(database, 'freelist_count')).toBeLessThan(256)
    expect(statSync(database.name).size).toBe(pages(database, 'page_count') * 4096)
    database.close()
  })

  test('a file that was not made for that keeps them, and it ends', async () => {
    const database = emptied('NONE')
    expect(await tidiedByTurns(database)).toEqual([0])
    database.close()
  })

  test('it ends when the database is closed, or the app is in a transaction', async () => {
    const database = emptied('INCREMENTAL')
    database.exec('BEGIN')
    expect(await tidiedByTurns(database)).toEqual([0])
    database.exec('COMMIT')
    const turns: (() => void)[] = []
    const done = tidy(
      database,
      (run) => void turns.push(run),
      () => true,
    )
    database.close()
    turns.shift()?.()
    await done
    expect(turns).toEqual([])
  })
})
