/** What `forget()` leaves in the files of the database: nothing but ids (I12). */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import type { UserId } from '../src/model.ts'
import { memoryVault } from '../src/ports/vault.ts'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import { create, echo, positioned } from './support/kinds.ts'
import { storageOnThread } from './support/on-thread.ts'
import { note, Rig } from './support/rig.ts'
import { enqueueing, NOW, SqliteLife } from './support/sqlite-life.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import { ThreadedEngine } from './support/threaded-engine.ts'

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
  await rig.login('user-of-old', 'secret')
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

describe('what forget() tells', () => {
  const GARBAGE = 'Dear database, '.repeat(1000)

  // E5
  test('is an empty list where nothing was set aside', async () => {
    const { rig } = await userOfOld()
    const forgotten = rig.whileResting(rig.holdfast.forget('user-of-old'))
    expect(await forgotten).toEqual({ setAside: [] })
  })

  /** A file that will be set aside with its -wal, and beside it what was set aside of another database. */
  function damagedFile(): string {
    const file = join(temporaryFolder(), 'own.db')
    for (const suffix of ['', '-wal', '2.corrupt-2025']) writeFileSync(file + suffix, GARBAGE)
    return file
  }

  // E5
  test('names every file that was set aside beside the database and is still there', async () => {
    const file = damagedFile()
    const aside = `${file}.corrupt-2026-01-01T00-00-00-000Z`
    const rig = await Rig.start({ storage: sqliteStorage({ file, onCorrupt: 'set-aside' }) })
    const forget = () => rig.whileResting(rig.holdfast.forget('user-of-old'))
    expect(await forget()).toEqual({ setAside: [aside, `${aside}-wal`] })
    rmSync(aside)
    await rig.close()
    await rig.open({ storage: sqliteStorage({ file }) })
    expect(await forget()).toEqual({ setAside: [`${aside}-wal`] })
  })

  // E5
  test('names them with a storage on a thread too', async () => {
    const file = damagedFile()
    const storage = storageOnThread({ file, onCorrupt: 'set-aside' })
    const engine = await ThreadedEngine.open(storage)
    const { setAside } = await engine.holdfast.forget('user-of-old')
    const names = setAside.map((name) => name.replace(/corrupt-[^-]*-.*Z/, 'corrupt-Z'))
    expect(names).toEqual([`${file}.corrupt-Z`, `${file}.corrupt-Z-wal`])
  })

  // E5
  test('is told though the engine is closed at once', async () => {
    const { rig } = await userOfOld()
    const forgotten = rig.holdfast.forget('user-of-old')
    await rig.close()
    expect(await forgotten).toEqual({ setAside: [] })
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
