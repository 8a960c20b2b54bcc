/** Runs trials in turns, for as long or as often as told, and stops at the first violation. */
import { addTo, type Totals, TRIALS, type TrialName } from './trials.ts'

export interface SoakOptions {
  readonly names: readonly TrialName[]
  /** The seed of the first trial of each kind. */
  readonly from: number
  /** Until when, by `now`; null: until the counts are reached. */
  readonly until: number | null
  /** How many of what; what has no count here goes on until the time is over. */
  readonly counts: Readonly<Partial<Record<TrialName, number>>>
  readonly now: () => number
  readonly onProgress: (name: TrialName, seed: number, totals: Totals) => void
}

/** @throws Violation */
export async function soak(options: SoakOptions): Promise<Readonly<Record<string, Totals>>> {
  const { names, from, until, counts, now, onProgress } = options
  const sums: Record<string, Record<string, number>> = {}
  const left = new Set(names)
  for (let seed = from; left.size > 0; seed += 1) {
    for (const name of left) {
      if (until !== null && now() >= until) return sums
      const sum = (sums[name] ??= {})
      const most = (counts[name] ?? Number.POSITIVE_INFINITY) - (sum[name] ?? 0)
      addTo(sum, await TRIALS[name](seed, most))
      onProgress(name, seed, sum)
      if ((sum[name] ?? 0) >= (counts[name] ?? Number.POSITIVE_INFINITY)) left.delete(name)
    }
  }
  return sums
}
