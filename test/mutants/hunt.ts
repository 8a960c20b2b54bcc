/**
 * Hunts mutants with the simulator: plays the plans of some seeds under each, until an invariant fails where
 * all hold without it. Runs in a process that has `register.ts`; one line of JSON for each.
 *
 *     node --import ./test/mutants/register.ts test/mutants/hunt.ts impatient:1:2000 newest-first:7:1
 */
import { play } from '../../src/simulation/play.ts'
import { makePlan } from '../../src/simulation/search/make-plan.ts'
import { type Caught, type Hunt, readHunt } from './hunts.ts'

type Play = typeof play

async function hunt({ mutant, from, count }: Hunt): Promise<Caught> {
  const address = `../../src/simulation/play.ts?mutant=${mutant}`
  const { play: playMutant } = (await import(address)) as { readonly play: Play }
  const beganAt = performance.now()
  const caught = (seed: number | null, invariant: string | null, triedCount: number): Caught => {
    const ms = Math.round(performance.now() - beganAt)
    return { mutant, invariant, seed, triedCount, ms }
  }
  for (let seed = from; seed < from + count; seed += 1) {
    const broken = await brokenIn(playMutant, seed)
    // What fails without the mutant too shows nothing.
    if (broken !== null && (await brokenIn(play, seed)) === null) {
      return caught(seed, broken, seed - from + 1)
    }
  }
  return caught(null, null, count)
}

/** The first invariant that fails, or null; a run that does not come to its end breaks none. */
async function brokenIn(simulate: Play, seed: number): Promise<string | null> {
  try {
    const { violations } = await simulate(makePlan(seed))
    return violations[0]?.what.replace('invariant ', '') ?? null
  } catch {
    return null
  }
}

for (const text of process.argv.slice(2)) {
  process.stdout.write(`${JSON.stringify(await hunt(readHunt(text)))}\n`)
}
