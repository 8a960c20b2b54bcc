/** E2, I5: a salvage never guesses whose an operation is. What is not certain stays in the set-aside file, and is reported. */
import { readFileSync, writeFileSync } from 'node:fs'
import SqliteDatabase from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { filledFile, rowsIn } from './support/salvage-rows.ts'
import { SqliteLife } from './support/sqlite-life.ts'

const PAGE = 4096

/** The pages of a table or an index. */
function pagesOf(file: string, name: string): readonly number[] {
  const database = new SqliteDatabase(file, { readonly: true })
  try {
    return database
      .prepare<[string], number>('SELECT pageno FROM dbstat WHERE name = ? ORDER BY path')
      .pluck()
      .all(name)
  } finally {
    database.close()
  }
}

/** Changes a text on the pages of one table or index, which SQLite cannot notice. */
function alter(file: string, name: string, text: string, other: string): void {
  const bytes = readFileSync(file)
  for (const page of pagesOf(file, name)) {
    const part = bytes.subarray((page - 1) * PAGE, page * PAGE)
    const at = part.indexOf(text)
    if (at !== -1) part.write(other, at)
  }
  writeFileSync(file, bytes)
}

function overwrite(file: string, name: string): void {
  const bytes = readFileSync(file)
  for (const page of pagesOf(file, name)) bytes.fill(0xa5, (page - 1) * PAGE, page * PAGE)
  writeFileSync(file, bytes)
}

async function salvage(file: string): Promise<SqliteLife> {
  writeFileSync(`${file}-damaged`, '')
  const options = { file, durability: 'app-crash', onCorrupt: 'set-aside' } as const
  return SqliteLife.open(options, { recordedKinds: {} })
}

function usersWithOperations(file: string): readonly unknown[] {
  const rows = rowsIn(file)
  const lanes = new Set((rows.get('holdfast_operations') ?? []).map(({ lane }) => lane))
  return (rows.get('holdfast_lanes') ?? [])
    .filter(({ lane }) => lanes.has(lane))
    .map(({ user }) => user)
}

const AUTOINDEX = 'sqlite_autoindex_holdfast_lanes_1'

// E2, I5
describe('the owner of a lane', () => {
  test.each([
    ['its row', 'holdfast_lanes'],
    ['the index over users', AUTOINDEX],
  ])('is unknown where %s names another user than the other place does', async (_, name) => {
    const file = await filledFile(160)
    alter(file, name, 'alice', 'alicf')
    const { opened, storage } = await salvage(file)
    const missing = opened?.salvaged?.missing.filter(({ rows }) => rows === 'operations') ?? []
    expect(new Set(missing.map(({ why }) => why))).toEqual(new Set(['owner-unknown']))
    await storage.close()
    expect(usersWithOperations(file)).toEqual([null, 'bob', 'carol'])
    // The set-aside file has them all.
    expect(usersWithOperations(opened?.setAside ?? '')).toHaveLength(4)
  })

  test('is taken from the index where its row is unreadable, and from the row where the index is', async () => {
    for (const name of ['holdfast_lanes', AUTOINDEX] as const) {
      const file = await filledFile(160)
      overwrite(file, name)
      const { storage } = await salvage(file)
      await storage.close()
      expect(usersWithOperations(file)).toEqual([null, 'alice', 'bob', 'carol'])
    }
  })

  test('is unknown where both are unreadable: only what is anonymous is kept', async () => {
    const file = await filledFile(160)
    overwrite(file, 'holdfast_lanes')
    overwrite(file, AUTOINDEX)
    const { storage } = await salvage(file)
    await storage.close()
    expect(usersWithOperations(file)).toEqual([null])
  })
})

// E2, Q2
test('a place that was given is never given again, also where its operation is lost', async () => {
  const file = await filledFile(160)
  const last = pagesOf(file, 'holdfast_operations').at(-1) ?? 0
  const before = rowsIn(file).get('holdfast_operations') ?? []
  const bytes = readFileSync(file)
  writeFileSync(file, bytes.fill(0xa5, (last - 1) * PAGE, last * PAGE))
  const { storage } = await salvage(file)
  await storage.close()
  const tails = new Map(
    (rowsIn(file).get('holdfast_lanes') ?? []).map(({ lane, tail }) => [lane, Number(tail)]),
  )
  const given = before.filter(({ lane, place }) => Number(place) > (tails.get(lane) ?? 0))
  expect(given).toEqual([])
})
