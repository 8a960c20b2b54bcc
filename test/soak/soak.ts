/** Runs trials in turns, for as long or as often as told, and stops at the first violation. */
import { addTo, type Totals, TRIALS, type TrialName } from './trials.ts'
import { Violation } from './violation.ts'

export interface SoakOptions {
  readonly names: readonly TrialName[]
  /** The seed of the first trial of each kind. */
  readonly from: number
  /** Is the time over? Default: it never is. */
  readonly isOver?: () => boolean
  /** How many of what; without a count it goes on until the time is over. */
  readonly counts: Readonly<Partial<Record<TrialName, number>>>
  readonly onProgress?: (name: TrialName, seed: number, totals: Totals) => void
}

/** @throws Violation */
export async function soak(options: SoakOptions): Promise<Readonly<Record<string, Totals>>> {
  const { names, from, isOver = () => false, counts, onProgress } = options
  const sums: Record<string, Record<string, number>> = {}
  const left = new Set(names)
  for (let seed = from; left.size > 0; seed += 1) {
    for (const name of left) {
      if (isOver()) return sums
      const sum = (sums[name] ??= {})
      const most = (counts[name] ?? Number.POSITIVE_INFINITY) - (sum[name] ?? 0)
      addTo(sum, await tried(name, seed, most))
      onProgress?.(name, seed, sum)
      if ((sum[name] ?? 0) >= (counts[name] ?? Number.POSITIVE_INFINITY)) left.delete(name)
    }
  }
  return sums
}

async function tried(name: TrialName, seed: number, most: number): Promise<Totals> {
  try {
    return await TRIALS[name](seed, most)
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error)
    const again = `npm run soak -- --only ${name} --from ${seed}`
    throw new Violation(name, [`${what}\n  again: ${again}`])
  }
}
