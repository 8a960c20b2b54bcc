/** What is no journal is refused with the line and what to do, and never half replayed. */
import { describe, expect, it, test } from 'vitest'
import { HoldfastError } from '../src/errors.ts'
import { fileJournal } from '../src/journal/file-journal.ts'
import { readJournal } from '../src/journal/read-journal.ts'
import { replay } from '../src/journal/replay.ts'
import { type Line, record, renumbered } from './support/journals.ts'
import { MERGED_LOST_AND_RETRIED } from './support/recorded-scenarios.ts'

const lines = await record(MERGED_LOST_AND_RETRIED)
const header = JSON.parse(lines[0] ?? '') as Line
const calls = lines.findIndex((text) => text.includes('"name":"login"'))
const answers = lines.findIndex((text) => text.includes('"in":"answer"'))
const alarms = lines.findIndex((text) => text.includes('"in":"alarm"'))

/** The message of the refusal. */
async function refusal(texts: readonly string[]): Promise<string> {
  const error: unknown = await replay(texts.join('\n')).then(
    () => null,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(HoldfastError)
  expect(error).toMatchObject({ code: 'JOURNAL_INVALID' })
  return (error as HoldfastError).message
}

function changed(index: number, fields: Line): string[] {
  const line = JSON.parse(lines[index] ?? '') as Line
  return lines.with(index, JSON.stringify({ ...line, ...fields }))
}

describe('the header', () => {
  test.each([
    ['an empty file', []],
    ['a first line that is not JSON', ['scenario: 1', ...lines]],
    ['a torn header', [lines[0]?.slice(0, 40) ?? '']],
    ['a header that is missing', lines.slice(1)],
    ['a first line that is a number', ['1', ...lines.slice(1)]],
    ['a first line that is a list', ['[]', ...lines.slice(1)]],
  ])('%s is refused', async (_what, texts) => {
    expect(await refusal(texts)).toMatch(
      /^line 1 of the file: .*not the header.*give the whole file/,
    )
  })

  test.each([2, 0, '1', null])('major version %j is refused', async (journal) => {
    const message = await refusal(changed(0, { journal }))
    expect(message).toContain(`line 1 of the file: version ${JSON.stringify(journal)}`)
    expect(message).toContain('use a newer holdfast')
  })

  test.each([{}, { settings: {} }, { kinds: [] }, null, 'none'])(
    'the options %j are refused',
    async (options) => {
      expect(await refusal(changed(0, { options }))).toMatch(/^line 1 of the file: .*options/)
    },
  )

  it('one that has lost its beginning says that it cannot be replayed', async () => {
    expect(await refusal(changed(0, { beginningLost: true }))).toContain('lost its beginning')
  })
})

describe('the lines', () => {
  it('a gap in the numbers is refused, wherever it is', async () => {
    for (const index of [1, 2, 20, lines.length - 2]) {
      const message = await refusal(lines.toSpliced(index, 1))
      expect(message).toContain(`line ${index + 1} of the file: its number is ${index + 1}`)
      expect(message).toContain(`after ${index - 1} comes ${index}`)
      expect(message).toContain('cut the journal before it')
    }
  })

  it('a number that comes twice is refused', async () => {
    const message = await refusal(lines.toSpliced(5, 0, lines[5] ?? ''))
    expect(message).toContain('line 7 of the file: its number is 5, after 5 comes 6')
  })

  test.each(['null', '7', '"text"', '[]', '{}'])('%s in the middle is refused', async (text) => {
    expect(await refusal(lines.toSpliced(5, 0, text))).toContain('line 6 of the file')
  })

  it('what is not JSON is refused in the middle, and ignored at the end', async () => {
    expect(await refusal(lines.toSpliced(5, 0, '{"line":5,'))).toContain(
      'line 6 of the file: it is not JSON',
    )
    expect(readJournal([...lines, '{"line":'].join('\n')).lines).toHaveLength(lines.length - 1)
  })

  test.each([{ t: 'soon' }, { t: undefined }, { in: undefined }, { in: 5 }])(
    'a line with %j is refused',
    async (fields) => {
      expect(await refusal(changed(calls, fields))).toContain(`line ${calls + 1} of the file`)
    },
  )
})

describe('what comes in', () => {
  test.each([
    ['a call that is not known', calls, { name: 'selfDestruct' }, 'there is no call selfDestruct'],
    ['a call with arguments of another shape', calls, { args: null }, 'it cannot be read'],
    ['an answer to a question that was not asked', answers, { ask: 99 }, 'question 99 is not open'],
    ['an alarm that is not armed', alarms, { name: 'clock' }, 'the alarm clock is not armed'],
    ['a thing that is not known', calls, { in: 'prophecy' }, 'nothing is known of prophecy'],
  ])('%s is refused', async (_what, index, fields, why) => {
    const message = await refusal(changed(index, fields))
    expect(message).toContain(`line ${index + 1} of the file: ${why}`)
    expect(message).toContain('replay it with the version that recorded it')
  })

  it('a journal that begins in the middle without a summary is refused', async () => {
    const middle = renumbered(lines.toSpliced(1, 1))
    expect(await refusal(middle)).toContain(
      'line 2 of the file: a journal begins with a start or a summary',
    )
  })

  it('a summary that is none is refused', async () => {
    const summary = JSON.stringify({ line: 1, t: 0, wall: 0, in: 'summary', state: {} })
    expect(await refusal([JSON.stringify(header), summary])).toContain('the summary cannot be read')
  })
})

test.each([0, -1, Number.NaN])('a file that is to rotate past %d bytes is refused', (maxBytes) => {
  expect(() => fileJournal({ file: 'never-made.jsonl', maxBytes })).toThrow(RangeError)
})
