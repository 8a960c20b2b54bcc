/** A database that an earlier version of Holdfast has written: nothing in it is lost, and its rows mean what they meant. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { expect, test } from 'vitest'
import type { LaneId, OperationId } from '../src/model.ts'
import { NOW, SqliteLife } from './support/sqlite-life.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

function writtenBy(schema: string): string {
  const file = join(temporaryFolder(), 'outbox.db')
  const database = new SqliteDatabase(file)
  database.exec(readFileSync(new URL(`fixtures/${schema}.sql`, import.meta.url), 'utf8'))
  database.close()
  return file
}

const ALICES_LANE = 1 as LaneId

test('a database of schema 3 keeps every row', async () => {
  const { storage, opened, commit } = await openedFile('schema-3')
  expect(opened).toMatchObject({
    fresh: false,
    identity: 'alice',
    requirement: 'required',
    origin: 'https://api.test',
    fingerprintKey: 'fingerprint key',
    recorded: 2,
    deadlines: [{ origin: 'https://api.test', until: NOW + 60_000, waitMs: 60_000 }],
    tokens: [{ user: 'alice', generation: 1, fingerprint: 'f' }],
  })
  expect(opened?.owners).toBeUndefined()
  const lanes = opened?.lanes.map(({ lane, user, pending, letters }) => [
    lane,
    user,
    pending,
    letters,
  ])
  expect(lanes).toEqual([
    [0, null, 1, 0],
    [1, 'alice', 3, 1],
  ])
  const rows = await storage.window(ALICES_LANE, 0, 10)
  expect(rows.map(({ payload, expiresAt }) => [payload, expiresAt])).toEqual([
    ['{"n":3}', null],
    ['{"n":4}', null],
    ['{"n":5}', NOW + 1000],
  ])
  expect(rows.every(({ revision }) => revision === undefined)).toBe(true)
  const [letter] = await storage.letters({ limit: 10 })
  expect(letter).toMatchObject({ id: '1.1kw.nonce2', reason: 'rejected', user: 'alice' })
  const [made, pending] = await storage.records(['list-0', 'list-1'])
  expect([made?.remote, pending?.state]).toEqual(['srv-0', 'pending'])
  expect(await storage.position('alice' as never, '')).toMatchObject({ token: 'p1' })
  expect(await storage.find('1.sg.nonce1' as OperationId)).toMatchObject({
    state: 'settled',
    outcome: { outcome: 'completed' },
  })
  const answers = await commit([
    { change: 'revive', id: '1.1kw.nonce2' as OperationId, behind: [] },
  ])
  expect(answers).toMatchObject([{ applied: true }])
})

test('a wait of schema 3 counts as asked for by the server, because nothing says that it was not', async () => {
  const { opened } = await openedFile('schema-3')
  expect(opened?.envelopes).toMatchObject([{ attempts: 2, waitMs: 60_000, askedMs: 60_000 }])
})

async function openedFile(schema: string) {
  const life = await SqliteLife.open({ file: writtenBy(schema), durability: 'app-crash' })
  return { storage: life.storage, opened: life.opened, commit: life.commit.bind(life) }
}
