/**
 * `npm run mutants`: every mutant must be found, by the simulator within 2,000 seeds, or by what its entry names.
 * Prints how each was found, and fails if one was not. Names choose mutants.
 *
 *     --record     writes down the seeds for the test
 *     --seeds      hunts those by seeds too that something else finds
 *     --count 60   so many seeds
 *
 * `--edits 200` hunts a random sample of 200 small edits instead (`edits/run-edits.ts`):
 *
 *     --seed 7      the seed of the sample; default: a random one
 *     --count 200   so many seeds
 *     --tree DIR    another checkout
 */
import { randomInt } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { runEdits } from './edits/run-edits.ts'
import type { Caught } from './hunts.ts'
import { MUTANTS, mutantOf } from './list.ts'
import type { Mutant } from './mutant.ts'
import { runHunts } from './run-hunts.ts'
import { runTest } from './run-test.ts'
import { readSeeds, SEEDS_FILE } from './seeds.ts'

const AT_A_TIME = 2

const { values, positionals } = parseArgs({
  options: {
    record: { type: 'boolean', default: false },
    seeds: { type: 'boolean', default: false },
    count: { type: 'string' },
    edits: { type: 'string' },
    seed: { type: 'string' },
    tree: { type: 'string' },
  },
  allowPositionals: true,
})
const count = Number(values.count ?? 2000)
const chosen = positionals.length === 0 ? MUTANTS : positionals.map(mutantOf)

const found: Caught[] = []
const left = [...chosen]

async function work(): Promise<void> {
  for (let mutant = left.shift(); mutant !== undefined; mutant = left.shift()) {
    try {
      tell(await find(mutant))
    } catch (error) {
      process.stderr.write(`${String(error)}\n`)
    }
  }
}

async function find({ id, foundBy }: Mutant): Promise<Caught> {
  // Each in a process of its own: one that breaks off takes no other along.
  const bySeeds = async () => only(await runHunts([{ mutant: id, from: 1, count }]))
  if (foundBy === undefined) return bySeeds()
  const caught = values.seeds ? await bySeeds() : null
  if (caught !== null && caught.by !== null) return caught
  const { file } = foundBy
  if (!file.endsWith('.yaml')) return runTest(id, foundBy)
  return only(await runHunts([{ mutant: id, scenario: file }]))
}

function only([caught]: readonly Caught[]): Caught {
  if (caught === undefined) throw new Error('a hunt has no result')
  return caught
}

function tell(caught: Caught): void {
  found.push(caught)
  const { mutant, by, at, triedCount, ms } = caught
  const { rule } = mutantOf(mutant)
  print(mutant, rule, triedCount, (ms / 1000).toFixed(1), by ?? 'NOT FOUND', at ?? '-')
}

function print(...[mutant, rule, tried, seconds, by, at]: readonly (string | number)[]): void {
  process.stdout.write(
    `${String(mutant).padEnd(40)}${String(rule).padEnd(6)}${String(tried).padStart(6)}` +
      `${String(seconds).padStart(9)}  ${String(at).padEnd(8)} ${String(by)}\n`,
  )
}

function whole(option: string, text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value))
    throw new RangeError(`${option} must be a whole number: ${text}`)
  return value
}

async function huntMutants(): Promise<void> {
  print('mutant', 'rule', 'tried', 'seconds', 'found by', 'at')
  await Promise.all(Array.from({ length: AT_A_TIME }, work))

  const missing = chosen.filter(
    ({ id }) => !found.some((one) => one.mutant === id && one.by !== null),
  )
  if (values.record) {
    const seeds = found.flatMap(({ mutant, at }) =>
      typeof at === 'number' ? [[mutant, at] as const] : [],
    )
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
}

if (values.edits === undefined) await huntMutants()
else {
  await runEdits({
    tree: resolve(values.tree ?? fileURLToPath(new URL('../../', import.meta.url))),
    count: whole('--edits', values.edits),
    seed: values.seed === undefined ? randomInt(1_000_000) : whole('--seed', values.seed),
    seedCount: whole('--count', values.count ?? '200'),
    print: (line) => void process.stdout.write(`${line}\n`),
  })
}
