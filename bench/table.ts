/** What was measured, as text: Markdown, so that it can stand in a document as it is. */
import type { Bar, Compared, Unit } from './comparison.ts'
import type { Machine } from './machine.ts'

export function machineLine({ date, processor, cores, memoryGiB, node, sqlite }: Machine): string {
  return `${date}, ${processor}, ${cores} cores, ${memoryGiB} GiB, Node ${node}, SQLite ${sqlite}`
}

export function tableOf({ title, unit, figures, verdicts }: Compared): string {
  return [
    `**${title}** (${unit})`,
    '',
    '| subject | median | least | most |',
    '|---|---:|---:|---:|',
    ...figures.map(
      ({ subject, median, least, most }) =>
        `| ${subject} | ${shown(median, unit)} | ${shown(least, unit)} | ${shown(most, unit)} |`,
    ),
    '',
    ...verdicts.map(
      ({ bar, reached, isReached }) =>
        `- ${nameOf(bar)}: ${isReached ? rounded(reached) : missed(reached)} (${limitOf(bar)}${isReached ? '' : ', not reached'})`,
    ),
    '',
  ].join('\n')
}

/** All that is aimed at, in one table. */
export function summaryOf(results: readonly Compared[]): string {
  return [
    '| what | measured | beside | reached | aim |',
    '|---|---:|---|---:|---|',
    ...results.flatMap(({ title, unit, figures, verdicts }) =>
      verdicts.map(({ bar, reached, isReached }) => {
        const figureOf = (name: string | null) => {
          const figure = figures.find(({ subject }) => subject === name)
          return figure === undefined ? '' : shown(figure.median, unit)
        }
        const beside = bar.to === null ? '' : `${bar.to}: ${figureOf(bar.to)}`
        const figure = `${bar.of}: ${figureOf(bar.of)} ${unit}`
        const value = isReached ? `**${rounded(reached)}**` : missed(reached)
        return `| ${title} | ${figure} | ${beside} | ${value} | ${limitOf(bar)} |`
      }),
    ),
    '',
  ].join('\n')
}

export function nameOf({ of, to, above }: Bar): string {
  if (to === null) return of
  return above === 'by' ? `${of} above ${to}` : `${of} / ${to}`
}

function limitOf({ atLeast, atMost }: Bar): string {
  return atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`
}

function shown(value: number, unit: Unit): string {
  if (unit === 'per second') return Math.round(value).toLocaleString('en')
  return rounded(value)
}

/** So exactly that it shows by how little. */
function missed(value: number): string {
  return value.toFixed(3)
}

function rounded(value: number): string {
  return value.toFixed(value < 10 ? 2 : 1)
}
