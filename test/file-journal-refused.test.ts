/**
 * A journal in a file on a system that refuses to move or to open a file while another program has it open: Windows. It goes
 * on in the same file, from the beginning of that file, and the next rotation tries again.
 */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { FileJournal } from '../src/journal/file-journal.ts'
import { type JournalFiles, systemFiles } from '../src/journal/journal-files.ts'
import { replay } from '../src/journal/replay.ts'
import { leftOutOnWindows, NO_MODES } from './support/systems.ts'
import { replying, Rig } from './support/rig.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const MAX_BYTES = 20_000

const hasNoModes = leftOutOnWindows('the mode of a journal that is begun anew', NO_MODES)

type Code = 'EPERM' | 'EACCES' | 'EBUSY' | 'EIO'

interface Refusals {
  /** How many calls in a row are refused. Default: none. */
  readonly renames?: number
  readonly opens?: number
  readonly code?: Code
}

/** The file system of this machine, which refuses so many of the first calls. */
function refusing({ renames = 0, opens = 0, code = 'EPERM' }: Refusals) {
  const left = { renames, opens }
  const refuse = (what: keyof typeof left) => {
    if (left[what] === 0) return
    left[what] -= 1
    throw Object.assign(new Error(`${code}: scripted`), { code })
  }
  const files: JournalFiles = {
    ...systemFiles,
    rename: (from, to) => {
      refuse('renames')
      systemFiles.rename(from, to)
    },
    openEmptied: (path) => {
      refuse('opens')
      return systemFiles.openEmptied(path)
    },
  }
  return { files, left }
}

/** A journal on such a file system, beside the one of the last run. */
function prepared(refusals: Refusals) {
  const file = join(temporaryFolder(), 'run.jsonl')
  writeFileSync(file, '{"journal":"of the last run"}\n', { mode: 0o644 })
  const errors: Error[] = []
  const { files, left } = refusing(refusals)
  const options = { file, maxBytes: MAX_BYTES, onError: (error: Error) => errors.push(error) }
  return { file, errors, left, journal: new FileJournal(options, files) }
}

function sizesOf(file: string): number[] {
  return [file, `${file}.1`].filter(existsSync).map((one) => statSync(one).size)
}

/** An app that does much, and after each bit looks at the files. */
async function busy(rig: Rig, rounds: number, looked: () => void = () => undefined): Promise<void> {
  for (let n = 0; n < rounds; n += 1) {
    rig.holdfast.pause()
    await rig.enqueue(`${n}`)
    rig.holdfast.resume()
    await rig.advance(10)
    looked()
  }
}

async function expectReplays(file: string): Promise<void> {
  expect((await replay(readFileSync(file, 'utf8'))).decided).toBeGreaterThan(0)
}

