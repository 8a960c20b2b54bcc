/** Journals in the hands of a test: recorded from a scenario, changed line by line, replayed. */
import { ReplayDivergedError } from '../../src/errors.ts'
import { replay, type ReplayOptions } from '../../src/journal/replay.ts'
import { parseScenario } from '../../src/simulation/parse-scenario.ts'
import { runScenario } from '../../src/simulation/run-scenario.ts'

export type Line = Readonly<Record<string, unknown>>

/** The journal of a scenario, a line each, the header first. */
export async function record(yaml: string): Promise<readonly string[]> {
  const { journal } = await runScenario(parseScenario(yaml, 'scenario.yaml'))
  return journal
}

/** Replays these lines and answers where they diverge; null: nowhere. */
export async function divergence(
  lines: readonly string[],
  options?: ReplayOptions,
): Promise<ReplayDivergedError | null> {
  return replay(`${lines.join('\n')}\n`, options).then(
    () => null,
    (error: unknown) => {
      if (error instanceof ReplayDivergedError) return error
      throw error
    },
  )
}

/** What a replay says that a line differs from: without its number and its times. */
export function contentOf(text: string): Line {
  const { line: _line, t: _t, wall: _wall, ...content } = JSON.parse(text) as Line
  return content
}

/** The numbers of the `out` lines: their indexes too, as the header is no line. */
export function decisionsOf(lines: readonly string[]): number[] {
  return lines.flatMap((text, index) => ('out' in (JSON.parse(text) as Line) ? [index] : []))
}

/** The lines with numbers that have no gap, so that only their contents tell what was done to them. */
export function renumbered([header, ...lines]: readonly (string | undefined)[]): string[] {
  const numbered = lines.map((text, index) =>
    JSON.stringify({ ...(JSON.parse(text ?? '') as Line), line: index + 1 }),
  )
  return [header ?? '', ...numbered]
}

/** With one line put in another's place. */
export function replaced(lines: readonly string[], index: number, line: Line): string[] {
  return lines.with(index, JSON.stringify(line))
}
