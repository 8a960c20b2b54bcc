/** A duration as a person reads it, in its largest unit: `45 s`, `4 min`, `47 h`, `2 days`. English only, and pure. */

/** Each unit, and up to which count it is used. */
const UNITS = [
  { name: 's', ms: 1000, below: 60 },
  { name: 'min', ms: 60_000, below: 60 },
  { name: 'h', ms: 3_600_000, below: 48 },
] as const

const DAY_MS = 86_400_000

/** The time that is left, rounded up: what is due in 100 ms is not due yet. An end in the past is `0 s`. */
export function leftInWords(ms: number): string {
  return inWords(Math.max(0, ms), Math.ceil)
}

/** An age, rounded down. A time in the future, by a clock that was set, is `0 s`. */
export function ageInWords(ms: number): string {
  return inWords(Math.max(0, ms), Math.floor)
}

function inWords(ms: number, round: (count: number) => number): string {
  for (const unit of UNITS) {
    const count = round(ms / unit.ms)
    if (count < unit.below) return `${count} ${unit.name}`
  }
  return `${round(ms / DAY_MS)} days`
}
