/**
 * Hunts mutants with the simulator: plays the plans of some seeds, or a scenario, under each, until something fails
 * that holds without it. Runs in a process that has `register.ts`. It writes lines of JSON: each seed before it is
 * played, and the result for each mutant.
 *
 *     node --import ./test/mutants/register.ts test/mutants/hunt.ts impatient:1:2000 newest-first:7:1
 *     node --import ./test/mutants/register.ts test/mutants/hunt.ts impatient:test/scenarios/q1-some-title.yaml
 */
import { readFileSync } from 'node:fs'
import { parseScenario } from '../../src/simulation/parse-scenario.ts'
import { runScenario } from '../../src/simulation/run-scenario.ts'
import type { Scenario } from '../../src/simulation/scenario.ts'
import { makePlan } from '../../src/simulation/search/make-plan.ts'
import { brokenIn } from './broken-in.ts'
import { type Caught, type Hunt, NO_MUTANT, type Playing, readHunt } from './hunts.ts'

type Run = typeof runScenario

async function hunt(hunted: Hunt): Promise<Caught> {
  const { mutant } = hunted
  const runMutant = await runUnder(mutant)
  const beganAt = performance.now()
  let triedCount = 0
  const caught = (at: Caught['at'], by: string | null): Caught => {
    return { mutant, by, at, triedCount, ms: Math.round(performance.now() - beganAt) }
  }
  for (const [at, make] of plansOf(hunted)) {
    await write({ playing: at })
    triedCount += 1
    const plan = make()
    const broken = await brokenIn(async () => runMutant(plan))
    // What fails without the mutant too shows nothing.
    if (broken !== null && (await brokenIn(async () => runScenario(plan))) === null)
      return caught(at, broken)
  }
  return caught(null, null)
}

function* plansOf(hunted: Hunt): Generator<readonly [number | string, () => Scenario]> {
  if ('scenario' in hunted) {
    const { scenario } = hunted
    yield [scenario, () => parseScenario(readFileSync(scenario, 'utf8'), scenario)]
    return
  }
  const { from, count } = hunted
  for (let seed = from; seed < from + count; seed += 1) yield [seed, () => makePlan(seed)]
}

async function runUnder(mutant: string): Promise<Run> {
  if (mutant === NO_MUTANT) return runScenario
  const address = `../../src/simulation/run-scenario.ts?mutant=${mutant}`
  return ((await import(address)) as { readonly runScenario: Run }).runScenario
}

/** Resolves once the parent has it: a run that never gives up its turn holds back all that is buffered. */
async function write(line: Caught | Playing): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    process.stdout.write(`${JSON.stringify(line)}\n`, (error) => {
      if (error) reject(error)
      else resolve()
    })
  })
}

for (const text of process.argv.slice(2)) await write(await hunt(readHunt(text)))
