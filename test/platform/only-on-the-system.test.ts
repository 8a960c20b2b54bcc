/**
 * What only a run on the system itself can show. The other files of this folder run the file systems and clocks of Windows and
 * macOS as this project understands them, on every system; this file asks the systems. Nobody has run it on Windows or macOS
 * yet (see CONTRIBUTING.md). A test of another system is left out, and said so.
 *
 * Windows, to be shown by a run:
 * - what a rename does while another program has the file open without FILE_SHARE_DELETE (a scanner, an editor)
 * - what the 8.3 name of a file leads to
 * - how long a path SQLite takes
 * - that a touch which sets the same time is told
 * - that every handle of a closed storage is gone, so that its folder can be removed
 * - when the locks of a process that was ended with TerminateProcess are free
 *
 * macOS, to be shown by a run:
 * - that `fullfsync` stays on, whatever else is set
 * - that no touch is lost by kqueue, which is armed anew after each event
 * - that waking is seen by a late alarm (both clocks run through sleep), which no machine of a workflow can sleep for
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { afterEach, describe, expect, test } from 'vitest'
import { SqliteStorage } from '../../storage/sqlite/sqlite-storage.ts'
import type { SqliteStorageOptions } from '../../storage/sqlite/options.ts'
import type { Storage, StorageHost } from '../../storage/storage.ts'
import { storageOnThread } from '../support/on-thread.ts'
import { enqueueing, NOW, SqliteLife } from '../support/sqlite-life.ts'
import { leftOutUnlessOn } from '../support/systems.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** Starting PowerShell takes seconds on a machine of a workflow. */
const SLOW_MS = 60_000

const host: StorageHost = {
  atTurnEnd: (run) => void setImmediate(run),
  monotonic: () => performance.now(),
  // Every touch of a test sets this time.
  wall: () => NOW,
  newFingerprintKey: 'fingerprint key',
}

const storages: Storage[] = []
const holders: ReturnType<typeof spawn>[] = []

afterEach(async () => {
  for (const storage of storages.splice(0)) await storage.close()
  for (const holder of holders.splice(0)) holder.kill('SIGKILL')
})

async function opened(
  options: SqliteStorageOptions,
  thread: 'main' | 'worker' = 'main',
): Promise<Storage> {
  const storage = thread === 'main' ? new SqliteStorage(options) : storageOnThread(options)
  await storage.open(host)
  storages.push(storage)
  return storage
}

describe('on every system', () => {
  // Q19
  test.each(['main', 'worker'] as const)(
    'the folder of a storage can be removed right after close() (thread %s)',
    async (thread) => {
      const folder = join(temporaryFolder(), 'data')
      mkdirSync(folder)
      const storage = await opened({ file: join(folder, 'outbox.db') }, thread)
      storage.watch(() => undefined)
      await storage.commit([enqueueing(null)])
      await storage.lock()
      await storage.close()
      rmSync(folder, { recursive: true })
      expect(existsSync(folder)).toBe(false)
    },
  )

  // Q17: Linux tells of every touch; of the other systems that is not known.
  test(
    'each of a hundred commits is told to the other storage, though every touch sets the same time',
    { timeout: SLOW_MS },
    async () => {
      const options = {
        file: join(temporaryFolder(), 'outbox.db'),
        durability: 'app-crash',
      } as const
      const reader = await opened(options)
      const writer = await opened(options)
      let hear: () => void = () => undefined
      reader.watch(() => hear())
      await reader.reload()
      for (let n = 0; n < 100; n += 1) {
        const heard = new Promise<void>((resolve) => (hear = resolve))
        await writer.commit([enqueueing(null)])
        await heard
      }
      expect((await reader.reload()).lanes).toMatchObject([{ pending: 100 }])
    },
  )
})

const isNotWindows = leftOutUnlessOn('win32', 'open files, short names and long paths')

