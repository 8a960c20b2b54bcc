/** The single facts of a database: the identity, the requirement, the origin, the key of fingerprints, the lanes left in doubt. */
import type { Database } from 'better-sqlite3'
import { FILE } from '../copied-file.ts'
import { getMeta, setMeta } from '../meta.ts'
import { DamagedTable, type ReadRow } from './damaged-table.ts'
import { compareKeys, type Key } from './keys.ts'
import { listedProbes } from './probes.ts'
import { EVERYTHING, recover } from './recover.ts'
import { META } from './salvaged-tables.ts'
import type { Tally } from './tally.ts'

/** What the new database says of itself. */
const OWN = new Set(['schema', 'salvage', FILE])

const NAMES: readonly Key[] = [
  ['fingerprint-key'],
  ['identity'],
  ['left-behind'],
  ['origin'],
  ['requirement'],
]

export function salvageMeta(source: Database, target: Database, tally: Tally): void {
  const table = DamagedTable.of(source, META)
  if (table === null) {
    tally.missGaps('meta', [EVERYTHING])
    return
  }
  const value = table.columns.indexOf('value')
  const take = ({ key: [name], values }: ReadRow): void => {
    if (OWN.has(String(name))) return
    setMeta(target, String(name), String(values[value]))
    tally.keep('meta')
  }
  const names = NAMES.toSorted(compareKeys)
  const gaps = recover(table, (gap) => listedProbes(names, gap), {
    take,
    miss: (key) => tally.miss('meta', key),
  })
  tally.missGaps('meta', gaps)
}

/** The lanes whose head may have been sent, as the last process said when it closed; null: it has not said. */
export function leftBehindIn(target: Database): readonly number[] | null {
  const value = getMeta(target, 'left-behind')
  return value === null ? null : (JSON.parse(value) as number[])
}

/** What was sent of these lanes is not known any more, whatever the last process said. */
export function markInDoubt(target: Database, lanes: readonly number[]): void {
  const leftBehind = leftBehindIn(target)
  if (leftBehind === null || lanes.length === 0) return
  setMeta(target, 'left-behind', JSON.stringify([...new Set([...leftBehind, ...lanes])]))
}
