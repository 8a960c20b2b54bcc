/**
 * Reads all of a damaged table that can be read. It walks up from the first row and down from the last one, each until
 * an error. Between the two is a gap. Seeks into the gap find rows between damaged pages: a seek that fails halves the
 * gap, a seek that finds a row walks on from there in both directions. Which keys are tried, the caller knows.
 */
import type { DamagedTable, Taker } from './damaged-table.ts'
import { throwUnlessUnreadable } from './damaged-table.ts'
import { compareKeys, type Key } from './keys.ts'

/** Rows between these keys could not be read, if there were any; null: from the beginning, or to the end. */
export interface Gap {
  readonly after: Key | null
  readonly before: Key | null
}

export const EVERYTHING: Gap = { after: null, before: null }

/** Keys that are worth a seek, in order; by number, because there may be very many. */
export interface Probes {
  readonly count: number
  readonly at: (index: number) => Key
}

/** A failing seek takes some 25 µs: so a table that is wholly unreadable costs half a second. */
const MOST_FAILED_SEEKS = 20_000

/** A part of a gap, and the probes within it. */
interface Part extends Gap {
  readonly from: number
  readonly to: number
}

/** Answers the gaps, in order. */
export function recover(
  table: DamagedTable,
  probesOf: (gap: Gap) => Probes,
  taker: Taker,
): readonly Gap[] {
  const up = table.walkUp(null, null, taker)
  if (up.isWhole) return []
  const down = table.walkDown(null, up.last, taker)
  if (down.isWhole) return []
  return searchGap(table, { after: up.last, before: down.last }, probesOf, taker)
}

/** Looks into a gap, the largest parts of it first. */
export function searchGap(
  table: DamagedTable,
  gap: Gap,
  probesOf: (gap: Gap) => Probes,
  taker: Taker,
): readonly Gap[] {
  const probes = probesOf(gap)
  const left: Gap[] = []
  const failed = new Set<Key>()
  /** Probes that are known to find no row by their key. */
  const empty = new Set<number>()
  const parts: Part[] = [{ ...gap, from: 0, to: probes.count }]
  for (const part of parts) {
    if (part.from >= part.to || failed.size >= MOST_FAILED_SEEKS) {
      left.push(part)
      continue
    }
    const middle = Math.floor((part.from + part.to) / 2)
    const key = probes.at(middle)
    // The key of a row can often be read where the rest cannot: then it is known which row is missing.
    const next = table.keyFrom(key)
    if (next === 'unreadable' || seek(table, key) === 'unreadable') {
      failed.add(key)
      // The row of a key can sometimes be read where the way on from it cannot, but not where the way to it cannot.
      const row = next === 'unreadable' ? null : table.read(key)
      if (row === null) empty.add(middle)
      if (row !== null) taker.take(row)
      else if (next !== 'unreadable' && next !== null) taker.miss(next)
      parts.push({ ...part, before: key, to: middle }, { ...part, after: key, from: middle + 1 })
      continue
    }
    const down = table.walkDown(key, part.after, taker)
    if (!down.isWhole) {
      const before = down.last ?? key
      parts.push({ ...part, before, to: firstFrom(probes, part.from, middle, before) })
    }
    const up = table.walkUp(key, part.before, taker)
    if (!up.isWhole) {
      const after = up.last ?? key
      parts.push({ ...part, after, from: firstFrom(probes, middle + 1, part.to, after) })
    }
  }
  readExactly(table, probes, empty, taker)
  return joined(left, failed)
}

/** On a page that is out of order, SQLite can find a row by its key that a walk has not met. */
function readExactly(
  table: DamagedTable,
  probes: Probes,
  empty: ReadonlySet<number>,
  taker: Taker,
): void {
  const step = Math.max(1, Math.ceil(probes.count / MOST_FAILED_SEEKS))
  for (let index = 0; index < probes.count; index += step) {
    if (empty.has(index)) continue
    const row = table.read(probes.at(index))
    if (row !== null) taker.take(row)
  }
}

function seek(table: DamagedTable, key: Key): 'unreadable' | 'readable' {
  try {
    table.seek(key)
    return 'readable'
  } catch (error) {
    throwUnlessUnreadable(error)
    return 'unreadable'
  }
}

/** The first probe of this part that is not before this key. */
function firstFrom(probes: Probes, from: number, to: number, key: Key): number {
  let low = from
  let high = to
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (compareKeys(probes.at(middle), key) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** Gaps that only a failed seek parts are one. */
function joined(gaps: readonly Gap[], failed: ReadonlySet<Key>): readonly Gap[] {
  const sorted = gaps.toSorted((a, b) => compareEnds(a.after, b.after))
  const joinedGaps: Gap[] = []
  for (const gap of sorted) {
    const last = joinedGaps.at(-1)
    const isJoined = last !== undefined && gap.after !== null && failed.has(gap.after)
    if (isJoined && last.before === gap.after) {
      joinedGaps[joinedGaps.length - 1] = { after: last.after, before: gap.before }
    } else joinedGaps.push(gap)
  }
  return joinedGaps
}

function compareEnds(one: Key | null, other: Key | null): number {
  if (one === null || other === null) return (one === null ? 0 : 1) - (other === null ? 0 : 1)
  return compareKeys(one, other)
}
