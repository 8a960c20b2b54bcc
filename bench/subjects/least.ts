/**
 * The least that an `enqueue()` can do which checks a payload, may share its transaction with other calls of its turn,
 * notices what other processes have written, and resolves when it is on disk: no engine around it.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import type { Durability } from './durability.ts'
import { payloadSchema } from './payload.ts'

const NONCE_BYTES = 16

interface Call {
  readonly text: string
  readonly nonce: string
  readonly at: number
  readonly resolve: (id: string) => void
  readonly reject: (error: unknown) => void
}

export interface Least {
  readonly enqueue: (payload: unknown) => Promise<string>
  readonly close: () => void
}

export function openLeast(folder: string, durability: Durability): Least {
  const database = new SqliteDatabase(join(folder, 'least.db'))
  database.pragma('journal_mode = WAL')
  database.exec(
    `CREATE TABLE operations (key INTEGER PRIMARY KEY, id TEXT NOT NULL, kind TEXT NOT NULL,
       version INTEGER NOT NULL, payload TEXT NOT NULL, enqueued_at INTEGER NOT NULL) STRICT`,
  )
  database.pragma(`synchronous = ${durability}`)
  const begin = database.prepare('BEGIN IMMEDIATE')
  const dataVersion = database.prepare('PRAGMA data_version').pluck()
  const insert = database.prepare<[number, string, string, number, string, number]>(
    'INSERT INTO operations (key, id, kind, version, payload, enqueued_at) VALUES (?, ?, ?, ?, ?, ?)',
  )
  const commit = database.prepare('COMMIT')
  let calls: Call[] = []
  let place = 0
  let nonces = Buffer.alloc(0)

  function store(): void {
    const group = calls
    calls = []
    const ids: string[] = []
    try {
      begin.run()
      dataVersion.get()
      for (const { nonce, text, at } of group) {
        place += 1
        const id = `1.${place}.${nonce}`
        insert.run(place, id, 'note', 1, text, at)
        ids.push(id)
      }
      commit.run()
    } catch (error) {
      for (const { reject } of group) reject(error)
      return
    }
    for (const [index, { resolve }] of group.entries()) resolve(ids[index] ?? '')
  }

  function draw(): string {
    if (nonces.length === 0) nonces = randomBytes(NONCE_BYTES * 256)
    const nonce = nonces.toString('base64url', 0, NONCE_BYTES)
    nonces = nonces.subarray(NONCE_BYTES)
    return nonce
  }

  return {
    enqueue: (payload) =>
      new Promise((resolve, reject) => {
        const text = JSON.stringify(payload)
        payloadSchema.parse(JSON.parse(text))
        if (calls.length === 0) setImmediate(store)
        calls.push({ text, nonce: draw(), at: Date.now(), resolve, reject })
      }),
    close: () => database.close(),
  }
}
