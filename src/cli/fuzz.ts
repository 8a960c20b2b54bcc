/**
 * `holdfast fuzz`: exit status 0 every plan held, 1 some did not (the smallest of each kind is saved), 2 a
 * file could not be written.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { systemClock } from '../ports/clock.ts'
import type { Coverage } from '../simulation/search/coverage.ts'
import { type Failure, fuzz, type FuzzResult, smallestOf } from '../simulation/search/fuzz.ts'
import { printable, printableJson } from '../scrub/printable.ts'
import { evidenceOf, headlineOf } from './show-mismatch.ts'

export interface FuzzCommandOptions {
  readonly seeds?: number
  readonly seconds?: number
  readonly from: number
  readonly seed?: number
  readonly jobs?: number
  readonly save: string
  readonly json: boolean
}

const DEFAULT_SEEDS = 1000
/** How often the progress is told. */
const PROGRESS_MS = 2000
/** How long a smaller plan of a failure is looked for. */
const SHRINKING_MS = 60_000

interface Saved extends Failure {
  readonly file: string
}

export async function fuzzCommand({
  seed,
  from,
  jobs = availableParallelism(),
  json,
  save,
  ...limits
}: FuzzCommandOptions): Promise<number> {
  const beganAt = systemClock.monotonic()
  const elapsedMs = () => systemClock.monotonic() - beganAt
  const most =
    seed === undefined ? (limits.seeds ?? (limits.seconds === undefined ? DEFAULT_SEEDS : null)) : 1
  const mostMs = (limits.seconds ?? Number.POSITIVE_INFINITY) * 1000
  let toldAt = 0
  let failureCount = 0
  const playing = new Set<number>()
  const result = await fuzz({
    from: seed ?? from,
    jobs: Math.max(1, Math.min(jobs, most ?? jobs)),
    goesOn: (begun) => (most === null || begun < most) && elapsedMs() < mostMs,
    onSeed: (begun) => {
      playing.add(begun)
      // Whatever becomes of it, it is known which one it was.
      if (most === 1) process.stderr.write(`seed ${begun}\n`)
    },
    onProgress: ({ seed: ended, seeds, failures }) => {
      playing.delete(ended)
      for (const failure of failures.slice(failureCount)) {
        process.stderr.write(`seed ${failure.seed}: ${headlineOf(failure)}\n`)
      }
      failureCount = failures.length
      if (elapsedMs() - toldAt < PROGRESS_MS) return
      toldAt = elapsedMs()
      const others = [...playing].join(', ')
      process.stderr.write(
        `${speed(seeds, toldAt)}, ${failures.length} do not hold${others === '' ? '' : `; playing ${others}`}\n`,
      )
    },
  })
  const ranMs = elapsedMs()
  const saved: Saved[] = []
  for (const failure of firstOfEach(result.failures)) {
    const file = join(save, `seed-${failure.seed}.yaml`)
    const until = elapsedMs() + SHRINKING_MS
    try {
      await mkdir(save, { recursive: true })
      await writeFile(file, stringify(await smallestOf(failure, () => elapsedMs() < until)))
    } catch (error) {
      process.stderr.write(`${printable(`${file}: ${(error as Error).message}`)}\n`)
      return 2
    }
    saved.push({ ...failure, file })
  }
  process.stdout.write(
    json ? asJson(result, saved) : asText(result, saved, ranMs, seed !== undefined),
  )
  return result.failures.length === 0 ? 0 : 1
}

/** Whatever does not hold is mostly one thing, many times. */
function firstOfEach(failures: readonly Failure[]): readonly Failure[] {
  return failures.filter(
    ({ what }, index) => failures.findIndex((one) => one.what === what) === index,
  )
}

function asJson({ seeds, failures, coverage }: FuzzResult, saved: readonly Saved[]): string {
  return `${printableJson({ seeds, failures, saved, coverage: Object.fromEntries(coverage) })}\n`
}

function asText(
  { seeds, failures, coverage }: FuzzResult,
  saved: readonly Saved[],
  ranMs: number,
  isOne: boolean,
): string {
  const found = saved.map(
    (failure) =>
      `not ok seed ${failure.seed}: ${headlineOf(failure)}\n${evidenceOf(failure)}` +
      `    the smallest plan of it, run again by: holdfast simulate ${printable(failure.file)}\n`,
  )
  const total = `${speed(seeds, ranMs)}, ${failures.length} do not hold\n`
  return [...found, ...(isOne ? [] : [listOf(coverage)]), total].join('')
}

function listOf(coverage: Coverage): string {
  const width = Math.max(...[...coverage.values()].map((hits) => String(hits).length))
  const lines = [...coverage].map(([mark, hits]) => `  ${String(hits).padStart(width)}  ${mark}\n`)
  const missed = [...coverage].filter(([, hits]) => hits === 0).map(([mark]) => mark)
  const never = missed.length === 0 ? '' : `never happened: ${missed.join(', ')}\n`
  return `what happened, in how many runs:\n${lines.join('')}${never}`
}

function speed(seeds: number, ms: number): string {
  return `${seeds} seeds, ${((seeds * 1000) / Math.max(1, ms)).toFixed(1)} a second`
}
