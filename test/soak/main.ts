/** `npm run soak`: faults on real files and real processes, and seeds of the simulated world, for long. */
import { Command, InvalidArgumentError, Option } from 'commander'
import { soak } from './soak.ts'
import { type Totals, TRIALS, type TrialName } from './trials.ts'
import { Violation } from './violation.ts'

const NAMES = Object.keys(TRIALS) as TrialName[]
const PROGRESS_MS = 10_000

interface Options extends Partial<Record<TrialName, number>> {
  readonly minutes?: number
  readonly only?: TrialName
  readonly from: number
}

const program = new Command('soak')
  .description('Kills processes, tears WALs, fills disks and plays seeds, until told to stop.')
  .option('--minutes <n>', 'how long; default: 1, unless counts are given', positive)
  .addOption(new Option('--only <kind>', 'nothing but this').choices(NAMES))
  .option('--from <seed>', 'the seed to begin with', positive, 1)
for (const name of NAMES) program.option(`--${name} <n>`, `exactly so many ${name}`, positive)

program.parse()
const options = program.opts<Options>()
const counted = NAMES.filter((name) => options[name] !== undefined)
const minutes = options.minutes ?? (counted.length > 0 ? null : 1)
const names = options.only !== undefined ? [options.only] : counted.length > 0 ? counted : NAMES

let saidAt = performance.now()
const startedAt = performance.now()
try {
  const sums = await soak({
    names,
    from: options.from,
    isOver: () => minutes !== null && performance.now() - startedAt >= minutes * 60_000,
    counts: options,
    onProgress: (name, seed, totals) => {
      if (performance.now() - saidAt < PROGRESS_MS) return
      saidAt = performance.now()
      say(`${name}, up to seed ${seed}: ${listed(totals)}`)
    },
  })
  for (const [name, totals] of Object.entries(sums)) say(`${name}: ${listed(totals)}`)
  say(`no violation in ${Math.round((performance.now() - startedAt) / 1000)} s`)
} catch (error) {
  if (!(error instanceof Violation)) throw error
  say(`VIOLATION in ${error.message}`)
  process.exitCode = 1
}

function positive(text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('must be more than 0')
  return value
}

function listed(totals: Totals): string {
  return Object.entries(totals)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ')
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
