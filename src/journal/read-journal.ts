/** From the text of a journal to its lines, or to an error that says why not. */
import { HoldfastError } from '../errors.ts'
import { checkKinds, checkSettings } from './checked-settings.ts'
import { settingsOfToday } from './former-names.ts'
import { asOfToday } from './former-rows.ts'
import type { JournalHeader, JournalLine, JsonRecord } from './lines.ts'

export interface Journal {
  readonly header: JournalHeader
  readonly lines: readonly JournalLine[]
}

type Fields = Readonly<Record<string, unknown>>

/**
 * A torn last line is ignored, unknown fields are skipped.
 *
 * @throws HoldfastError `JOURNAL_INVALID`, naming the line and what to do.
 */
export function readJournal(text: string): Journal {
  const texts = text.split('\n')
  if (texts.at(-1) === '') texts.pop()
  const header = headerOf(texts[0] ?? '')
  const lines = texts.slice(1).flatMap((line, index) => {
    const parsed = parse(line)
    if (parsed === undefined && index === texts.length - 2) return []
    return [ofToday(lineOf(parsed, index + 1), header.rows ?? 1)]
  })
  return { header, lines }
}

function ofToday(line: JournalLine, rows: number): JournalLine {
  try {
    return asOfToday(line, rows)
  } catch (error) {
    // The stack ends before the line does.
    if (!(error instanceof RangeError)) throw error
    throw invalidLine(line.line + 1, 'it is nested too deeply; no recording writes such a line')
  }
}

/** The journal is of no use from this line of its file on. */
export function invalidLine(line: number, what: string): HoldfastError {
  return new HoldfastError('JOURNAL_INVALID', `line ${line} of the file: ${what}`)
}

function headerOf(text: string): JournalHeader {
  const header = parse(text)
  if (!isRecord(header) || header.journal === undefined) {
    const what = 'it is not the header of a journal; give the whole file, from its first line on'
    throw invalidLine(1, what)
  }
  if (header.journal !== 1) {
    const version = JSON.stringify(header.journal)
    throw invalidLine(1, `version ${version} is not known here; use a newer holdfast`)
  }
  const { options } = header
  if (!isRecord(options) || !isRecord(options.settings) || !Array.isArray(options.kinds)) {
    throw invalidLine(1, 'the header has no options.settings or options.kinds; record it anew')
  }
  const settings = settingsOfToday(options.settings as JsonRecord)
  try {
    checkSettings(settings)
    checkKinds(options.kinds)
  } catch (error) {
    throw invalidLine(1, `${(error as Error).message}; record it anew`)
  }
  return { ...header, options: { ...options, settings } } as unknown as JournalHeader
}

/** The line of this number, as it was parsed; undefined: it is not JSON. */
function lineOf(parsed: unknown, number: number): JournalLine {
  const at = number + 1
  if (parsed === undefined) {
    throw invalidLine(at, 'it is not JSON; cut the journal before it to replay the rest')
  }
  if (!isRecord(parsed) || parsed.line !== number) {
    const found = isRecord(parsed) ? JSON.stringify(parsed.line) : 'missing'
    const what = `its number is ${found}, after ${number - 1} comes ${number}`
    throw invalidLine(at, `${what}; cut the journal before it, or find the lines that are lost`)
  }
  const { t } = parsed
  const isLine = typeof parsed.in === 'string' || typeof parsed.out === 'string'
  if (typeof t === 'number' && isLine) return parsed as unknown as JournalLine
  const what = 'it has no t, or neither in nor out; cut the journal before it to replay the rest'
  throw invalidLine(at, what)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
