/** What a soak run does in turns. Each trial is one seed; who has had enough of one kind says so. */
import { fuzz } from '../../src/simulation/search/fuzz.ts'
import { fullDisk } from './full-disk.ts'
import { killCampaign } from './kill-campaign.ts'
import { tornWal } from './torn-wal.ts'
import { Violation } from './violation.ts'

/** Counts, by what was counted. */
export type Totals = Readonly<Record<string, number>>

/** Runs the trial of a seed, with at most so many of what its name says. @throws Violation */
export type Trial = (seed: number, most: number) => Promise<Totals>

/** Plans of one trial. */
const PLANS = 20

export const TRIALS = {
  kills: async (seed, most) => ({ ...(await killCampaign(seed, most)) }),
  torn: async (seed, most) => ({ ...(await tornWal(seed, most)) }),
  full: async (seed, most) => ({ ...(await fullDisk(seed, most)) }),
  seeds: async (seed, most) => {
    const goesOn = (seeds: number) => seeds < Math.min(PLANS, most)
    const { seeds, failures } = await fuzz({ from: 1 + (seed - 1) * PLANS, goesOn })
    const complaints = failures.map((failure) => JSON.stringify(failure))
    if (complaints.length > 0) throw new Violation('a simulated world', complaints)
    return { seeds }
  },
} satisfies Readonly<Record<string, Trial>>

export type TrialName = keyof typeof TRIALS

export function addTo(sum: Record<string, number>, totals: Totals): void {
  for (const [name, count] of Object.entries(totals)) sum[name] = (sum[name] ?? 0) + count
}
