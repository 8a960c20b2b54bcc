/** E2, `onCorrupt`: a damaged database is refused as it is, or set aside whole; never silently an empty queue. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { replay } from '../src/journal/replay.ts'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import { replying, Rig } from './support/rig.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const GARBAGE = 'Dear database, '.repeat(1000)
const ASIDE = 'outbox.db.corrupt-2026-01-01T00-00-00-000Z'

function garbageFile(): string {
  const file = join(temporaryFolder(), 'outbox.db')
  writeFileSync(file, GARBAGE)
  return file
}

function storageOf(file: string, onCorrupt?: 'refuse' | 'set-aside') {
  return sqliteStorage({ file, ...(onCorrupt === undefined ? {} : { onCorrupt }) })
}

async function setAside(file: string): Promise<Rig> {
  const rig = Rig.prepare({ answer: replying() })
  await rig.open({ storage: storageOf(file, 'set-aside') })
  return rig
}

// E2
describe('`set-aside`', () => {
  test('renames the file, whole, tells the app that listens by then, and works on a new one', async () => {
    const file = garbageFile()
    const rig = await setAside(file)
    const aside = join(file, '..', ASIDE)
    expect(readFileSync(aside, 'utf8')).toBe(GARBAGE)
    expect(rig.eventsOf('error').map(({ error }) => [error.code, error.message])).toEqual([
      ['STORAGE_CORRUPT', expect.stringContaining(aside)],
    ])
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.advance()
    expect(rig.bodies).toEqual(['one'])
    await rig.close()
    await rig.open({ storage: storageOf(file, 'set-aside') })
    expect(rig.holdfast.status().identity).toBe('alice')
    expect(rig.eventsOf('error')).toHaveLength(1)
  })

  test('takes what belongs to it along: the -wal and the -shm', async () => {
    const file = garbageFile()
    writeFileSync(`${file}-wal`, 'the log')
    writeFileSync(`${file}-shm`, 'the index')
    const rig = await setAside(file)
    const aside = join(file, '..', ASIDE)
    expect(readFileSync(`${aside}-wal`, 'utf8')).toBe('the log')
    expect(readFileSync(`${aside}-shm`, 'utf8')).toBe('the index')
    await rig.close()
  })

  test('never overwrites what was set aside before', async () => {
    const file = garbageFile()
    writeFileSync(join(file, '..', ASIDE), 'an earlier one')
    await setAside(file)
    expect(readFileSync(join(file, '..', ASIDE), 'utf8')).toBe('an earlier one')
    expect(readFileSync(join(file, '..', `${ASIDE}-2`), 'utf8')).toBe(GARBAGE)
  })

  test('leaves a good database where it is', async () => {
    const file = join(temporaryFolder(), 'outbox.db')
    const rig = Rig.prepare()
    await rig.open({ storage: storageOf(file, 'set-aside') })
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    rig.crash()
    await rig.open({ storage: storageOf(file, 'set-aside') })
    expect(rig.holdfast.status().counts.pending).toBe(1)
    expect(readdirSync(join(file, '..')).filter((name) => name.includes('corrupt'))).toEqual([])
    expect(rig.eventsOf('error')).toEqual([])
  })

  test('replays, with the answers of the journal alone from there on', async () => {
    const file = join(temporaryFolder(), 'outbox.db')
    const rig = Rig.prepare({ answer: replying() })
    await rig.open({ storage: storageOf(file, 'set-aside') })
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.close()
    for (const suffix of ['', '-wal', '-shm']) {
      if (existsSync(file + suffix)) writeFileSync(file + suffix, GARBAGE)
    }
    await rig.open({ storage: storageOf(file, 'set-aside') })
    await rig.enqueue('two')
    await rig.close()
    expect((await replay(rig.journal.lines().join('\n'))).withStorage).toBe(false)
  })
})

// E2
describe('`refuse`, the default', () => {
  test.each([['refuse'], [undefined]] as const)(
    '%s leaves every byte as it was',
    async (onCorrupt) => {
      const file = garbageFile()
      const rig = Rig.prepare()
      await expect(rig.open({ storage: storageOf(file, onCorrupt) })).rejects.toMatchObject({
        name: 'HoldfastError',
        code: 'STORAGE_CORRUPT',
      })
      expect(readFileSync(file, 'utf8')).toBe(GARBAGE)
      expect(readdirSync(join(file, '..'))).toEqual(['outbox.db'])
    },
  )
})

test('only what is damaged is set aside: a folder in its place is refused', async () => {
  const file = temporaryFolder()
  const rig = Rig.prepare()
  await expect(rig.open({ storage: storageOf(file, 'set-aside') })).rejects.toMatchObject({
    code: 'STORAGE_UNAVAILABLE',
  })
  expect(existsSync(file)).toBe(true)
})
