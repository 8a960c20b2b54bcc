/**
 * `npm run mutants -- --edits 200`: hunts a random sample of edits with the seeds and the scenarios. Prints the score, and
 * each survivor, so that a person can decide whether it is a fault, and which check or which run is missing.
 */
import { type Edit, edited } from './edit.ts'
import { editsOf } from './edits-of.ts'
import { type Hunted, huntEdits, playWithout } from './hunt-edits.ts'
import { figuresOf, lineOf, survivorOf } from './print-edits.ts'
import { type Sample, sampleOf } from './sample.ts'
import { readSources, scenariosOf, type Sources } from './tree.ts'
import { TypeChecks } from './type-checks.ts'

interface Options {
  /** The root of the tree that is edited and played. */
  readonly tree: string
  /** How many edits. */
  readonly count: number
  /** Of the sample. */
  readonly seed: number
  /** With each edit, the plans of the seeds from 1 to this one are played. */
  readonly seedCount: number
  /** Called with each line of the output. */
  readonly print: (line: string) => void
}

export async function runEdits({ tree, count, seed, seedCount, print }: Options): Promise<void> {
  const sources = readSources(tree)
  const textOf = ({ file }: Edit): string => sources.get(file) ?? ''
  const { edits, unsoundCount, allCount } = drawn(tree, sources, { seed, count })
  print(`sample of --seed ${seed}: ${edits.length} of ${allCount} edits of ${sources.size} files`)
  print(`${unsoundCount} more were drawn and refused, because they have type errors`)

  const seeds = Array.from({ length: seedCount }, (_, at) => at + 1)
  const scenarios = scenariosOf(tree)
  const { broken, runsOf } = await playWithout(tree, edits, [...seeds, ...scenarios])
  for (const run of broken) print(`left out, because it fails without an edit: ${run}`)

  const results: Hunted[] = []
  const heard = (hunted: Hunted): void => {
    results.push(hunted)
    print(lineOf(hunted, textOf(hunted.edit)))
  }
  await huntEdits(tree, edits, { runsOf, heard })
  const left = results
    .filter(({ found }) => found === null)
    // Edits that no run reaches come last: they say that a plan is missing, not a check.
    .toSorted((one, other) => isUnreached(one) - isUnreached(other) || one.nth - other.nth)
  for (const { edit, runs } of left) print(survivorOf(edit, textOf(edit), runs))
  print(`\nsample of --seed ${seed}, seeds 1 to ${seedCount}, ${scenarios.length} scenarios`)
  for (const line of figuresOf(results)) print(line)
}

function isUnreached({ runs }: Hunted): number {
  return runs.length === 0 ? 1 : 0
}

function drawn(
  tree: string,
  sources: Sources,
  options: Pick<Options, 'seed' | 'count'>,
): Sample & { readonly allCount: number } {
  const all = [...sources].flatMap(([file, text]) => editsOf(file, text))
  const types = new TypeChecks(tree, sources)
  const isSound = (edit: Edit): boolean =>
    types.holds(edit.file, edited(sources.get(edit.file) ?? '', edit))
  return { ...sampleOf(all, { ...options, isSound }), allCount: all.length }
}
