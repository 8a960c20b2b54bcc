/**
 * `npm run bench`: what Holdfast costs over bare SQLite, and beside its peers. All in one run and in turn,
 * because absolute figures drift with the machine; ratios of what is measured close together hardly do.
 */
import { Command, InvalidArgumentError } from 'commander'
import { compareCheckouts } from './beside.ts'
import { blockingComparison } from './benchmarks/blocking.ts'
import { drainComparisons } from './benchmarks/drain.ts'
import { enqueueComparisons } from './benchmarks/enqueue.ts'
import { growthComparisons } from './benchmarks/growth.ts'
import { herdComparison } from './benchmarks/herd.ts'
import { httpComparison } from './benchmarks/http.ts'
import { idleComparison } from './benchmarks/idle.ts'
import { importComparison } from './benchmarks/import.ts'
import { compare, type Compared, type Comparison } from './comparison.ts'
import { describeMachine } from './machine.ts'
import { DURABILITIES } from './subjects/durability.ts'
import { machineLine, summaryOf, tableOf } from './table.ts'

const COMPARISONS: readonly Comparison[] = [
  ...DURABILITIES.flatMap(enqueueComparisons),
  ...DURABILITIES.flatMap(drainComparisons),
  httpComparison,
  idleComparison,
  ...growthComparisons,
  blockingComparison,
  herdComparison,
  importComparison,
]

interface Options {
  readonly only?: readonly string[]
  readonly rounds: number
  readonly json: boolean
  readonly beside?: string
}

const command = new Command('bench')
  .option('--only <names...>', 'only what begins with one of these names')
  .option('--rounds <count>', 'how often each is measured; the median counts', countOf, 5)
  .option('--json', 'print the whole result as JSON', false)
  .option('--beside <checkout>', 'compare with the checkout in this folder, in turn')
  .addHelpText('after', `\nNames: ${COMPARISONS.map(({ name }) => name).join(', ')}`)
  .action(run)

await command.parseAsync()

async function run({ only = [''], rounds, json, beside }: Options): Promise<void> {
  const chosen = COMPARISONS.filter(({ name }) => only.some((start) => name.startsWith(start)))
  if (chosen.length === 0) command.error(`nothing is called ${only.join(', ')}; see --help`)
  if (beside !== undefined) {
    const names = chosen.filter(({ isModel }) => isModel !== true).map(({ name }) => name)
    const tell = (name: string, round: number) =>
      process.stderr.write(`${name}: round ${round} of ${rounds}\n`)
    console.log(await compareCheckouts(names, beside, rounds, tell))
    return
  }
  const machine = describeMachine()
  const results: Compared[] = []
  if (!json) console.log(`${machineLine(machine)}\n`)
  for (const comparison of chosen) {
    const compared = await compare(comparison, rounds)
    results.push(compared)
    if (!json) console.log(tableOf(compared))
  }
  if (!json) console.log(summaryOf(results))
  if (json) console.log(JSON.stringify({ machine, results }, null, 2))
}

function countOf(text: string): number {
  const count = Number(text)
  if (Number.isSafeInteger(count) && count > 0) return count
  throw new InvalidArgumentError('a whole number from 1')
}