// E5
describe('where the system refuses to move the file', () => {
  test.each<[string, number, Code]>([
    ['once', 1, 'EPERM'],
    ['once, as Windows says it of a scanner', 1, 'EBUSY'],
    ['once, as Windows says it of an editor', 1, 'EACCES'],
    ['ten times', 10, 'EPERM'],
    ['always', Number.POSITIVE_INFINITY, 'EPERM'],
  ])(
    '%s, the journal goes on, no file grows beyond maxBytes, and each replays',
    async (_how, renames, code) => {
      const { file, errors, left, journal } = prepared({ renames, code })
      const rig = await Rig.start({ journal, answer: replying() })
      expect(readFileSync(file, 'utf8')).not.toContain('of the last run')
      await rig.login('alice', 'a1')
      const beginnings = new Set<string | undefined>()
      await busy(rig, 300, () => {
        for (const size of sizesOf(file)) expect(size).toBeLessThanOrEqual(MAX_BYTES)
        beginnings.add(readFileSync(file, 'utf8').split('\n')[1])
      })
      await expectReplays(file)
      await rig.close()
      journal.close()
      await expectReplays(file)
      expect(errors).toEqual([])
      const isRotated = renames !== Number.POSITIVE_INFINITY
      expect(existsSync(`${file}.1`)).toBe(isRotated)
      expect(left.renames).toBe(isRotated ? 0 : renames)
      if (isRotated) await expectReplays(`${file}.1`)
      expect(beginnings.size).toBeGreaterThan(10)
    },
  )

  test.skipIf(hasNoModes)('the file that is begun anew is for its user alone', async () => {
    const { file, journal } = prepared({ renames: 1 })
    const rig = await Rig.start({ journal, answer: replying() })
    expect(statSync(file).mode & 0o777).toBe(0o600)
    await rig.close()
    journal.close()
  })

  test('the file before it stays as it is', async () => {
    const { file, journal } = prepared({ renames: Number.POSITIVE_INFINITY })
    writeFileSync(`${file}.1`, 'of the run before the last')
    const rig = await Rig.start({ journal, answer: replying() })
    await busy(rig, 50)
    await rig.close()
    journal.close()
    expect(readFileSync(`${file}.1`, 'utf8')).toBe('of the run before the last')
  })

  test('the next start moves it again', async () => {
    const { file, journal } = prepared({ renames: 1 })
    const rig = await Rig.start({ journal, answer: replying() })
    await rig.close()
    journal.close()
    const text = readFileSync(file, 'utf8')
    const next = new FileJournal({ file })
    next.header({ journal: 1, holdfast: '0.0.0', payloads: 'digest', options: {} })
    next.close()
    expect(readFileSync(`${file}.1`, 'utf8')).toBe(text)
  })

  test('for another reason than another program, the journal ends, and says so once', () => {
    const { errors, journal } = prepared({ renames: 1, code: 'EIO' })
    journal.header({ journal: 1, holdfast: '0.0.0', payloads: 'digest', options: {} })
    journal.write({ in: 'turn' }, 1)
    journal.close()
    expect(errors).toMatchObject([{ code: 'EIO' }])
  })

  test('a folder in the place of the file before it still ends the journal, though it cannot be moved over', () => {
    const { file, errors, journal } = prepared({ renames: 1 })
    mkdirSync(join(`${file}.1`, 'kept'), { recursive: true })
    journal.header({ journal: 1, holdfast: '0.0.0', payloads: 'digest', options: {} })
    journal.close()
    expect(errors).toMatchObject([{ name: 'StorageError', code: 'STORAGE_UNAVAILABLE' }])
    expect(existsSync(join(`${file}.1`, 'kept'))).toBe(true)
    expect(readFileSync(file, 'utf8')).toContain('of the last run')
  })
})

// E5
describe('where the system refuses to open the file too', () => {
  test('the journal begins as soon as that works, with a summary, and replays from there', async () => {
    const { file, errors, journal } = prepared({ renames: 1, opens: 1 })
    const rig = await Rig.start({ journal, answer: replying() })
    await rig.login('alice', 'a1')
    expect(readFileSync(file, 'utf8')).toContain('of the last run')
    await busy(rig, 300)
    expect(readFileSync(file, 'utf8')).toContain('"in":"summary"')
    await expectReplays(file)
    await rig.close()
    journal.close()
    expect(errors).toEqual([])
    // The next rotation could move it.
    expect(readFileSync(`${file}.1`, 'utf8')).not.toBe('')
  })

  test('for ever, nothing is written, the run goes on, and no summary is made for each line', async () => {
    const always = Number.POSITIVE_INFINITY
    const { file, errors, journal } = prepared({ renames: always, opens: always })
    let wishCount = 0
    const wants = journal.wantsSummary.bind(journal)
    journal.wantsSummary = () => {
      const isWanted = wants()
      if (isWanted) wishCount += 1
      return isWanted
    }
    const rig = await Rig.start({ journal, answer: replying() })
    await rig.login('alice', 'a1')
    await busy(rig, 300)
    await rig.close()
    journal.close()
    expect(readFileSync(file, 'utf8')).toContain('of the last run')
    expect(errors).toEqual([])
    expect(wishCount).toBeLessThan(10)
  })
})
