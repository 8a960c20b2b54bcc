/** What another user of the machine can do with the files of the engine (E5): nothing. It takes root to become two users. */
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, lchownSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { fileJournal } from '../src/journal/file-journal.ts'
import { enqueueing, SqliteLife } from './support/sqlite-life.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const OWNER = 1000
const OTHER = 65_534

/** Opens each file to read, and to write, without making it; says what could be opened. */
const TRY_ALL = `
  const { closeSync, openSync } = require('node:fs')
  const opened = []
  for (const file of process.argv.slice(1))
    for (const flags of ['r', 'r+'])
      try { closeSync(openSync(file, flags)); opened.push(flags + ' ' + file) }
      catch (error) { if (error.code !== 'EACCES') opened.push(error.code + ' ' + file) }
  console.log(JSON.stringify(opened))`

function opensAs(uid: number, files: readonly string[]): unknown {
  const { stdout } = spawnSync(process.execPath, ['-e', TRY_ALL, '--', ...files], {
    uid,
    gid: uid,
    cwd: '/',
    env: {},
    encoding: 'utf8',
  })
  return stdout === null || stdout === '' ? null : (JSON.parse(stdout) as unknown)
}

/** Why there cannot be two users here; null: there can. */
function whyNot(): string | null {
  if (process.geteuid?.() !== 0) return 'the tests do not run as root'
  if (opensAs(OTHER, []) === null) return 'another user cannot run the Node of these tests'
  return null
}

const why = whyNot()
if (why !== null) process.stdout.write(`\n  not tested: files of two users, because ${why}\n`)

/** A folder that everybody may put files into, as /tmp. */
function sharedFolder(): string {
  const folder = temporaryFolder()
  chmodSync(folder, 0o1777)
  return folder
}

afterEach(() => {
  if (why === null) process.seteuid?.(0)
})

describe.skipIf(why !== null)('another user of the machine', () => {
  // E5
  test('can open none of the files, so can neither read nor lock any', async () => {
    process.umask(0o022)
    const file = join(sharedFolder(), 'out.db')
    process.seteuid?.(OWNER)
    const life = await SqliteLife.open({ file })
    life.storage.watch(() => undefined)
    await life.commit([enqueueing(null, '"my private diary"')])
    await life.storage.lock()
    const journal = fileJournal({ file: `${file}.jsonl` })
    journal.header({ journal: 1, holdfast: '1', payloads: 'digest', options: {} })
    journal.close()
    process.seteuid?.(0)
    const files = readdirSync(dirname(file)).map((name) => join(dirname(file), name))
    expect(files).toHaveLength(7)
    expect(opensAs(OTHER, files)).toEqual([])
    // The trial tells: the owner can open all of them, to read and to write.
    expect(opensAs(OWNER, files)).toHaveLength(14)
    await life.storage.close()
  })

  // E5
  test.each(['', '-wal', '-shm', '-dispatch', '-commits', '-damaged'])(
    'who has put a file of their own at <file>%s, for everybody to write to, is refused',
    async (suffix) => {
      const file = join(sharedFolder(), 'out.db')
      writeFileSync(file + suffix, '')
      chownSync(file + suffix, OTHER, OTHER)
      chmodSync(file + suffix, 0o666)
      process.seteuid?.(OWNER)
      const opening = SqliteLife.open({ file })
      await expect(opening).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
      await expect(opening).rejects.toThrow(
        `out.db${suffix} belongs to another user (uid ${OTHER})`,
      )
    },
  )

  // E5
  test('who has put a link in the place of the database does not choose where it lies', async () => {
    const file = join(sharedFolder(), 'out.db')
    const real = join(sharedFolder(), 'other.db')
    process.seteuid?.(OWNER)
    await (await SqliteLife.open({ file: real })).storage.close()
    process.seteuid?.(0)
    symlinkSync(real, file)
    lchownSync(file, OTHER, OTHER)
    process.seteuid?.(OWNER)
    const opening = SqliteLife.open({ file })
    await expect(opening).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    await expect(opening).rejects.toThrow('out.db is a link that belongs to another user')
    process.seteuid?.(0)
    lchownSync(file, OWNER, OWNER)
    process.seteuid?.(OWNER)
    expect(await (await SqliteLife.open({ file })).pendingCount()).toBe(0)
  })

  // E5
  test('who has put a file of their own in the place of a journal reads none of it', () => {
    const file = join(sharedFolder(), 'run.jsonl')
    writeFileSync(file, '')
    chownSync(file, OTHER, OTHER)
    chmodSync(file, 0o666)
    process.seteuid?.(OWNER)
    const errors: Error[] = []
    const journal = fileJournal({ file, onError: (error) => errors.push(error) })
    journal.header({ journal: 1, holdfast: '1', payloads: 'digest', options: {} })
    expect(errors).toMatchObject([{ code: 'STORAGE_UNAVAILABLE' }])
  })

  // E5
  test('is not locked out by root, who may use the files of any user', async () => {
    const file = join(sharedFolder(), 'out.db')
    process.seteuid?.(OWNER)
    await (await SqliteLife.open({ file })).storage.close()
    process.seteuid?.(0)
    const life = await SqliteLife.open({ file })
    await life.commit([enqueueing(null)])
    await life.storage.close()
    process.seteuid?.(OWNER)
    expect(await (await SqliteLife.open({ file })).pendingCount()).toBe(1)
  })
})
