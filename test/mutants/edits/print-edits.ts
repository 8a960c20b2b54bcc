/** The lines that report hunted edits. */
import { type Edit, shown } from './edit.ts'
import { type Hunted, LOADING } from './hunt-edits.ts'
import { A_CRASH, A_HANG, type Run, THE_RUN } from './runs.ts'

/** The line of one result. `text`: the text of the file without the edit. */
export function lineOf({ nth, edit, found, runs, ms }: Hunted, text: string): string {
  const where = typeof found?.at === 'number' ? `seed ${found.at}` : found?.at
  const missed = runs.length === 0 ? 'NOT REACHED' : 'NOT FOUND'
  const what = found === null ? missed : `${found.by}, ${where}`
  const seconds = `${(ms / 1000).toFixed(1)} s`
  const { at } = shown(text, edit)
  return `${String(nth + 1).padStart(4)}  ${edit.id}  ${edit.kind.padEnd(10)}${seconds.padStart(8)}  ${at}  ${what}`
}

/** A survivor with its lines, for a person to judge. `runs`: the runs that reach its place. */
export function survivorOf(edit: Edit, text: string, runs: readonly Run[]): string {
  const { at, before, after } = shown(text, edit)
  const seedCount = runs.filter(isOfSeed).length
  const reach = `${seedCount} seeds and ${runs.length - seedCount} scenarios reach it`
  const lines = (of: string, sign: string) => of.split('\n').map((line) => `    ${sign} ${line}`)
  return [
    `\n${edit.id}  ${at} (${edit.kind}; ${reach})`,
    ...lines(before, '-'),
    ...lines(after, '+'),
  ].join('\n')
}

export function figuresOf(results: readonly Hunted[]): readonly string[] {
  const count = (isIt: (one: Hunted) => boolean): number => results.filter(isIt).length
  const by = (name: string): number => count(({ found }) => found?.by === name)
  const figures = [
    ['found by seeds', count(({ found }) => found !== null && isOfSeed(found.at))],
    ['found by scenarios alone', count(({ found }) => found !== null && !isOfSeed(found.at))],
    ['surviving', count(({ found, runs }) => found === null && runs.length > 0)],
    ['at a place that no run reaches', count(({ runs }) => runs.length === 0)],
  ] as const
  return [
    ...figures.map(([what, number]) => {
      const percent = ((100 * number) / results.length).toFixed(1)
      return `${String(number).padStart(6)} ${percent.padStart(5)} %  ${what}`
    }),
    `of those found, ${by(A_HANG)} hang, ${by(A_CRASH)} crash, ${by(THE_RUN)} break off`,
  ]
}

/** True if a seed finds the edit: loading the engine fails for every seed. */
function isOfSeed(run: Run): boolean {
  return typeof run === 'number' || run === LOADING
}
