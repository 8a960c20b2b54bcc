/** Drives that cannot do what a database needs, and paths that may not be looked at (E2, E5). */
import { linkSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { sqliteStorage } from '../../src/sqlite-storage.ts'
import { storageErrorOf } from '../../storage/sqlite/error-of.ts'
import { type System, THIS_SYSTEM } from '../../storage/sqlite/system.ts'
import { Rig } from '../support/rig.ts'
import { ALICE, enqueueing, SqliteLife } from '../support/sqlite-life.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const denied = (): never => {
  throw Object.assign(new Error('EPERM: operation not permitted, lstat'), { code: 'EPERM' })
}

// E5
describe('A database on a network drive', () => {
  test.each(['delete', 'truncate', 'persist'])(
    'where SQLite keeps no write-ahead log and answers `%s` is refused with words',
    async (mode) => {
      const database = new SqliteDatabase(join(temporaryFolder(), 'app.db'))
      const pragma = database.pragma.bind(database)
      database.pragma = (sql: string, options) =>
        sql === 'journal_mode = WAL' ? mode : pragma(sql, options)
      const rig = Rig.prepare()
      await expect(rig.open({ storage: sqliteStorage({ database }) })).rejects.toMatchObject({
        code: 'STORAGE_UNAVAILABLE',
        message: expect.stringMatching(
          new RegExp(`journal_mode stays ${mode}.*a disk of this machine`),
        ) as string,
      })
      database.close()
    },
  )

  test('in memory has no file, and needs no log', async () => {
    const rig = await Rig.start()
    expect(rig.database.pragma('journal_mode', { simple: true })).toBe('memory')
  })
})

// E5
describe('A path that may not be looked at', () => {
  test.each<[string, Partial<System>]>([
    ['folder by folder, as on a redirected profile', { realPathOfNode: denied }],
    ['by the system, as on some drives', { realPathOfSystem: denied }],
    ['at all', { realPathOfNode: denied, realPathOfSystem: denied }],
  ])('%s can be opened all the same', async (_, system) => {
    const file = join(temporaryFolder(), 'outbox.db')
    const life = await SqliteLife.open({ file }, {}, { ...THIS_SYSTEM, ...system })
    await life.commit([enqueueing(ALICE)])
    await expect(life.storage.lock()).resolves.toBe(true)
    const other = await SqliteLife.open({ file })
    await expect(other.storage.lock()).resolves.toBe(false)
  })
})

// Q17
describe('A database with two names (hard links)', () => {
  test.each(['file', 'database'] as const)(
    'given as `%s` is refused: under each name there would be another lock',
    async (given) => {
      const file = join(temporaryFolder(), 'outbox.db')
      const life = await SqliteLife.open({ file })
      await life.storage.close()
      const before = readdirSync(dirname(file))
      const second = join(temporaryFolder(), 'same.db')
      linkSync(file, second)
      for (const name of [file, second]) {
        const database = given === 'database' ? new SqliteDatabase(name) : null
        const options = database === null ? { file: name } : { database }
        await expect(SqliteLife.open(options)).rejects.toMatchObject({
          code: 'STORAGE_UNAVAILABLE',
          message: expect.stringContaining('has 2 names (hard links)') as string,
        })
        database?.close()
      }
      expect(readdirSync(dirname(file))).toEqual(before)
    },
  )
})

// E2
describe('What SQLite says of the disk', () => {
  test.each([
    ['SQLITE_IOERR_WRITE', 'STORAGE_UNAVAILABLE', 'exclude its folder from virus scanning'],
    ['SQLITE_IOERR_SHMMAP', 'STORAGE_UNAVAILABLE', 'put the file on a disk of this machine'],
    ['SQLITE_PROTOCOL', 'STORAGE_BUSY', 'try again'],
  ])('%s is told as %s, with what to do', (sqlite, code, advice) => {
    const error = storageErrorOf(Object.assign(new Error('disk I/O error'), { code: sqlite }))
    expect(error).toMatchObject({ code, retryable: true })
    expect(error.message).toContain(advice)
  })
})
