/** Which keys are worth a seek in a gap: the places of a lane, keys that other rows name, texts between two texts. */
import { PLACE_BITS } from '../row-key.ts'
import { PLACE_STEP } from '../lanes.ts'
import { compareKeys, type Key } from './keys.ts'
import type { Gap, Probes } from './recover.ts'

/** What is known of the places of a lane. */
export interface LaneSpan {
  readonly lane: number
  /** No operation lies before it. */
  readonly head: number
  /** The last place given, as far as that is written down: an enqueue does not do that. */
  readonly tail: number
}

/** So many places behind the last one that is known are tried one by one, then in doubling steps. */
const PLACES_BEYOND = 4096

const LANE_KEYS = 2n ** BigInt(PLACE_BITS)

/** Keys from `start`, each `step` behind the one before. */
interface Run {
  readonly start: bigint
  readonly step: bigint
  readonly count: number
}

/** The keys of operations in a gap: every step of every lane that is known. */
export function placeProbes(lanes: readonly LaneSpan[], { after, before }: Gap): Probes {
  const from = (after?.[0] ?? -1n) as bigint
  const to = (before?.[0] ?? LANE_KEYS * 2n ** 23n) as bigint
  const runs: Run[] = []
  for (const { lane, head, tail } of lanes.toSorted((a, b) => a.lane - b.lane)) {
    const base = BigInt(lane) * LANE_KEYS
    if (base + LANE_KEYS <= from || base >= to) continue
    const step = BigInt(PLACE_STEP)
    const first = base + BigInt(Math.max(PLACE_STEP, head))
    const start = first > from ? first : base + roundUp(from + 1n - base, step)
    const known = base + BigInt(tail)
    const end = min(max(known, start) + BigInt(PLACES_BEYOND) * step, base + LANE_KEYS, to)
    if (start < end) runs.push({ start, step, count: Number((end - start - 1n) / step) + 1 })
    for (let far = end; far < min(base + LANE_KEYS, to); far += far - base) {
      if (far > from) runs.push({ start: far, step, count: 1 })
    }
  }
  return probesOf(runs)
}

function probesOf(runs: readonly Run[]): Probes {
  const ends: number[] = []
  let count = 0
  for (const run of runs) ends.push((count += run.count))
  return {
    count,
    at: (index) => {
      let low = 0
      let high = runs.length - 1
      while (low < high) {
        const middle = Math.floor((low + high) / 2)
        if (index < (ends[middle] ?? 0)) high = middle
        else low = middle + 1
      }
      const run = runs[low]
      if (run === undefined) throw new RangeError(`there is no probe ${index}`)
      return [run.start + run.step * BigInt(index - (ends[low] ?? 0) + run.count)]
    },
  }
}

/** Those of these keys that lie in a gap; they are in order. */
export function listedProbes(keys: readonly Key[], { after, before }: Gap): Probes {
  const inside = keys.filter(
    (key) =>
      (after === null || compareKeys(key, after) > 0) &&
      (before === null || compareKeys(key, before) < 0),
  )
  return { count: inside.length, at: (index) => inside[index] ?? [] }
}

/** So many texts are tried between two others. */
const TEXTS_BETWEEN = 2048

/** So many bytes behind what the two ends of a gap have in common tell texts apart. */
const BYTES = 6

const FIRST_BYTE = 0x20
const BYTE_RANGE = 0x7f - FIRST_BYTE

/**
 * Texts between the ends of a gap, evenly spread: of printable ASCII, because other bytes seldom stand where ids differ.
 * `beginning`: the columns of the key before its text.
 */
export function textProbes({ after, before }: Gap, beginning: Key = []): Probes {
  const nth = beginning.length
  const low = Buffer.from(textAt(after, nth, ''))
  const high = Buffer.from(textAt(before, nth, '\u007f'))
  let common = 0
  while (common < low.length && low[common] === high[common]) common += 1
  const prefix = low.subarray(0, common).toString('latin1')
  const from = numberOf(low.subarray(common))
  const to = numberOf(high.subarray(common))
  if (to <= from || /[^ -~]/.test(prefix)) {
    return { count: 0, at: () => [] }
  }
  const spread = Number((to - from) / BigInt(TEXTS_BETWEEN + 1))
  if (spread === 0) return { count: 0, at: () => [] }
  return {
    count: TEXTS_BETWEEN,
    at: (index) => {
      const number = from + BigInt(spread) * BigInt(index + 1)
      return [...beginning, prefix + textOf(number)]
    },
  }
}

function textAt(key: Key | null, index: number, otherwise: string): string {
  const value = key?.[index]
  return typeof value === 'string' ? value : otherwise
}

function numberOf(bytes: Buffer): bigint {
  let number = 0n
  for (let index = 0; index < BYTES; index += 1) {
    const byte = Math.min(Math.max((bytes[index] ?? FIRST_BYTE) - FIRST_BYTE, 0), BYTE_RANGE - 1)
    number = number * BigInt(BYTE_RANGE) + BigInt(byte)
  }
  return number
}

function textOf(number: bigint): string {
  let text = ''
  let rest = number
  for (let index = 0; index < BYTES; index += 1) {
    text = String.fromCodePoint(Number(rest % BigInt(BYTE_RANGE)) + FIRST_BYTE) + text
    rest /= BigInt(BYTE_RANGE)
  }
  return text
}

function roundUp(value: bigint, step: bigint): bigint {
  return ((value + step - 1n) / step) * step
}

function min(...values: readonly bigint[]): bigint {
  return values.reduce((least, value) => (value < least ? value : least))
}

function max(...values: readonly bigint[]): bigint {
  return values.reduce((most, value) => (value > most ? value : most))
}
