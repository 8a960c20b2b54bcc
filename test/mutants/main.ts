/**
 * `npm run mutants`: every mutant must be found by the simulator within 2,000 seeds. Prints how each was
 * found, and fails if one was not. `--record` writes down the seeds for the test; names choose mutants.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Caught } from './hunts.ts'
import { MUTANTS, mutantOf } from './list.ts'
import { runHunts } from './run-hunts.ts'
import { readSeeds, SEEDS_FILE } from './seeds.ts'

const MOST_SEEDS = 2000
const MOST_MS = 15 * 60_000
const AT_A_TIME = 2

const { values, positionals } = parseArgs({
  options: { record: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const chosen = positionals.length === 0 ? MUTANTS : positionals.map(mutantOf)

const found: Caught[] = []
const left = [...chosen]

async function work(): Promise<void> {
  for (let mutant = left.shift(); mutant !== undefined; mutant = left.shift()) {
    const { id } = mutant
    // Each in a process of its own: one that never ends takes no other along.
    try {
      const hunts = [{ mutant: id, from: 1, count: MOST_SEEDS }]
      await runHunts(hunts, { timeoutMs: MOST_MS, heard: tell })
    } catch (error) {
      process.stderr.write(`${String(error)}\n`)
    }
  }
}

function tell(caught: Caught): void {
  found.push(caught)
  const { mutant, invariant, seed, triedCount, ms } = caught
  print(mutant, mutantOf(mutant).rule, invariant ?? 'NOT FOUND', seed ?? '-', triedCount, ms / 1000)
}

function print(...[mutant, rule, by, seed, tried, seconds]: readonly (string | number)[]): void {
  const time = typeof seconds === 'number' ? seconds.toFixed(1) : String(seconds)
  process.stdout.write(
    `${String(mutant).padEnd(32)}${String(rule).padEnd(6)}${String(by).padEnd(22)}` +
      `${String(seed).padStart(5)}${String(tried).padStart(8)}${time.padStart(9)}\n`,
  )
}

print('mutant', 'rule', 'found by', 'seed', 'tried', 'seconds')
await Promise.all(Array.from({ length: AT_A_TIME }, work))

const seeds = found.flatMap(({ mutant, seed }) => (seed === null ? [] : [[mutant, seed] as const]))
const missing = chosen.filter(({ id }) => !seeds.some(([mutant]) => mutant === id))
if (values.record) {
  const known = new Map([...Object.entries(readSeeds()), ...seeds])
  // In the order of the list, and nothing of mutants that are gone.
  const ordered = MUTANTS.flatMap(({ id }) => {
    const seed = known.get(id)
    return seed === undefined ? [] : [[id, seed] as const]
  })
  writeFileSync(SEEDS_FILE, `${JSON.stringify(Object.fromEntries(ordered), null, 2)}\n`)
}
for (const { id, what } of missing) process.stdout.write(`not found: ${id}: ${what}\n`)
process.exitCode = missing.length === 0 ? 0 : 1
