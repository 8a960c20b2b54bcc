/**
 * Takes the envelopes out of a damaged database. An envelope that may have been sent is sent again exactly as it was (Q5).
 * Where that cannot be done any more, because the envelope or one of its members is unreadable, its operations become dead
 * letters (`outcome-unknown`). An envelope that was not sent is formed anew.
 *
 * Only kinds that merge, kinds whose server forgets keys, and operations with a time of their own (which may not expire once
 * they may have been sent, Q8) need their envelope: the envelope of any other operation is the operation itself, under its id. Which operations of a lane an unreadable envelope had is not known: at most the run
 * from the head on that can merge. An envelope that `retry()` brought back to a place behind that run is not recognised.
 */
import type { Database } from 'better-sqlite3'
import type { Instant, LaneId } from '../../../src/model.ts'
import type { Affected, Member } from '../../changes.ts'
import type { OperationRow } from '../../rows.ts'
import type { RecordedKinds } from '../../storage.ts'
import type { Tables } from '../tables.ts'
import { DamagedTable, type ReadRow } from './damaged-table.ts'
import { compareKeys, type Key, type Value } from './keys.ts'
import type { KnownLane } from './owners.ts'
import { listedProbes } from './probes.ts'
import { EVERYTHING, type Gap, recover } from './recover.ts'
import { RowWriter } from './row-writer.ts'
import { ENVELOPES } from './salvaged-tables.ts'
import type { Tally } from './tally.ts'

/** An envelope has at most so many members (Q4). */
const MOST_MEMBERS = 100

export interface EnvelopeParts {
  readonly source: Database
  readonly target: Database
  /** Of the new database, which has the lanes and their operations by now. */
  readonly tables: Tables
  readonly lanes: ReadonlyMap<number, KnownLane>
  readonly recordedKinds: RecordedKinds | null
  /** Lanes whose head may have been sent, as the last process said when it closed; null: it has not said. */
  readonly leftBehind: readonly number[] | null
  readonly at: Instant
  readonly tally: Tally
}

interface Grave {
  readonly lane: LaneId
  readonly members: readonly OperationRow[]
  readonly attempts: number
  readonly status: number | null
  readonly unknownSince: Instant
}

export interface SalvagedEnvelopes {
  readonly buried: readonly Affected[]
  /** Lanes of which an envelope may be unreadable: what was sent of them is not known. */
  readonly inDoubt: readonly number[]
}

export function salvageEnvelopes(parts: EnvelopeParts): SalvagedEnvelopes {
  const { tables, lanes, tally, at } = parts
  const graves: Grave[] = []
  const found = new Set<string>()
  const lost: Key[] = []
  const gaps = readEnvelopes(parts, { found, lost, graves })
  tally.missGaps('envelopes', gaps)
  const inDoubt = new Set(lost.map(([lane]) => Number(lane)))
  const lose = (lane: number, place: number) => {
    const rows = tables.window(lane as LaneId, place - 1, MOST_MEMBERS)
    const members = mergeableRun(rows, parts.recordedKinds)
    graves.push({ lane: lane as LaneId, members, attempts: 0, status: null, unknownSince: at })
  }
  for (const [lane, place] of lost) if (lanes.has(Number(lane))) lose(Number(lane), Number(place))
  for (const lane of gaps.length === 0 ? [] : lanes.keys()) {
    if (gaps.some((gap) => touches(gap, lane))) inDoubt.add(lane)
    const place = tables.window(lane as LaneId, 0, 1)[0]?.place
    if (place === undefined || found.has(`${lane}:${place}`)) continue
    if (gaps.some((gap) => isWithin(gap, [BigInt(lane), BigInt(place)]))) lose(lane, place)
  }
  return { buried: graves.flatMap((grave) => bury(parts, grave)), inDoubt: [...inDoubt] }
}

interface Findings {
  /** Lane and place of the envelopes that can be read. */
  readonly found: Set<string>
  /** The keys of the envelopes that are there and cannot be read. */
  readonly lost: Key[]
  readonly graves: Grave[]
}

