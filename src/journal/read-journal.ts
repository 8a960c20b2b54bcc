/** From the text of a journal to its lines, or to an error that says why not. */
import { HoldfastError } from '../errors.ts'
import type { JournalHeader, JournalLine } from './lines.ts'

export interface Journal {
  readonly header: JournalHeader
  readonly lines: readonly JournalLine[]
}

/**
 * A torn last line is ignored, unknown fields are skipped.
 *
 * @throws HoldfastError `JOURNAL_INVALID`, naming the line.
 */
export function readJournal(text: string): Journal {
  const texts = text.split('\n')
  if (texts.at(-1) === '') texts.pop()
  const [first, ...rest] = texts.map((line, index) =>
    parse(line, index, index === texts.length - 1),
  )
  const header = first as JournalHeader | null | undefined
  if (header?.journal === undefined) throw invalid(1, 'it is not the header of a journal')
  if (header.journal !== 1) {
    throw invalid(1, `version ${String(header.journal)} is not known here; use a newer holdfast`)
  }
  const lines = rest.filter((line) => line !== null) as JournalLine[]
  const gap = lines.findIndex((line, index) => line.line !== index + 1)
  if (gap !== -1) {
    throw invalid(
      gap + 2,
      `its number is ${String(lines[gap]?.line)}, after ${gap} comes ${gap + 1}`,
    )
  }
  return { header, lines }
}

function parse(text: string, index: number, isLast: boolean): unknown {
  try {
    return JSON.parse(text)
  } catch {
    if (isLast && index > 0) return null
    throw invalid(index + 1, 'it is not JSON')
  }
}

function invalid(line: number, what: string): HoldfastError {
  return new HoldfastError('JOURNAL_INVALID', `line ${line} of the file: ${what}`)
}
