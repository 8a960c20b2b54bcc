/**
 * `npm run bench`: what Holdfast costs over bare SQLite, in one run, as ratios. Three rounds, the median
 * of each; absolute figures drift with the machine, ratios hardly.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { z } from 'zod'
import { createHoldfast, defineOperation, sqliteStorage, type Transport } from '../src/index.ts'

const OPERATIONS = 2000
const ROUNDS = 3
const TEXT = 'x'.repeat(190)

const note = defineOperation({
  kind: 'note',
  payload: z.object({ text: z.string() }),
  request: ({ payload, owner }) => ({
    method: 'POST',
    path: `/users/${owner.user}/notes`,
    body: payload,
  }),
})

/** Answers at once: what is measured is Holdfast and SQLite. */
const noServer: Transport = {
  origin: 'https://nowhere.invalid',
  send: async () => ({ status: 200, headers: {}, body: '' }),
}

type Durability = 'power-loss' | 'app-crash'

/** Operations per second of one kind of work, in a new folder. */
type Work = (folder: string, durability: Durability) => Promise<number>

async function perSecond(count: number, work: () => Promise<void> | void): Promise<number> {
  const started = performance.now()
  await work()
  return (count / (performance.now() - started)) * 1000
}

const rawInsert: Work = async (folder, durability) => {
  const database = new SqliteDatabase(join(folder, 'raw.db'))
  database.pragma('journal_mode = WAL')
  database.exec('CREATE TABLE notes (id INTEGER PRIMARY KEY, payload TEXT NOT NULL) STRICT')
  database.pragma(`synchronous = ${durability === 'power-loss' ? 'FULL' : 'NORMAL'}`)
  const insert = database.prepare<[string]>('INSERT INTO notes (payload) VALUES (?)')
  const payload = JSON.stringify({ text: TEXT })
  const rate = await perSecond(OPERATIONS, () => {
    for (let n = 0; n < OPERATIONS; n += 1) insert.run(payload)
  })
  database.close()
  return rate
}

async function withEngine(
  folder: string,
  durability: Durability,
  work: (engine: Awaited<ReturnType<typeof createHoldfast>>) => Promise<number>,
): Promise<number> {
  const engine = await createHoldfast({
    storage: sqliteStorage({ file: join(folder, 'outbox.db'), durability }),
    transport: noServer,
    operations: [note],
    requirement: 'off',
  })
  engine.pause()
  await engine.login('alice')
  const rate = await work(engine)
  await engine.close()
  return rate
}

const oneByOne: Work = (folder, durability) =>
  withEngine(folder, durability, (engine) =>
    perSecond(OPERATIONS, async () => {
      for (let n = 0; n < OPERATIONS; n += 1) await engine.enqueue(note({ text: TEXT }))
    }),
  )

const concurrent: Work = (folder, durability) =>
  withEngine(folder, durability, (engine) =>
    perSecond(OPERATIONS, async () => {
      await Promise.all(
        Array.from({ length: OPERATIONS }, () => engine.enqueue(note({ text: TEXT }))),
      )
    }),
  )

const drain: Work = (folder, durability) =>
  withEngine(folder, durability, async (engine) => {
    await Promise.all(
      Array.from({ length: OPERATIONS }, () => engine.enqueue(note({ text: TEXT }))),
    )
    return perSecond(OPERATIONS, async () => {
      const drained = new Promise<void>((resolve) => {
        engine.on('queue.drained', () => resolve())
      })
      engine.resume()
      await drained
    })
  })

const WORKS: Readonly<Record<string, Work>> = {
  'raw insert, one commit each': rawInsert,
  'enqueue, awaited one by one': oneByOne,
  'enqueue, all at once': concurrent,
  'drain, one lane, no-op transport': drain,
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

async function measure(durability: Durability): Promise<void> {
  const rates = new Map<string, number[]>()
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, work] of Object.entries(WORKS)) {
      const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'))
      try {
        rates.set(name, [...(rates.get(name) ?? []), await work(folder, durability)])
      } finally {
        rmSync(folder, { recursive: true })
      }
    }
  }
  const raw = median(rates.get('raw insert, one commit each') ?? [])
  console.log(`\n${durability}: operations per second, and as a ratio to the raw insert`)
  for (const [name, values] of rates) {
    const rate = median(values)
    console.log(
      `${name.padEnd(36)} ${String(Math.round(rate)).padStart(8)} ${(rate / raw).toFixed(2)}`,
    )
  }
}

await measure('power-loss')
await measure('app-crash')
