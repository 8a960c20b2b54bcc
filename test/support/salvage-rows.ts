/** A database with rows in every table, and what a test compares of it after damage and salvage. */
import { join } from 'node:path'
import SqliteDatabase, { type Database } from 'better-sqlite3'
import type { UserId } from '../../src/model.ts'
import type { Affected, Answer, Change } from '../../storage/changes.ts'
import { blankEnvelope } from '../../storage/blank-envelope.ts'
import { enqueueing, NOW, SqliteLife } from './sqlite-life.ts'
import { temporaryFolder } from './temporary-folder.ts'

const USERS = [null, 'alice', 'bob', 'carol'] as const

/** The tables, and how one row of each is found. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  holdfast_operations: ['key'],
  holdfast_envelopes: ['lane', 'place'],
  holdfast_letters: ['id'],
  holdfast_lanes: ['lane'],
  holdfast_tokens: ['user'],
  holdfast_records: ['local'],
  holdfast_forgotten_records: ['digest'],
  holdfast_positions: ['lane', 'key'],
  holdfast_owners: ['user'],
  holdfast_outcomes: ['id'],
  holdfast_deadlines: ['origin'],
  holdfast_moved: ['id'],
  holdfast_meta: ['name'],
}

export type Row = Readonly<Record<string, unknown>>

function affectedOf(answers: readonly Answer[]): readonly Affected[] {
  return answers.flatMap((answer) => (answer.applied ? answer.affected : []))
}

/** Makes a database file in which operations of several users have come, gone, died, and moved. */
export async function filledFile(count = 440): Promise<string> {
  const file = join(temporaryFolder(), 'outbox.db')
  const life = await SqliteLife.open({ file, durability: 'app-crash' })
  const put: Affected[] = []
  for (let n = 0; n < count; n += 1) {
    const user = USERS[n % USERS.length] as UserId | null
    const change = enqueueing(
      user,
      JSON.stringify({ n, text: 'x'.repeat(n % 7 === 0 ? 900 : 300) }),
    )
    const creates = n % 9 === 0 ? { creates: [`record-${n}`] } : {}
    const kind = user === 'carol' ? 'count' : 'note'
    put.push(
      ...affectedOf(
        await life.commit([{ ...change, ...creates, kind, nonce: `nonce${n}` } as Change]),
      ),
    )
  }
  const large = enqueueing('bob' as UserId, JSON.stringify({ text: 'y'.repeat(20_000) }))
  put.push(...affectedOf(await life.commit([large])))
  const of = (user: string) => put.filter((one) => one.user === user)
  await settleSome(life, of('alice'), of('bob'))
  await sendSome(life, of('carol'))
  await life.commit([
    { change: 'identity', user: 'bob' as UserId },
    { change: 'requirement', requirement: 'required' },
    { change: 'deadline', origin: 'https://api.test', until: NOW + 60_000, waitMs: 60_000 },
    ...USERS.filter((user) => user !== null).map((user): Change => ({
      change: 'token',
      user: user as UserId,
      expected: 0,
      generation: 1,
      fingerprint: `fingerprint of ${user}`,
      expiresAt: null,
      refreshAt: null,
      sealed: Buffer.from(`sealed for ${user}`),
    })),
  ])
  await life.storage.close()
  return file
}

async function settleSome(
  life: SqliteLife,
  alice: readonly Affected[],
  bob: readonly Affected[],
): Promise<void> {
  for (const { id, lane, place } of alice.slice(0, 20)) {
    const positions = [{ key: `key-${place}`, token: 'position', readyAt: NOW, waitMs: 0 }]
    const made = [{ local: `made-${place}`, remote: `remote-${place}` }]
    await life.commit([
      { change: 'complete', lane, members: [{ id, place }], at: NOW, positions, made },
    ])
  }
  for (const { id, lane, place } of bob.slice(10, 40)) {
    await life.commit([
      {
        change: 'bury',
        lane,
        members: [{ id, place }],
        reason: 'rejected',
        status: 400,
        excerpt: 'no',
        at: NOW,
        attempts: 1,
        envelopeKey: null,
      },
    ])
  }
  for (const { id } of bob.slice(50, 80)) await life.commit([{ change: 'cancel', id, at: NOW }])
  const [revived] = bob.slice(10, 11)
  if (revived !== undefined) {
    await life.commit([
      { change: 'revive', id: revived.id, behind: [{ lane: revived.lane, place: revived.place }] },
    ])
  }
}

/** Carol's lane has an envelope of three that may have arrived. */
async function sendSome(life: SqliteLife, carol: readonly Affected[]): Promise<void> {
  const [head] = carol
  if (head === undefined) return
  await life.commit([
    {
      change: 'envelope',
      envelope: {
        ...blankEnvelope(head.lane, head.place),
        key: 'key of three',
        members: carol.slice(0, 3).map(({ place }) => place),
        attempts: 1,
        unknownSince: NOW,
      },
    },
  ])
}

/** All rows of all tables. */
export function rowsIn(file: string): ReadonlyMap<string, readonly Row[]> {
  const database = new SqliteDatabase(file, { readonly: true })
  try {
    return new Map(
      Object.entries(KEYS).map(([table, key]) => [
        table,
        database.prepare<[], Row>(`SELECT * FROM ${table} ORDER BY ${key.join(', ')}`).all(),
      ]),
    )
  } finally {
    database.close()
  }
}

/** Those of these rows that SQLite still reads by a seek to their keys, as it reads them. */
export function readableRows(
  file: string,
  rows: ReadonlyMap<string, readonly Row[]>,
): ReadonlyMap<string, readonly Row[]> {
  const database = new SqliteDatabase(file, { readonly: true })
  database.unsafeMode(true)
  database.pragma('writable_schema = ON')
  try {
    return new Map(
      Array.from(rows, ([table, ofTable]) => [
        table,
        ofTable.flatMap((row) => readRow(database, table, row)),
      ]),
    )
  } finally {
    database.close()
  }
}

function readRow(database: Database, table: string, row: Row): readonly Row[] {
  const key = KEYS[table] ?? []
  const where = key.map((column) => `${column} = ?`).join(' AND ')
  // The first statement on a schema that is unreadable in part fails, whatever it asks.
  for (let tries = 0; tries < 2; tries += 1) {
    try {
      const found = database
        .prepare<unknown[], Row>(`SELECT * FROM ${table} NOT INDEXED WHERE ${where}`)
        .get(...key.map((column) => row[column]))
      return found === undefined ? [] : [found]
    } catch {
      // Unreadable.
    }
  }
  return []
}

export function pageCount(file: string): number {
  const database = new SqliteDatabase(file, { readonly: true })
  try {
    return Number(database.pragma('page_count', { simple: true }))
  } finally {
    database.close()
  }
}

export function keyOfRow(table: string, row: Row): string {
  return (KEYS[table] ?? []).map((column) => String(row[column])).join('|')
}
