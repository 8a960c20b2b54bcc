/** A journal that begins anew whenever it may, so that each of its beginnings can be replayed. */
import type { Summary } from '../../src/engine/snapshot/summary.ts'
import type { InLine, JournalHeader, JournalSink, OutLine } from '../../src/journal/lines.ts'
import { headerLine, numbered, unnumbered } from '../../src/journal/segments.ts'

export interface Beginning {
  /** Questions that were open, alarms that were armed. */
  readonly under: readonly string[]
  readonly summary: Summary
  /** The machines there were. */
  readonly machineCount: number
  /** The journal from there to the end. */
  readonly text: string
}

export class BeginningAnew implements JournalSink {
  /** A test may want it to begin anew at moments of its own choice. */
  isWanted = true
  #header: JournalHeader | null = null
  readonly #lines: { readonly line: InLine | OutLine; readonly text: string }[] = []

  header(header: JournalHeader): void {
    this.#header = header
  }

  wantsSummary(): boolean {
    return this.isWanted
  }

  write(line: InLine | OutLine, t: number, wall?: number): void {
    this.#lines.push({ line, text: unnumbered(line, t, wall) })
  }

  /** Every summary of the run, with what came after it. */
  beginnings(): Beginning[] {
    return this.#lines.flatMap(({ line }, index) => {
      if (!('in' in line) || line.in !== 'summary') return []
      const summary = line.state as unknown as Summary
      const { boundary, lanes, tokens } = summary
      const { open, alarms } = boundary
      return [
        {
          summary,
          under: [...open.map(({ name }) => name), ...alarms],
          machineCount: tokens.length + lanes.filter(({ machine }) => machine !== null).length,
          text: this.#textFrom(index),
        },
      ]
    })
  }

  /** Summaries further on are left out: what comes before them leads there. */
  #textFrom(first: number): string {
    const lines = this.#lines.filter(
      ({ line }, index) =>
        index === first || (index > first && !('in' in line && line.in === 'summary')),
    )
    const texts = lines.map(({ text }, index) => numbered(text, index + 1))
    return [headerLine(this.#header as JournalHeader), ...texts, ''].join('\n')
  }
}
