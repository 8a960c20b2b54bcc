/** What `forget()` leaves in the files of the database: nothing but ids (I12). */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import type { UserId } from '../src/model.ts'
import { memoryVault } from '../src/ports/vault.ts'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import { create, echo, positioned } from './support/kinds.ts'
import { note, Rig } from './support/rig.ts'
import { enqueueing, NOW, SqliteLife } from './support/sqlite-life.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

/** Some pages of text. */
const LONG = 'text-of-old '.repeat(8000)

const TRACES = ['text', 'user', 'record', 'position', 'reply'].map((what) => `${what}-of-old`)

/** What the files of the database hold of the forgotten user. */
function traces(file: string): string[] {
  const files = [file, `${file}-wal`].filter((name) => existsSync(name))
  const bytes = files.map((name) => readFileSync(name, 'latin1')).join('')
  return TRACES.filter((trace) => bytes.includes(trace))
}

/** A user with a translation, a reading position, a letter, and operations, one of them in flight. */
async function userOfOld() {
  const file = join(temporaryFolder(), 'own.db')
  const rig = await Rig.start({
    storage: sqliteStorage({ file }),
    operations: [note, create, positioned],
    vault: memoryVault(),
  })
  await rig.login('user-of-old', 'token-of-old')
  await rig.whileResting(rig.holdfast.enqueue(create({ record: 'record-of-old' })))
  echo(rig.last)
  await rig.advance()
  await rig.whileResting(rig.holdfast.enqueue(positioned({ token: 'position-of-old' })))
  echo(rig.last)
  await rig.advance()
  await rig.enqueue(LONG)
  rig.last.reply(400, { headers: {}, body: 'reply-of-old' })
  await rig.advance()
  await rig.enqueue(LONG)
  await rig.enqueue(LONG)
  return { rig, file }
}

describe('a file of our own', () => {
  test('holds nothing of who is forgotten, nor does its -wal', async () => {
    const { rig, file } = await userOfOld()
    expect(traces(file)).toEqual(TRACES)
    await rig.whileResting(rig.holdfast.forget('user-of-old'))
    expect(traces(file)).toEqual([])
  })

  test('that somebody reads meanwhile holds nothing of them after a later commit', async () => {
    const { rig, file } = await userOfOld()
    const reader = new SqliteDatabase(file, { readonly: true })
    reader.exec('BEGIN; SELECT count(*) FROM holdfast_operations')
    await rig.whileResting(rig.holdfast.forget('user-of-old'))
    expect(traces(file)).toContain('text-of-old')
    reader.exec('COMMIT')
    await rig.login('bob', 'b1')
    expect(traces(file)).toEqual([])
    reader.close()
  })

  test('that somebody has read to the end holds nothing of them after a tidying', async () => {
    const file = join(temporaryFolder(), 'own.db')
    const life = await SqliteLife.open({ file })
    const user = 'user-of-old' as UserId
    await life.commit([enqueueing(user, LONG)])
    const reader = new SqliteDatabase(file, { readonly: true })
    reader.exec('BEGIN; SELECT count(*) FROM holdfast_operations')
    await life.commit([{ change: 'forget', user, at: NOW }])
    reader.exec('COMMIT')
    expect(traces(file)).toEqual(['text-of-old', 'user-of-old'])
    await life.storage.tidy()
    expect(traces(file)).toEqual([])
    reader.close()
  })
})

test('the database of the app holds nothing of them after its own checkpoint', async () => {
  const file = join(temporaryFolder(), 'app.db')
  const database = new SqliteDatabase(file)
  const rig = await Rig.start({ database })
  await rig.login('user-of-old', 'token-of-old')
  await rig.enqueue(LONG)
  await rig.whileResting(rig.holdfast.forget('user-of-old'))
  // The WAL is the app's: whoever copies it away counts on nobody else emptying it.
  expect(traces(file)).toEqual(['text-of-old', 'user-of-old'])
  database.pragma('wal_checkpoint(TRUNCATE)')
  expect(traces(file)).toEqual([])
  await rig.close()
  database.close()
})
