/** A journal in memory, whole: for tests and the simulation. */
import type { InLine, JournalHeader, JournalSink, OutLine } from './lines.ts'

export class MemoryJournal implements JournalSink {
  readonly #lines: string[] = []

  /** Only the first process of a recording writes it. */
  header(header: JournalHeader): void {
    if (this.#lines.length === 0) this.#lines.push(JSON.stringify(header))
  }

  write(line: InLine | OutLine, t: number, wall?: number): void {
    this.#lines.push(JSON.stringify({ line: this.#lines.length, t, wall, ...line }))
  }

  lines(): readonly string[] {
    return this.#lines
  }
}
