/**
 * E2: whatever page of a database is damaged, `set-aside` keeps every row that can be read by a seek to its key, brings
 * nothing back that was deleted, and gives nothing to another user.
 */
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseOperationId } from '../storage/operation-id.ts'
import { SeededRandom } from '../src/simulation/seeded-random.ts'
import { SqliteLife } from './support/sqlite-life.ts'
import {
  filledFile,
  keyOfRow,
  pageCount,
  readableRows,
  type Row,
  rowsIn,
} from './support/salvage-rows.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const PAGE = 4096

type Rows = ReadonlyMap<string, readonly Row[]>

/** Opens a damaged copy, and answers what is wrong with what came of it. */
async function faultsAfter(
  file: string,
  before: Rows,
  damage: (bytes: Buffer) => Buffer | void,
): Promise<readonly string[]> {
  const copy = join(temporaryFolder(), 'outbox.db')
  copyFileSync(file, copy)
  const read = readFileSync(copy)
  const bytes = damage(read) ?? read
  writeFileSync(copy, bytes)
  writeFileSync(`${copy}-damaged`, '')
  const life = await SqliteLife.open({
    file: copy,
    durability: 'app-crash',
    onCorrupt: 'set-aside',
  })
  const aside = life.opened?.setAside
  await life.storage.close()
  const faults = existsSync(`${copy}-damaged`) ? ['the mark is still there'] : []
  if (aside === undefined) return [...faults, ...compare(before, before, rowsIn(copy), () => false)]
  if (!readFileSync(aside).equals(bytes)) faults.push('the set-aside file was changed')
  // A bit that flipped can make another key of a key. Then SQLite finds the row under that one.
  const isInTree = (table: string, row: Row) =>
    readableRows(aside, new Map([[table, [row]]])).get(table)?.length === 1
  return [...faults, ...compare(before, readableRows(aside, before), rowsIn(copy), isInTree)]
}

function compare(
  before: Rows,
  readable: Rows,
  after: Rows,
  isInTree: (table: string, row: Row) => boolean,
): string[] {
  const faults: string[] = []
  const userOf = (rows: Rows, row: Row) =>
    rows.get('holdfast_lanes')?.find(({ lane }) => lane === laneOf(row))?.['user'] ?? null
  const ids = new Set(
    ['holdfast_operations', 'holdfast_letters'].flatMap((table) =>
      (before.get(table) ?? []).map(({ id }) => id),
    ),
  )
  const dead = new Set((after.get('holdfast_letters') ?? []).map(({ id }) => id))
  for (const table of [
    'holdfast_operations',
    'holdfast_letters',
    'holdfast_tokens',
    'holdfast_positions',
    'holdfast_owners',
    'holdfast_outcomes',
    'holdfast_deadlines',
    'holdfast_forgotten_records',
  ]) {
    const former = new Map((before.get(table) ?? []).map((row) => [keyOfRow(table, row), row]))
    const kept = new Map((after.get(table) ?? []).map((row) => [keyOfRow(table, row), row]))
    const lanes = new Set((after.get('holdfast_lanes') ?? []).map(({ lane }) => lane))
    for (const row of readable.get(table) ?? []) {
      const key = keyOfRow(table, row)
      const now = kept.get(key)
      if (now !== undefined || dead.has(row['id'])) continue
      // Whose it is is not certain.
      if ('lane' in row && !lanes.has(row['lane'])) continue
      if (isSensible(row, former.get(key))) faults.push(`${table} ${key} was readable, and is lost`)
    }
    for (const [key, row] of kept) {
      if (table === 'holdfast_letters' && row['reason'] === 'outcome-unknown') {
        if (!ids.has(row['id'])) faults.push(`${String(row['id'])} came back`)
      } else if (!former.has(key) && !isInTree(table, row)) faults.push(`${table} ${key} came back`)
      const was = former.get(key)
      if (was !== undefined && 'lane' in row && userOf(before, was) !== userOf(after, row)) {
        faults.push(`${table} ${key} has another owner`)
      }
    }
  }
  return [...faults, ...miscounted(after)]
}

