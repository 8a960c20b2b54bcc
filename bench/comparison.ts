/** What is compared: several ways of doing one work, measured in turn, in several rounds. */

/** One way of doing it. */
export interface Subject {
  readonly name: string
  /** One round: a rate, a time, a size, in the unit of its comparison. */
  readonly measure: () => Promise<number>
}

export type Unit = 'per second' | 'ms' | 'MiB' | 'µs' | 'times the capacity'

/** What is aimed at: a subject's figure, or its ratio to another one's. */
export interface Bar {
  readonly of: string
  /** Null: the figure itself. */
  readonly to: string | null
  /** By how much it is more, instead of the ratio. */
  readonly above?: 'by'
  readonly atLeast?: number
  readonly atMost?: number
}

export interface Comparison {
  /** For `--only`. */
  readonly name: string
  readonly title: string
  readonly unit: Unit
  readonly subjects: readonly Subject[]
  readonly bars: readonly Bar[]
  /** True if nothing of this machine is measured: there is nothing to compare with another checkout. */
  readonly isModel?: true
  /** Default: as the command says. */
  readonly rounds?: number
  /** What all rounds need; answers how to tidy up. */
  readonly prepare?: () => Promise<() => Promise<void> | void>
}

interface Figure {
  readonly subject: string
  readonly median: number
  readonly least: number
  readonly most: number
}

interface Verdict {
  readonly bar: Bar
  /** The median of what the rounds came to. */
  readonly reached: number
  readonly isReached: boolean
}

export interface Compared {
  readonly name: string
  readonly title: string
  readonly unit: Unit
  readonly figures: readonly Figure[]
  readonly verdicts: readonly Verdict[]
}

/** Measures every subject in turn, round after round; the first round is a warm-up. */
export async function compare(comparison: Comparison, rounds: number): Promise<Compared> {
  const { name, title, unit, subjects, bars } = comparison
  const tidyUp = await comparison.prepare?.()
  const measured = new Map<string, number[]>(subjects.map((subject) => [subject.name, []]))
  for (let round = 0; round <= (comparison.rounds ?? rounds); round += 1) {
    for (const subject of subjects) {
      globalThis.gc?.({ type: 'minor' })
      const figure = await subject.measure()
      if (round > 0) measured.get(subject.name)?.push(figure)
    }
  }
  await tidyUp?.()
  return {
    name,
    title,
    unit,
    figures: Array.from(measured, ([subject, figures]) => ({
      subject,
      median: median(figures),
      least: Math.min(...figures),
      most: Math.max(...figures),
    })),
    verdicts: bars.map((bar) => judge(bar, measured)),
  }
}

/** By the rounds: what is measured close together is compared. */
function judge(bar: Bar, measured: ReadonlyMap<string, readonly number[]>): Verdict {
  const { of, to, atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY } = bar
  const others = to === null ? null : (measured.get(to) ?? [])
  const values = (measured.get(of) ?? []).map((value, round) => {
    const other = others?.[round]
    if (other === undefined) return value
    return bar.above === 'by' ? value - other : value / other
  })
  const reached = median(values)
  return { bar, reached, isReached: reached >= atLeast && reached <= atMost }
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}
