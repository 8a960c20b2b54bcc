/**
 * The journals of a simulated process, whole. One journal is of one release of the app: what a kind's
 * facts are stands in its header.
 */
import { isDeepStrictEqual } from 'node:util'
import type { InLine, JournalHeader, JournalSink, OutLine } from '../journal/lines.ts'
import { MemoryJournal } from '../journal/memory-journal.ts'

export class Recordings implements JournalSink {
  /** Every line of all of them, as it is written. */
  readonly lines: string[] = []
  readonly #journals: MemoryJournal[] = []
  #header: JournalHeader | null = null

  header(header: JournalHeader): void {
    if (isDeepStrictEqual(this.#header?.options.kinds, header.options.kinds)) return
    this.#header = header
    const journal = new MemoryJournal()
    journal.header(header)
    this.#journals.push(journal)
    this.lines.push(...journal.lines())
  }

  write(line: InLine | OutLine, t: number, wall?: number): void {
    const journal = this.#journals.at(-1)
    journal?.write(line, t, wall)
    this.lines.push(journal?.lines().at(-1) ?? '')
  }

  /** What has been written so far, a journal each. */
  journals(): string[][] {
    return this.#journals.map((journal) => [...journal.lines()])
  }
}