/** Has another program open the file for reading, as a scanner does: without FILE_SHARE_DELETE. */
async function holdOpen(file: string): Promise<() => Promise<void>> {
  const quoted = file.replaceAll("'", "''")
  const script =
    `$held = [IO.File]::Open('${quoted}', 'Open', 'Read', 'ReadWrite'); ` +
    `'held'; [void][Console]::In.ReadLine(); $held.Close()`
  const args = ['-NoProfile', '-NonInteractive', '-Command', script]
  const holder = spawn('powershell.exe', args, { stdio: ['pipe', 'pipe', 'inherit'] })
  holders.push(holder)
  await once(holder.stdout, 'data')
  return async () => {
    const closed = once(holder, 'close')
    holder.stdin.end('\n')
    await closed
  }
}

/** The 8.3 name of a file; the name itself where the disk makes none. */
function shortNameOf(file: string): string {
  const { stdout } = spawnSync('cmd.exe', ['/d', '/c', `for %I in ("${file}") do @echo %~sI`], {
    encoding: 'utf8',
    windowsVerbatimArguments: true,
  })
  return stdout.trim()
}

describe.skipIf(isNotWindows)('on Windows', () => {
  // E2: the reason why the tests of `gone-files.test.ts` are left out there
  test('a file that is open can be neither removed nor moved', async () => {
    const file = join(temporaryFolder(), 'outbox.db')
    const storage = await opened({ file })
    await storage.commit([enqueueing(null)])
    expect(() => rmSync(file)).toThrow(/EBUSY|EPERM/)
    expect(() => rmSync(`${file}-wal`)).toThrow(/EBUSY|EPERM/)
  })

  // E2
  test.each(['', '-wal'])(
    'a damaged database whose <file>%s another program has open is left whole, and set aside later',
    { timeout: SLOW_MS },
    async (suffix) => {
      const file = join(temporaryFolder(), 'outbox.db')
      const text = 'Dear database, '.repeat(1000)
      for (const one of ['', '-wal']) writeFileSync(file + one, `${text}${one}`)
      const letGo = await holdOpen(file + suffix)
      const opening = SqliteLife.open({ file, onCorrupt: 'set-aside' })
      await expect(opening).rejects.toMatchObject({ name: 'StorageError' })
      for (const one of ['', '-wal']) expect(readFileSync(file + one, 'utf8')).toBe(text + one)
      await letGo()
      await SqliteLife.open({ file, onCorrupt: 'set-aside' })
      const aside = readdirSync(dirname(file)).filter((name) => name.includes('.corrupt-'))
      expect(aside.map((name) => name.replace(/^.*Z/, ''))).toEqual(['', '-wal'])
    },
  )

  // Q17
  test('the short name of a file is the same file: one of two storages has the lock', async (context) => {
    const file = join(temporaryFolder(), 'my long outbox.database')
    const long = await opened({ file })
    const short = shortNameOf(file)
    context.skip(basename(short) === basename(file), 'the disk makes no short names')
    expect(await long.lock()).toBe(true)
    expect(await (await opened({ file: short })).lock()).toBe(false)
  })

  // E5
  test('a file in a folder of 245 characters is refused with words, and nothing is made', async () => {
    const base = temporaryFolder()
    const folder = join(base, 'x'.repeat(245 - base.length - 1))
    mkdirSync(folder)
    const opening = SqliteLife.open({ file: join(folder, 'outbox.db') })
    await expect(opening).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    await expect(opening).rejects.toThrow(/characters/)
    expect(readdirSync(folder)).toEqual([])
  })
})

const isNotMac = leftOutUnlessOn('darwin', 'PRAGMA fullfsync')

describe.skipIf(isNotMac)('on macOS', () => {
  // durable-before-ack: fsync() alone leaves what it wrote in the memory of the disk there
  test('fullfsync is on, and stays on while synchronous is switched', async () => {
    const database = new SqliteDatabase(join(temporaryFolder(), 'app.db'))
    const storage = new SqliteStorage({ database })
    await storage.open(host)
    const isFull = () => database.pragma('fullfsync', { simple: true })
    expect(isFull()).toBe(1)
    await storage.commit([enqueueing(null)], { synced: false })
    expect(isFull()).toBe(1)
    await storage.commit([enqueueing(null)])
    expect(isFull()).toBe(1)
    await storage.close()
    database.close()
  })
})
