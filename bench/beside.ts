/**
 * Compares this checkout with another one. Each round measures the other checkout, this one, and the other one
 * again, because figures of different runs cannot be compared. The ratio of the other checkout to itself shows
 * the noise of the machine.
 */
import { execFile } from 'node:child_process'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Bar, type Compared, quantile } from './comparison.ts'
import { nameOf } from './table.ts'

const THIS_CHECKOUT = dirname(dirname(fileURLToPath(import.meta.url)))

/** The output of one run of one comparison is a few KiB of JSON. */
const MOST_OUTPUT_BYTES = 16 * 1_048_576

const run = promisify(execFile)

interface Row {
  readonly title: string
  readonly bar: Bar
  /** The figure of this checkout divided by that of the other one, in each round. */
  readonly changes: readonly number[]
  /** The second figure of the other checkout divided by its first one, in each round. */
  readonly noise: readonly number[]
}

/** Measures the named comparisons of both checkouts, and returns a Markdown table. */
export async function compareCheckouts(
  names: readonly string[],
  other: string,
  rounds: number,
  onRound: (name: string, round: number) => void,
): Promise<string> {
  const folder = resolve(other)
  const rows: Row[] = []
  for (const name of names) {
    const measured: { before: Compared; now: Compared; beforeAgain: Compared }[] = []
    for (let round = 1; round <= rounds; round += 1) {
      onRound(name, round)
      const before = await measure(folder, name)
      const now = await measure(THIS_CHECKOUT, name)
      measured.push({ before, now, beforeAgain: await measure(folder, name) })
    }
    rows.push(...rowsOf(measured))
  }
  return tableOf(rows)
}

/** One round of one comparison, in a process of its own. */
async function measure(checkout: string, name: string): Promise<Compared> {
  const args = ['--expose-gc', 'bench/main.ts', '--only', name, '--rounds', '1', '--json']
  const { stdout } = await run(process.execPath, args, {
    cwd: checkout,
    maxBuffer: MOST_OUTPUT_BYTES,
  })
  const { results } = JSON.parse(stdout) as { readonly results: readonly Compared[] }
  const compared = results.find((result) => result.name === name)
  if (compared === undefined) throw new Error(`${checkout} has no comparison ${name}`)
  return compared
}

function rowsOf(
  measured: readonly { readonly before: Compared; now: Compared; beforeAgain: Compared }[],
): Row[] {
  const [first] = measured
  if (first === undefined) return []
  return first.before.verdicts.map(({ bar }, index) => {
    return {
      title: first.before.title,
      bar,
      changes: measured.map(({ before, now }) => ratio(now, before, bar, index)),
      noise: measured.map(({ before, beforeAgain }) => ratio(beforeAgain, before, bar, index)),
    }
  })
}

/** A difference can be near 0, and its ratio then says nothing: the ratio of the figure itself is taken instead. */
function ratio(now: Compared, before: Compared, bar: Bar, index: number): number {
  const valueOf = ({ figures, verdicts }: Compared) =>
    bar.above === 'by'
      ? figures.find(({ subject }) => subject === bar.of)?.median
      : verdicts[index]?.reached
  const [value = Number.NaN, former = Number.NaN] = [valueOf(now), valueOf(before)]
  return value === former ? 1 : value / former
}

function tableOf(rows: readonly Row[]): string {
  return [
    '| ratio | better is | this checkout / other | other / itself |',
    '|---|---|---:|---:|',
    ...rows.map(
      ({ title, bar, changes, noise }) =>
        `| ${title}: ${nameOf(bar)} | ${bar.atLeast === undefined ? 'less' : 'more'} ` +
        `| ${quantile(changes, 0.5).toFixed(3)} | ${quantile(noise, 0.5).toFixed(3)} |`,
    ),
    '',
  ].join('\n')
}