function readEnvelopes(parts: EnvelopeParts, { found, lost, graves }: Findings): readonly Gap[] {
  const { source, target, tables, lanes, leftBehind, tally, at } = parts
  const table = DamagedTable.of(source, ENVELOPES)
  if (table === null) return [EVERYTHING]
  const rows = new RowWriter(target, table)
  const column = (name: string) => table.columns.indexOf(name)
  const [keyAt, membersAt] = [column('key'), column('members')]
  const numberOf = (value: Value | undefined) => (typeof value === 'bigint' ? Number(value) : null)
  const miss = (key: Key, why: 'unreadable' | 'owner-unknown' = 'unreadable'): void => {
    tally.miss('envelopes', key, { why })
    lost.push(key)
  }
  const take = (row: ReadRow): void => {
    const [lane, place] = row.key.map(Number) as [number, number]
    const members = placesOf(row.values[membersAt])
    if (!lanes.has(lane) || members === null) {
      miss(row.key, lanes.has(lane) ? 'unreadable' : 'owner-unknown')
      return
    }
    const readable = members.flatMap((member) => {
      const [operation] = tables.window(lane as LaneId, member - 1, 1)
      return operation?.place === member ? [operation] : []
    })
    found.add(`${lane}:${place}`)
    const [head] = tables.window(lane as LaneId, place - 1, 1)
    const isWhole = head?.place === place && readable.length === members.length
    const written = isWhole ? rows.write(row) : 'unfit'
    if (written !== 'unfit') {
      tally.note('envelopes', row.key, written)
      return
    }
    const attempts = numberOf(row.values[column('attempts')]) ?? 0
    const unknownSince = numberOf(row.values[column('unknown_since')])
    const isInDoubt = leftBehind === null || leftBehind.includes(lane)
    const maySent =
      row.values[keyAt] !== null && (isInDoubt || attempts > 0 || unknownSince !== null)
    tally.miss('envelopes', row.key)
    if (!maySent || readable.length === 0) return
    const status = numberOf(row.values[column('last_status')])
    graves.push({
      lane: lane as LaneId,
      members: readable,
      attempts,
      status,
      unknownSince: unknownSince ?? at,
    })
  }
  return recover(table, (gap) => listedProbes(headsOf(parts), gap), {
    take,
    miss: (key) => miss(key),
  })
}

/** Keys that an envelope may have: of the head of each lane, and of what lies close behind. */
function headsOf({ tables, lanes }: EnvelopeParts): readonly Key[] {
  const numbers = Array.from(lanes.keys()).toSorted((a, b) => a - b)
  return numbers.flatMap((lane): Key[] => {
    const rows = tables.window(lane as LaneId, 0, MOST_MEMBERS)
    return [[BigInt(lane), 0n], ...rows.map(({ place }) => [BigInt(lane), BigInt(place)])]
  })
}

function placesOf(value: Value | undefined): readonly number[] | null {
  try {
    const places = JSON.parse(String(value)) as unknown
    return Array.isArray(places) && places.every(Number.isSafeInteger) ? (places as number[]) : null
  } catch {
    return null
  }
}

/** The operations at the head that can be one envelope which is recorded before it is sent. */
function mergeableRun(
  rows: readonly OperationRow[],
  kinds: RecordedKinds | null,
): readonly OperationRow[] {
  const [head] = rows
  if (head === undefined) return []
  const isRecorded = kinds === null || Object.hasOwn(kinds, head.kind) || head.expiresAt !== null
  if (!isRecorded) return []
  const group = kinds === null ? head.kind : (kinds[head.kind] ?? null)
  if (group === null) return [head]
  const end = rows.findIndex(({ kind }) => (kinds === null ? kind : kinds[kind]) !== group)
  return end === -1 ? rows : rows.slice(0, end)
}

function touches({ after, before }: Gap, lane: number): boolean {
  const start = [BigInt(lane), 0n]
  const end = [BigInt(lane + 1), 0n]
  return (
    (after === null || compareKeys(after, end) < 0) &&
    (before === null || compareKeys(before, start) > 0)
  )
}

function isWithin({ after, before }: Gap, key: Key): boolean {
  return (
    (after === null || compareKeys(after, key) < 0) &&
    (before === null || compareKeys(before, key) > 0)
  )
}

function bury({ tables, lanes, at }: EnvelopeParts, grave: Grave): readonly Affected[] {
  const { lane, members, attempts, status, unknownSince } = grave
  const answer = tables.apply({
    change: 'bury',
    lane,
    members: members.map(({ id, place }): Member => ({ id, place })),
    reason: 'outcome-unknown',
    status,
    excerpt: null,
    at,
    attempts,
    // It cannot come back as the same envelope: under the same key the server would see another body.
    envelopeKey: null,
    unknownSince,
  })
  if (!answer.applied) return []
  const user = lanes.get(lane)?.user ?? null
  return members.map(({ id, place, kind }) => ({ id, lane, place, kind, user })) as Affected[]
}
