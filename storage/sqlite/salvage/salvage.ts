/**
 * Takes every row that can still be read out of a damaged database, into a new one, in one transaction (E2). The damaged
 * one is only read. What is not certain is not guessed: an operation whose owner cannot be known stays where it is.
 */
import type { Database } from 'better-sqlite3'
import type { Instant } from '../../../src/model.ts'
import type { RecordedKinds, SalvagedRows, SalvageReport } from '../../storage.ts'
import { parseOperationId } from '../../operation-id.ts'
import { Tables } from '../tables.ts'
import { type CopyParts, copyTable } from './copy-table.ts'
import { throwUnlessUnreadable } from './damaged-table.ts'
import type { Key } from './keys.ts'
import { readLanes } from './owners.ts'
import { salvageEnvelopes } from './salvage-envelopes.ts'
import { writeLanes } from './salvage-lanes.ts'
import { leftBehindIn, markInDoubt, salvageMeta } from './salvage-meta.ts'
import { salvageOperations } from './salvage-operations.ts'
import { createdRecords, mendRecords } from './salvage-records.ts'
import {
  DEADLINES,
  FORGOTTEN_RECORDS,
  LETTERS,
  OUTCOMES,
  OWNERS,
  POSITIONS,
  RECORDS,
  type SalvagedTable,
  TOKENS,
} from './salvaged-tables.ts'
import { Tally } from './tally.ts'

export interface SalvageParts {
  /** Made ready by `readDamaged()`. */
  readonly source: Database
  /** Of the current schema, without rows, in a transaction. */
  readonly target: Database
  /** Null: every kind may be one whose envelopes are recorded. */
  readonly recordedKinds: RecordedKinds | null
  readonly at: Instant
}

export function salvage({ source, target, recordedKinds, at }: SalvageParts): SalvageReport {
  const tally = new Tally()
  const known = readLanes(source)
  const { lanes } = known
  tally.missGaps('lanes', known.gaps)
  for (const lane of known.uncertain) tally.miss('lanes', [BigInt(lane)])
  salvageMeta(source, target, tally)
  writeLanes(target, known, salvageOperations(source, target, lanes, tally), tally)
  const hasOwner = (lane: number) => lanes.has(lane)
  const copy = (
    rows: SalvagedRows,
    spec: SalvagedTable,
    { keys = () => [], isOwned }: Partial<Pick<CopyParts, 'keys' | 'isOwned'>> = {},
  ) => copyTable({ source, target, rows, spec, tally, keys, isOwned })
  copy('letters', LETTERS, {
    keys: () => idsIn(source, 'holdfast_letters', 'holdfast_letters_by_lane'),
    isOwned: (lane, [id]) => hasOwner(lane) && isLetterOf(source, lane, String(id)),
  })
  copy('records', RECORDS, { keys: () => createdRecords(target), isOwned: hasOwner })
  copy('forgotten-records', FORGOTTEN_RECORDS)
  const numbers = [...lanes.keys()]
  copy('positions', POSITIONS, {
    keys: () => numbers.map((lane) => [BigInt(lane), '']),
    isOwned: hasOwner,
  })
  copy('outcomes', OUTCOMES, {
    keys: () => idsIn(source, 'holdfast_outcomes', 'holdfast_outcomes_by_age'),
  })
  const users = [...lanes.values()].flatMap(({ user }) => (user === null ? [] : [user]))
  if (!isOlderThanOwners(source)) {
    copy('owners', OWNERS, { keys: () => ['', ...users].map((user) => [user]) })
  }
  copy('tokens', TOKENS, { keys: () => users.map((user) => [user]) })
  copy('deadlines', DEADLINES)
  mendRecords(target, at)
  const { buried, inDoubt } = salvageEnvelopes({
    source,
    target,
    tables: new Tables(target),
    lanes,
    recordedKinds,
    leftBehind: leftBehindIn(target),
    at,
    tally,
  })
  markInDoubt(target, inDoubt)
  return { kept: tally.kept(), missing: tally.missing(), buried }
}

/** True if the damaged database is surely of a schema without the table of owners. */
function isOlderThanOwners(source: Database): boolean {
  try {
    const table = source.prepare(`SELECT 1 FROM sqlite_schema WHERE name = 'holdfast_owners'`).get()
    const other = source.prepare(`SELECT 1 FROM sqlite_schema WHERE name = 'holdfast_lanes'`).get()
    return table === undefined && other !== undefined
  } catch (error) {
    throwUnlessUnreadable(error)
    return false
  }
}

/** An index names rows whose own pages may be unreadable. */
function idsIn(source: Database, table: string, index: string): readonly Key[] {
  const ids = new Set<string>()
  const columns = index === 'holdfast_letters_by_lane' ? ['lane', 'place'] : ['settled_at']
  for (const direction of ['', ' DESC']) {
    const order = columns.map((column) => column + direction).join(', ')
    try {
      const rows = source
        .prepare<[], unknown>(`SELECT id FROM ${table} INDEXED BY ${index} ORDER BY ${order}`)
        .pluck()
        .iterate()
      for (const id of rows) if (typeof id === 'string') ids.add(id)
    } catch (error) {
      throwUnlessUnreadable(error)
    }
  }
  return Array.from(ids, (id) => [id])
}

/** A letter is of the lane in its id; one of another lane (I3) only if the index over lanes says the same. */
function isLetterOf(source: Database, lane: number, id: string): boolean {
  if (parseOperationId(id)?.lane === lane) return true
  try {
    return (
      source
        .prepare(
          'SELECT 1 FROM holdfast_letters INDEXED BY holdfast_letters_by_lane WHERE lane = ? AND id = ?',
        )
        .get(lane, id) !== undefined
    )
  } catch (error) {
    throwUnlessUnreadable(error)
    return false
  }
}
