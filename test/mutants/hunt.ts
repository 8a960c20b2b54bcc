/**
 * Hunts mutants with the simulator: plays the plans of some seeds under each, until an invariant fails that
 * holds in the same plan without it. Runs in a process that has `register.ts`; one line of JSON for each.
 *
 *     node --import ./test/mutants/register.ts test/mutants/hunt.ts impatient:1:2000 newest-first:7:1
 */
import { play } from '../../src/simulation/play.ts'
import { makePlan } from '../../src/simulation/search/make-plan.ts'

/** Which seeds are played under which mutant. */
export interface Hunt {
  readonly mutant: string
  readonly from: number
  readonly count: number
}

export interface Caught {
  readonly mutant: string
  /** The invariant that has failed, and the seed; null: none has. */
  readonly invariant: string | null
  readonly seed: number | null
  readonly tried: number
  readonly ms: number
}

export function hunted({ mutant, from, count }: Hunt): string {
  return `${mutant}:${from}:${count}`
}

type Play = typeof play

async function hunt({ mutant, from, count }: Hunt): Promise<Caught> {
  const address = `../../src/simulation/play.ts?mutant=${mutant}`
  const { play: playMutant } = (await import(address)) as { readonly play: Play }
  if (playMutant === play) throw new Error('start it with --import ./test/mutants/register.ts')
  const beganAt = performance.now()
  const caught = (seed: number | null, invariant: string | null, tried: number) => ({
    mutant,
    invariant,
    seed,
    tried,
    ms: Math.round(performance.now() - beganAt),
  })
  for (let seed = from; seed < from + count; seed += 1) {
    const [found] = await failures(playMutant, seed)
    // Who fails without it too shows nothing.
    if (found !== undefined && (await failures(play, seed)).length === 0) {
      return caught(seed, found, seed - from + 1)
    }
  }
  return caught(null, null, count)
}

/** The invariants that fail; a run that does not come to its end keeps none of them. */
async function failures(simulate: Play, seed: number): Promise<readonly string[]> {
  try {
    const { violations } = await simulate(makePlan(seed))
    return violations.map(({ what }) => what.replace('invariant ', ''))
  } catch {
    return ['ends']
  }
}

for (const named of process.argv.slice(2)) {
  const [mutant = '', from, count] = named.split(':')
  const caught = await hunt({ mutant, from: Number(from), count: Number(count) })
  process.stdout.write(`${JSON.stringify(caught)}\n`)
}
