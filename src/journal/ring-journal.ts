/**
 * A journal in memory that keeps the newest lines: cheap enough for production, ready for a bug report.
 * It begins with a summary of the state at that point, so it replays by itself.
 */
import { flagOf } from '../checks/flags.ts'
import { wholeNumberOf } from '../checks/numbers.ts'
import type { InLine, JournalHeader, JournalSink, OutLine } from './lines.ts'
import { beginsSegment, headerLine, numbered, unnumbered, type Unnumbered } from './segments.ts'

export interface RingJournalOptions {
  /**
   * How many lines are kept, about. While too much is under way for a summary of the state there are more, but
   * never more than eight times as many. Default: 2000.
   */
  readonly lines?: number
  /**
   * Replaces user ids by pseudonyms: digests with the key of the database, the same in all its journals. Default: false.
   */
  readonly pseudonyms?: boolean
}

const DEFAULT_LINES = 2000
/** While too much is under way for a summary, it grows to so many times its size before it is cut anyway. */
const PATIENCE = 8

export class RingJournal implements JournalSink {
  readonly pseudonyms: boolean
  readonly #half: number
  #header: JournalHeader | null = null
  /** The segment before the current one; dropped when the current one is full. */
  #former: Unnumbered[] = []
  #current: Unnumbered[] = []
  #isWhole = true
  /** Why there was no summary when one was wanted; null: none was wanted. */
  #why: string | null = null

  constructor({ lines = DEFAULT_LINES, pseudonyms = false }: RingJournalOptions = {}) {
    this.pseudonyms = flagOf('ringJournal: pseudonyms', pseudonyms)
    this.#half = Math.ceil(wholeNumberOf('ringJournal: lines', lines, 2) / 2)
  }

  header(header: JournalHeader): void {
    this.#header = header
  }

  wantsSummary(): boolean {
    return this.#current.length >= this.#half || !this.#isWhole
  }

  noSummary(why: string): void {
    this.#why = why
  }

  write(line: InLine | OutLine, t: number, wall?: number): void {
    if ('in' in line && line.in === 'summary') {
      this.#former = this.#isWhole ? this.#current : []
      this.#current = []
      this.#isWhole = true
    } else if (beginsSegment(line) && !this.#isWhole) {
      this.#former = []
      this.#current = []
      this.#isWhole = true
    }
    this.#current.push(unnumbered(line, t, wall))
    if (this.#current.length < this.#half * PATIENCE) return
    // Nothing to begin with for so long: what is left does not replay, until the next summary.
    this.#former = []
    this.#current = this.#current.slice(-this.#half)
    this.#isWhole = false
  }

  #lostHeader(header: JournalHeader): JournalHeader {
    const why = this.#why
    return { ...header, beginningLost: true, ...(why === null ? {} : { why }) }
  }

  /** The journal so far, as the text that `holdfast replay` takes. */
  text(): string {
    if (this.#header === null) return ''
    // A summary in the middle is not needed: what comes before it leads there.
    const [summary, ...rest] = this.#current
    const isContinued = this.#former.length > 0 && summary !== undefined
    const lines = isContinued ? [...this.#former, ...rest] : this.#current
    const header = this.#isWhole ? this.#header : this.#lostHeader(this.#header)
    const numberedLines = lines.map((line, index) => numbered(line, index + 1))
    return [headerLine(header), ...numberedLines, ''].join('\n')
  }
}

/** Keeps the newest lines of a run in memory; `text()` is the journal. */
export function ringJournal(options?: RingJournalOptions): RingJournal {
  return new RingJournal(options)
}
