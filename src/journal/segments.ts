/**
 * A journal that may lose its beginning: lines in segments, each of which begins with a start or a
 * summary, so that the oldest can go and the rest still replays.
 */
import type { InLine, JournalHeader, OutLine } from './lines.ts'

/** The content of a line, without its number: that depends on where the journal begins. */
export type Unnumbered = string

export function beginsSegment(line: InLine | OutLine): boolean {
  return 'in' in line && (line.in === 'start' || line.in === 'summary')
}

/** A line without its number, as JSON less the opening brace. */
export function unnumbered(
  line: InLine | OutLine,
  t: number,
  wall: number | undefined,
): Unnumbered {
  return JSON.stringify({ t, wall, ...line }).slice(1)
}

export function numbered(line: Unnumbered, number: number): string {
  return `{"line":${number},${line}`
}

export function headerLine(header: JournalHeader): string {
  return JSON.stringify(header)
}