/** Can Holdfast have written such a row in the place of that one? */
function isSensible(row: Row, was: Row | undefined): boolean {
  const { id, lane } = row
  if (typeof id === 'string' && 'lane' in row && parseOperationId(id)?.lane !== lane) return false
  if (row['outcome'] !== was?.['outcome']) return false
  return Object.entries(row).every(([column, value]) => {
    const former = was?.[column]
    if (typeof value !== typeof former || (value === null) !== (former === null)) return false
    if (typeof value === 'number') return Number.isInteger(value)
    if (typeof value !== 'string') return true
    return !value.includes('\uFFFD') && (!JSON_COLUMNS.has(column) || isJson(value))
  })
}

const JSON_COLUMNS = new Set(['payload', 'creates', 'depends_on', 'refused_tokens'])

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function laneOf(row: Row): unknown {
  return row['lane']
}

/** What the lanes say of their operations. */
function miscounted(rows: Rows): string[] {
  return (rows.get('holdfast_lanes') ?? []).flatMap(({ lane, pending, head, tail }) => {
    const places = (rows.get('holdfast_operations') ?? [])
      .filter((row) => row['lane'] === lane)
      .map(({ place }) => Number(place))
    const last = Math.max(Number(tail), ...places)
    const first = places[0] ?? last + 1024
    const count = Number(pending) + (last - Number(tail) - first + Number(head)) / 1024
    return count === places.length
      ? []
      : [`lane ${String(lane)} says ${count}, not ${places.length}`]
  })
}

const seeds = Array.from({ length: 40 }, (_, seed) => seed + 1)

// E2
describe('a damaged page', () => {
  test('overwritten with 0xa5, whichever it is: all that is readable is kept, and nothing else', async () => {
    const file = await filledFile()
    const before = rowsIn(file)
    const faults: string[] = []
    for (let page = 1; page <= pageCount(file); page += 1) {
      const found = await faultsAfter(file, before, (bytes) =>
        bytes.fill(0xa5, (page - 1) * PAGE, page * PAGE),
      )
      faults.push(...found.map((fault) => `page ${page}: ${fault}`))
    }
    expect(faults).toEqual([])
  }, 120_000)

  test('overwritten with zeros, together with another one: all that is readable between them is kept', async () => {
    const file = await filledFile()
    const before = rowsIn(file)
    const random = new SeededRandom(7)
    const pages = pageCount(file)
    const faults: string[] = []
    for (const seed of seeds) {
      const chosen = [random, random, random].map(
        (one) => 1 + Math.floor(one.fraction() * (pages - 1)),
      )
      const found = await faultsAfter(file, before, (bytes) => {
        for (const page of chosen) bytes.fill(0, page * PAGE, (page + 1) * PAGE)
      })
      faults.push(...found.map((fault) => `${seed}, pages ${chosen.join(', ')}: ${fault}`))
    }
    expect(faults).toEqual([])
  }, 120_000)

  test('in which single bits have flipped: no operation gets another owner, and none comes back', async () => {
    const file = await filledFile()
    const before = rowsIn(file)
    const random = new SeededRandom(11)
    const faults: string[] = []
    for (const seed of seeds) {
      const page = Math.floor(random.fraction() * pageCount(file))
      const found = await faultsAfter(file, before, (bytes) => {
        for (let flip = 0; flip < 40; flip += 1) {
          const at = page * PAGE + Math.floor(random.fraction() * PAGE)
          bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random.fraction() * 8))
        }
      })
      faults.push(...found.map((fault) => `${seed}, page ${page + 1}: ${fault}`))
    }
    expect(faults).toEqual([])
  }, 120_000)

  test('a file that was cut short keeps what lies before the cut', async () => {
    const file = await filledFile()
    const before = rowsIn(file)
    const half = Math.floor(pageCount(file) / 2) * PAGE
    expect(await faultsAfter(file, before, (bytes) => bytes.subarray(0, half))).toEqual([])
  })
})
