/** A database that brings something of somebody else along which would run in Holdfast's transactions is refused (E5). */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { expect, test } from 'vitest'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import { storageOnThread } from './support/on-thread.ts'
import { Rig } from './support/rig.ts'
import { enqueueing, SqliteLife } from './support/sqlite-life.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

/** A file of Holdfast with an operation in it, and then with this. */
async function fileWith(sql: string): Promise<string> {
  const file = join(temporaryFolder(), 'out.db')
  const life = await SqliteLife.open({ file })
  await life.commit([enqueueing(null)])
  await life.storage.close()
  const database = new SqliteDatabase(file)
  database.exec(sql)
  database.close()
  return file
}

const CHANGE_PAYLOADS = `BEGIN UPDATE holdfast_operations SET payload = '"changed"' WHERE key = new.key; END`

const FOREIGN = {
  'a trigger on a table of Holdfast': `CREATE TRIGGER t AFTER INSERT ON holdfast_operations ${CHANGE_PAYLOADS}`,
  'a trigger that writes the name otherwise': `CREATE TRIGGER t AFTER INSERT ON "HoldFast_Operations" ${CHANGE_PAYLOADS}`,
  'a trigger before an update of tokens': `CREATE TRIGGER "holdfast_t" BEFORE UPDATE ON holdfast_tokens BEGIN SELECT 1; END`,
  'a trigger on the view of Holdfast': `CREATE TRIGGER t INSTEAD OF INSERT ON holdfast_lanes_now BEGIN SELECT 1; END`,
  'a view in the place of a table': `ALTER TABLE holdfast_letters RENAME TO letters; CREATE VIEW holdfast_letters AS SELECT * FROM letters`,
  'a virtual table in the place of a table': `DROP TABLE holdfast_positions; CREATE VIRTUAL TABLE holdfast_positions USING fts5(lane, key, token)`,
}

// E5
test.each(Object.entries(FOREIGN))(
  '%s refuses the opening of a file, and nothing of it is changed',
  async (_what, sql) => {
    const file = await fileWith(sql)
    const bytes = readFileSync(file)
    const refused = {
      code: 'STORAGE_UNAVAILABLE',
      message: expect.stringMatching(/that Holdfast did not make.*drop it/) as string,
    }
    await expect(SqliteLife.open({ file })).rejects.toMatchObject(refused)
    const onThread = storageOnThread({ file })
    const host = { atTurnEnd: setImmediate, monotonic: () => 0, wall: () => 0 }
    await expect(onThread.open({ ...host, newFingerprintKey: 'k' })).rejects.toMatchObject(refused)
    expect(readFileSync(file).equals(bytes)).toBe(true)
  },
)

// E5
test('a trigger in the database of the app on a table of Holdfast refuses the opening', async () => {
  const database = new SqliteDatabase(await fileWith(FOREIGN['a trigger on a table of Holdfast']))
  await expect(SqliteLife.open({ database })).rejects.toThrow(
    'a trigger "t" on "holdfast_operations" that Holdfast did not make',
  )
  database.close()
})

// E5
test('triggers and views of the app on its own tables are its own affair', async () => {
  const sql = `CREATE TABLE notes (x); CREATE VIEW holdfasts AS SELECT * FROM notes;
    CREATE TRIGGER t AFTER INSERT ON notes BEGIN INSERT INTO log SELECT count(*) FROM holdfast_operations; END;
    CREATE TABLE log (n); CREATE TRIGGER holdfast_t AFTER INSERT ON log BEGIN SELECT 1; END`
  const database = new SqliteDatabase(await fileWith(sql))
  const life = await SqliteLife.open({ database })
  expect(await life.pendingCount()).toBe(1)
  await life.storage.close()
  database.close()
})

// E5
test('createHoldfast() tells of a foreign trigger what to do', async () => {
  const file = await fileWith(FOREIGN['a trigger on a table of Holdfast'])
  const rig = Rig.prepare()
  await expect(rig.open({ storage: sqliteStorage({ file }) })).rejects.toMatchObject({
    name: 'HoldfastError',
    code: 'STORAGE_UNAVAILABLE',
    message: expect.stringContaining('drop it, or open another file') as string,
  })
})
