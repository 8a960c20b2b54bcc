/** Databases on the files of Windows: sharing, retries and the way back, long paths, short names, case (E5, Q17). */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { WindowsFiles } from '../../src/simulation/windows-files.ts'
import { nameAside, moveAside } from '../../storage/sqlite/set-aside.ts'
import { SqliteStorage } from '../../storage/sqlite/sqlite-storage.ts'
import { type System, THIS_SYSTEM } from '../../storage/sqlite/system.ts'
import { refuseUnusablePath } from '../../storage/sqlite/usable-path.ts'
import type { LaneId } from '../../src/model.ts'
import { Rig } from '../support/rig.ts'
import { ALICE, enqueueing, NOW, SqliteLife } from '../support/sqlite-life.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const FIRST_LANE = 1 as LaneId
const FILES = ['', '-wal', '-shm', '-journal']

/** A damaged database with the files beside it, each with a content of its own. */
function damagedFiles(): { readonly file: string; readonly files: WindowsFiles } {
  const file = join(temporaryFolder(), 'outbox.db')
  for (const suffix of FILES) writeFileSync(file + suffix, `no database ${suffix}`)
  return { file, files: new WindowsFiles() }
}

function contents(file: string): readonly (string | null)[] {
  return FILES.map((suffix) =>
    existsSync(file + suffix) ? readFileSync(file + suffix, 'utf8') : null,
  )
}

// E5
describe('A damaged database that another program has open', () => {
  test.each(FILES)('is set aside once that lets go of the file%s', (suffix) => {
    const { file, files } = damagedFiles()
    const before = contents(file)
    files.hold(file + suffix, 10)
    const aside = nameAside(file, NOW, THIS_SYSTEM)
    moveAside(file, aside, files)
    expect(contents(aside)).toEqual(before)
    expect(contents(file)).toEqual([null, null, null, null])
    expect(files.pausedMs).toBe(250)
  })

  test.each(FILES)('stays whole where it is while that keeps the file%s', (suffix) => {
    const { file, files } = damagedFiles()
    const before = contents(file)
    files.hold(file + suffix)
    const aside = nameAside(file, NOW, THIS_SYSTEM)
    expect(() => moveAside(file, aside, files)).toThrow(
      expect.objectContaining({
        code: 'STORAGE_BUSY',
        message: expect.stringContaining(`${file}${suffix} open (a virus scanner`) as string,
      }) as Error,
    )
    expect(contents(file)).toEqual(before)
    expect(contents(aside)).toEqual([null, null, null, null])
  })

  test('is moved on by the next opening if a file did not go back either', () => {
    const { file, files } = damagedFiles()
    const before = contents(file)
    const aside = nameAside(file, NOW, THIS_SYSTEM)
    files.hold(file)
    files.hold(`${aside}-wal`)
    expect(() => moveAside(file, aside, files)).toThrow('another program')
    expect(contents(aside)[1]).toBe(before[1])
    files.letGo(file)
    moveAside(file, aside, files)
    expect(contents(aside)).toEqual(before)
  })

  test('makes createHoldfast() reject, with nothing moved, and the next one salvage', async () => {
    const file = join(temporaryFolder(), 'outbox.db')
    writeFileSync(file, 'Dear database, '.repeat(1000))
    const files = new WindowsFiles()
    files.hold(file)
    const rig = Rig.prepare()
    const storage = () => new SqliteStorage({ file, onCorrupt: 'set-aside' }, files)
    await expect(rig.open({ storage: storage() })).rejects.toMatchObject({
      code: 'STORAGE_BUSY',
      retryable: true,
    })
    expect(readdirSync(dirname(file)).filter((name) => name.includes('.corrupt-'))).toEqual([])
    files.letGo(file)
    await rig.open({ storage: storage() })
    expect(rig.eventsOf('error').map(({ error }) => error.code)).toEqual(['STORAGE_CORRUPT'])
    await rig.close()
  })

  test('is not waited for on other systems, where a rename that is refused stays so', () => {
    const { file } = damagedFiles()
    let tries = 0
    const refusing = {
      ...THIS_SYSTEM,
      platform: 'linux' as const,
      rename: () => {
        tries += 1
        throw Object.assign(new Error('EACCES'), { code: 'EACCES' })
      },
    }
    expect(() => moveAside(file, nameAside(file, NOW, THIS_SYSTEM), refusing)).toThrow(
      'another program',
    )
    expect(tries).toBe(1)
  })
})

// E1, E5
describe('The path of a database on Windows', () => {
  const pathOfLength = (length: number) => `C:\\${'x'.repeat(length - 3)}`

  test.each([
    ['refuse', 240, 'it opens and its lock does not'],
    ['set-aside', 215, 'it could not be read where it is set aside'],
  ] as const)('has at most as many characters as %s allows, %i: longer, %s', (...given) => {
    const [onCorrupt, most] = given
    const refuse = (length: number, system: System) => () =>
      refuseUnusablePath(pathOfLength(length), onCorrupt, system)
    expect(refuse(most, new WindowsFiles())).not.toThrow()
    expect(refuse(most + 1, new WindowsFiles())).toThrow(
      `the path of the database has ${most + 1} characters, and with the files beside it (onCorrupt '${onCorrupt}') SQLite takes no more than ${most} on Windows`,
    )
    expect(refuse(most + 1, { ...THIS_SYSTEM, platform: 'linux' })).not.toThrow()
  })

  test('leaves room for the names of a set-aside and of its files', () => {
    const file = `${'x'.repeat(210)}/y.db`
    const longest = `${nameAside(file, NOW, THIS_SYSTEM)}-99-journal`
    expect(longest.length - file.length + 215).toBeLessThanOrEqual(259)
  })

  test('is refused before anything is made in the folder', async () => {
    const folder = join(temporaryFolder(), 'x'.repeat(100), 'y'.repeat(100))
    mkdirSync(folder, { recursive: true })
    const file = join(folder, 'z'.repeat(40))
    await expect(SqliteLife.open({ file }, {}, new WindowsFiles())).rejects.toMatchObject({
      code: 'STORAGE_UNAVAILABLE',
      message: expect.stringContaining('use a shorter one') as string,
    })
    expect(readdirSync(folder)).toEqual([])
  })

  test.each([
    ['its short name', 'OUTBOX~1.DB'],
    ['another case', 'OUTBOX-OF-ALICE.DB'],
  ])('is the same under %s: there is one lock, and one set of side files', async (_, other) => {
    const file = join(temporaryFolder(), 'outbox-of-alice.db')
    const files = new WindowsFiles()
    const first = await SqliteLife.open({ file }, {}, files)
    await first.commit([enqueueing(ALICE)])
    files.shorten(file, 'OUTBOX~1.DB')
    const second = await SqliteLife.open({ file: join(dirname(file), other) }, {}, files)
    await expect(second.pendingCount(FIRST_LANE)).resolves.toBe(1)
    await expect(first.storage.lock()).resolves.toBe(true)
    await expect(second.storage.lock()).resolves.toBe(false)
  })
})
