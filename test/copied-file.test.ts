/** A database that was copied to its place (E5): a restored backup, a roaming profile, a synchronised folder. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import { defineOperation } from '../src/index.ts'
import { replay } from '../src/journal/replay.ts'
import { replying, Rig } from './support/rig.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const FILES = ['', '-wal', '-shm']

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true })
  for (const suffix of FILES) {
    rmSync(to + suffix, { force: true })
    if (existsSync(from + suffix)) copyFileSync(from + suffix, to + suffix)
  }
}

function codesOf(rig: Rig): readonly string[] {
  return rig.eventsOf('error').map(({ error }) => error.code)
}

/** Alice has `one` pending, and the process that had it has closed without sending it. */
async function saved(options: Parameters<typeof Rig.prepare>[0] = {}) {
  const file = join(temporaryFolder(), 'outbox.db')
  const rig = Rig.prepare(options)
  const open = () => rig.open({ storage: sqliteStorage({ file }) })
  await open()
  await rig.login('alice', 'a1')
  rig.tell('offline')
  const id = await rig.enqueue('one')
  await rig.close()
  const backup = join(dirname(file), 'backup', 'outbox.db')
  copy(file, backup)
  return { file, backup, rig, open, id }
}

// E5
describe('A database that was copied to its place', () => {
  test('is told of once, and what may have been sent since is sent again under its key', async () => {
    const { file, backup, rig, open, id } = await saved({ answer: replying() })
    rig.tell('online')
    await open()
    await rig.login('alice', 'a1')
    await rig.close()
    expect(rig.bodies).toEqual(['one'])
    copy(backup, file)
    rig.tell('offline')
    await open()
    expect(codesOf(rig)).toEqual(['STORAGE_COPIED'])
    await expect(rig.whileResting(rig.holdfast.cancel(id))).rejects.toMatchObject({
      code: 'TOO_LATE',
    })
    rig.tell('online')
    await rig.login('alice', 'a1')
    expect(rig.bodies).toEqual(['one', 'one'])
    const keys = rig.sent.map(({ request }) => request.headers['idempotency-key'])
    expect(keys).toEqual([id, id])
    await rig.close()
    await open()
    await rig.close()
    expect(codesOf(rig)).toEqual(['STORAGE_COPIED'])
  })

  test('has every recorded envelope in doubt: what it holds does not expire, and becomes no second effect', async () => {
    const note = defineOperation({
      kind: 'note',
      payload: z.object({ text: z.string() }),
      request: ({ payload }) => ({ method: 'POST', path: '/notes', body: payload }),
      idempotencyWindowMs: 60_000,
    })
    const rig = Rig.prepare({ answer: replying(503), operations: [note] })
    const file = join(temporaryFolder(), 'outbox.db')
    const open = () => rig.open({ storage: sqliteStorage({ file }) })
    await open()
    await rig.login('alice', 'a1')
    // Recorded, and the server has said that it had no effect.
    await rig.enqueue('one')
    await rig.close()
    const backup = join(dirname(file), 'backup', 'outbox.db')
    copy(file, backup)
    rig.answer = replying()
    await rig.advance(2000)
    await open()
    await rig.login('alice', 'a1')
    await rig.advance(2000)
    expect(rig.bodies).toEqual(['one', 'one'])
    await rig.close()
    copy(backup, file)
    rig.tell('offline')
    await open()
    // By the time there is a network the server may have forgotten the key.
    await rig.advance(120_000)
    rig.tell('online')
    await rig.login('alice', 'a1')
    await rig.advance(1000)
    expect(rig.eventsOf('operation.dead')).toMatchObject([{ reason: 'outcome-unknown' }])
    expect(rig.bodies).toEqual(['one', 'one'])
    await rig.close()
  })

  test('replays', async () => {
    const { file, backup, rig, open } = await saved({ answer: replying() })
    copy(backup, file)
    await open()
    await rig.close()
    expect(codesOf(rig)).toEqual(['STORAGE_COPIED'])
    await expect(replay(rig.journal.lines().join('\n'))).resolves.toBeDefined()
  })

  test("is told of too if the app gives its own connection to the app's own file", async () => {
    const { file, backup, rig } = await saved()
    const openOwn = async () => {
      const database = new SqliteDatabase(file)
      await rig.open({ storage: sqliteStorage({ database }) })
      await rig.close()
      database.close()
    }
    await openOwn()
    expect(codesOf(rig)).toEqual([])
    copy(backup, file)
    await openOwn()
    expect(codesOf(rig)).toEqual(['STORAGE_COPIED'])
  })
})

// E5
describe('It is no copy', () => {
  test('if the folder was renamed', async () => {
    const { file, rig } = await saved()
    const moved = join(dirname(file), 'moved')
    mkdirSync(moved)
    for (const suffix of FILES) {
      if (existsSync(file + suffix)) renameSync(file + suffix, join(moved, `outbox.db${suffix}`))
    }
    await rig.open({ storage: sqliteStorage({ file: join(moved, 'outbox.db') }) })
    await rig.close()
    expect(codesOf(rig)).toEqual([])
  })

  test('if its time of birth was not to be told from that of its last change at first', async () => {
    const { file, rig, open } = await saved()
    const database = new SqliteDatabase(file)
    const known = database.prepare(`SELECT value FROM holdfast_meta WHERE name = 'file'`).pluck()
    const withoutBirth = String(known.get()).replace(/:\d+$/, ':0')
    database.prepare(`UPDATE holdfast_meta SET value = ? WHERE name = 'file'`).run(withoutBirth)
    database.close()
    await open()
    await rig.close()
    await open()
    await rig.close()
    expect(codesOf(rig)).toEqual([])
  })

  test('if an earlier version of Holdfast made the file, which did not remember it', async () => {
    const { file, rig, open } = await saved()
    const database = new SqliteDatabase(file)
    expect(database.prepare(`DELETE FROM holdfast_meta WHERE name = 'file'`).run().changes).toBe(1)
    database.close()
    await open()
    await rig.close()
    expect(codesOf(rig)).toEqual([])
  })

  test('if a damaged database was set aside, and a new one made', async () => {
    const { file, rig } = await saved()
    const database = new SqliteDatabase(file)
    const page = Number(
      database
        .prepare(`SELECT rootpage FROM sqlite_schema WHERE name = 'holdfast_operations'`)
        .pluck()
        .get(),
    )
    const bytes = Number(database.pragma('page_size', { simple: true }))
    database.close()
    const contents = readFileSync(file)
    writeFileSync(file, contents.fill(0xff, (page - 1) * bytes, page * bytes))
    await rig.open({ storage: sqliteStorage({ file, onCorrupt: 'set-aside' }) })
    await rig.close()
    expect(codesOf(rig)).toEqual(['STORAGE_CORRUPT'])
  })
})
