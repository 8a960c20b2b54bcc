/**
 * E2: damage that is found while an engine runs is told at once, and nothing is acknowledged any more. A mark beside the
 * file has the next opening check every table, and deal with the damage as `onCorrupt` says.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import type { Storage } from '../storage/storage.ts'
import { count, note, replying, Rig } from './support/rig.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const PAGE = 4096

function newFile(): string {
  return join(temporaryFolder(), 'outbox.db')
}

function setAsideOn(file: string): Storage {
  return sqliteStorage({ file, durability: 'app-crash', onCorrupt: 'set-aside' })
}

/** An engine that has these notes of Alice pending, and is closed. Answers their ids. */
async function fill(file: string, texts: readonly string[]): Promise<readonly string[]> {
  const rig = Rig.prepare()
  await rig.open({ storage: setAsideOn(file) })
  rig.holdfast.pause()
  await rig.login('alice', 'a1')
  const receipts = await rig.whileResting(
    Promise.all(texts.map((text) => rig.holdfast.enqueue(note({ text })))),
  )
  await rig.close()
  return receipts.map(({ id }) => id)
}

/** The texts of so many notes. */
function texts(length: number): string[] {
  return Array.from({ length }, (_, n) => `note ${n} `.padEnd(500, 'x'))
}

function overwrite(file: string, page: number): void {
  const bytes = readFileSync(file)
  bytes.fill(0xa5, (page - 1) * PAGE, page * PAGE)
  writeFileSync(file, bytes)
}

function query<Row>(file: string, sql: string): readonly Row[] {
  const database = new SqliteDatabase(file, { readonly: true })
  try {
    return database.prepare<[], Row>(sql).all()
  } finally {
    database.close()
  }
}

/** The pages that have rows of a table, in the order of the rows. */
function leavesOf(file: string, table: string): readonly number[] {
  const sql = `SELECT pageno FROM dbstat WHERE name = '${table}' AND pagetype = 'leaf' ORDER BY path`
  return query<{ readonly pageno: number }>(file, sql).map(({ pageno }) => pageno)
}

function middle<T>(list: readonly T[]): T {
  const one = list[Math.floor(list.length / 2)]
  if (one === undefined) throw new Error('the list is empty')
  return one
}

function codesOf(rig: Rig): string[] {
  return rig.eventsOf('error').map(({ error }) => error.code)
}

// E2
describe('a page in the middle of a lane is damaged', () => {
  test('the first run tells it and acknowledges nothing, the second one sends the rest under the same keys', async () => {
    const file = newFile()
    const ids = await fill(file, texts(400))
    overwrite(file, middle(leavesOf(file, 'holdfast_operations')))

    const first = Rig.prepare({ answer: replying() })
    await first.open({ storage: setAsideOn(file) })
    const refused = first.holdfast.enqueue(note({ text: 'one more' }))
    await expect(first.whileResting(refused)).rejects.toMatchObject({ code: 'STORAGE_CORRUPT' })
    await first.advance(60_000)
    expect(codesOf(first)).toEqual(['STORAGE_CORRUPT'])
    expect(first.holdsOf('alice')).toContain('storage-failed')
    expect(first.sent).toEqual([])
    await first.close()
    expect(existsSync(`${file}-damaged`)).toBe(true)

    const second = Rig.prepare({ answer: replying() })
    await second.open({ storage: setAsideOn(file) })
    expect(second.holdfast.status().identity).toBe('alice')
    await second.whileResting(second.holdfast.updateToken('alice', 'a2'))
    await second.enqueue('one more')
    await second.advance(1000)
    const [told, ...others] = second.eventsOf('error')
    expect(others).toEqual([])
    expect(told?.error.code).toBe('STORAGE_CORRUPT')
    expect(told?.salvaged?.missing).toMatchObject([{ rows: 'operations', why: 'unreadable' }])
    const kept = told?.salvaged?.kept.operations ?? 0
    expect(ids.length - kept).toBeGreaterThan(0)
    expect(ids.length - kept).toBeLessThan(20)
    const keys = second.sent.map(({ request }) => request.headers['idempotency-key'] ?? '')
    expect(keys.slice(0, -1)).toEqual(ids.filter((id) => keys.includes(id)))
    expect(keys).toHaveLength(kept + 1)
    await second.close()
    expect(existsSync(`${file}-damaged`)).toBe(false)

    const third = Rig.prepare({ answer: replying() })
    await third.open({ storage: setAsideOn(file) })
    await third.advance(1000)
    expect([codesOf(third), third.sent]).toEqual([[], []])
    expect(readdirSync(join(file, '..')).filter((name) => name.includes('corrupt'))).toHaveLength(1)
  })

  test('the message names what is missing, and no payload', async () => {
    const file = newFile()
    await fill(file, texts(60))
    overwrite(file, middle(leavesOf(file, 'holdfast_operations')))
    writeFileSync(`${file}-damaged`, '')
    const rig = Rig.prepare({ answer: replying() })
    await rig.open({ storage: setAsideOn(file) })
    const [told] = rig.eventsOf('error')
    expect(told?.error.message).toMatch(
      /kept: .*operations 5\d.*missing: operations: any behind lane 1, place \d+ before lane 1, place \d+$/,
    )
    expect(JSON.stringify(told)).not.toContain('xxx')
  })

  test('what is sent after that is what was not lost, also where the damage lies behind 256 operations', async () => {
    const file = newFile()
    const ids = await fill(file, texts(400))
    overwrite(file, leavesOf(file, 'holdfast_operations').at(-3) ?? 0)
    const first = Rig.prepare({ answer: replying() })
    await first.open({ storage: setAsideOn(file) })
    await first.whileResting(first.holdfast.updateToken('alice', 'a2'))
    await first.advance(60_000)
    expect(codesOf(first)).toEqual(['STORAGE_CORRUPT'])
    const sentBefore = first.sent.length
    expect(sentBefore).toBeGreaterThan(100)
    await first.close()
    const second = Rig.prepare({ answer: replying() })
    await second.open({ storage: setAsideOn(file) })
    await second.whileResting(second.holdfast.updateToken('alice', 'a3'))
    await second.advance(60_000)
    const keysOf = (rig: Rig) =>
      rig.sent.map(({ request }) => request.headers['idempotency-key'] ?? '')
    const keys = [...new Set([...keysOf(first), ...keysOf(second)])]
    expect(keys).toEqual(ids.filter((id) => keys.includes(id)))
    expect(ids.length - keys.length).toBeLessThan(20)
    expect(second.holdfast.status().counts.pending).toBe(0)
  })
})

// E2
describe('the mark', () => {
  test('is left beside the file, and `refuse` keeps refusing until the file is repaired', async () => {
    const file = newFile()
    await fill(file, texts(40))
    const good = readFileSync(file)
    overwrite(file, middle(leavesOf(file, 'holdfast_operations')))
    const refusing = () => sqliteStorage({ file, durability: 'app-crash' })
    const first = Rig.prepare()
    await first.open({ storage: refusing() })
    await first.advance(1000)
    expect(codesOf(first)).toEqual(['STORAGE_CORRUPT'])
    await first.close()
    const damaged = readFileSync(file)
    for (let opening = 0; opening < 2; opening += 1) {
      const rig = Rig.prepare()
      await expect(rig.open({ storage: refusing() })).rejects.toMatchObject({
        code: 'STORAGE_CORRUPT',
      })
      expect(readFileSync(file).equals(damaged)).toBe(true)
      expect(existsSync(`${file}-damaged`)).toBe(true)
    }
    writeFileSync(file, good)
    const repaired = Rig.prepare()
    await repaired.open({ storage: refusing() })
    expect(repaired.holdfast.status().counts.pending).toBe(40)
    expect(existsSync(`${file}-damaged`)).toBe(false)
  })

  test('on a file that has no damage goes away, and the file opens as it is', async () => {
    const file = newFile()
    await fill(file, texts(10))
    writeFileSync(`${file}-damaged`, 'no JSON')
    const rig = Rig.prepare()
    await rig.open({ storage: setAsideOn(file) })
    expect(rig.holdfast.status().counts.pending).toBe(10)
    expect(codesOf(rig)).toEqual([])
    expect(readdirSync(join(file, '..')).filter((name) => /damaged|corrupt/.test(name))).toEqual([])
  })

  test('finds no damage in any row that Holdfast writes, the ending of an erased letter too', async () => {
    const file = newFile()
    const rig = Rig.prepare({ answer: replying(400) })
    await rig.open({ storage: setAsideOn(file) })
    await rig.login('alice', 'a1')
    await rig.enqueue('refused')
    await rig.advance()
    await rig.whileResting(rig.holdfast.forget('alice'))
    await rig.close()
    writeFileSync(`${file}-damaged`, '')
    const again = Rig.prepare()
    await again.open({ storage: setAsideOn(file) })
    expect(codesOf(again)).toEqual([])
  })

  test('that cannot be written costs nothing but the check', async () => {
    const file = newFile()
    await fill(file, texts(40))
    overwrite(file, middle(leavesOf(file, 'holdfast_operations')))
    const first = Rig.prepare()
    await first.open({ storage: sqliteStorage({ file, durability: 'app-crash' }) })
    mkdirSync(`${file}-damaged.new`)
    await first.advance(1000)
    expect(codesOf(first)).toEqual(['STORAGE_CORRUPT'])
    expect(first.holdsOf('alice')).toContain('storage-failed')
  })

  test('finds a row that SQLite takes for whole, and that makes no sense', async () => {
    const file = newFile()
    const rig = Rig.prepare({ answer: (sent) => sent.fail() })
    await rig.open({ storage: setAsideOn(file), requirement: 'off' })
    await rig.whileResting(rig.holdfast.enqueue(count({ by: 1 })))
    await rig.advance()
    await rig.close()
    const database = new SqliteDatabase(file)
    database.exec(`UPDATE holdfast_envelopes SET members = '[10'`)
    database.close()
    const refused = Rig.prepare()
    await expect(
      refused.open({ storage: sqliteStorage({ file, durability: 'app-crash' }) }),
    ).rejects.toMatchObject({ code: 'STORAGE_CORRUPT' })
  })
})

// E2
describe("the app's own connection", () => {
  test('is never set aside: while the damage is there, each opening is refused', async () => {
    const file = newFile()
    await fill(file, texts(40))
    const good = readFileSync(file)
    overwrite(file, middle(leavesOf(file, 'holdfast_operations')))
    const database = new SqliteDatabase(file)
    const first = Rig.prepare({ database })
    await first.open()
    await first.advance(1000)
    expect(codesOf(first)).toEqual(['STORAGE_CORRUPT'])
    await first.close()
    const second = Rig.prepare({ database })
    await expect(second.open()).rejects.toMatchObject({ code: 'STORAGE_CORRUPT' })
    database.close()
    writeFileSync(file, good)
    const repaired = new SqliteDatabase(file)
    const third = Rig.prepare({ database: repaired })
    await third.open()
    expect(third.holdfast.status().counts.pending).toBe(40)
    await third.close()
    repaired.close()
  })
})

// E2, Q5
describe('an envelope that may have been sent', () => {
  /** Three counts of Alice are one envelope of unknown outcome; Bob has notes. */
  async function sendThree(file: string): Promise<readonly string[]> {
    const rig = Rig.prepare({ answer: (sent) => sent.fail() })
    await rig.open({ storage: setAsideOn(file), batchWindowMs: 1000 })
    await rig.login('alice', 'a1')
    const receipts = await rig.whileResting(
      Promise.all([1, 2, 4].map((by) => rig.holdfast.enqueue(count({ by })))),
    )
    await rig.advance(1000)
    expect(rig.bodies).toEqual([7])
    await rig.login('bob', 'b1')
    await rig.enqueue("bob's")
    await rig.close()
    return receipts.map(({ id }) => id)
  }

  async function salvageAfter(file: string, page: number): Promise<Rig> {
    overwrite(file, page)
    writeFileSync(`${file}-damaged`, '')
    const rig = Rig.prepare({ answer: replying() })
    await rig.open({ storage: setAsideOn(file) })
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    await rig.whileResting(rig.holdfast.updateToken('bob', 'b2'))
    await rig.advance(600_000)
    return rig
  }

  test('and can no longer be read makes its operations dead letters, and holds nobody else up', async () => {
    const file = newFile()
    const ids = await sendThree(file)
    const [page = 0] = leavesOf(file, 'holdfast_envelopes')
    const rig = await salvageAfter(file, page)
    expect(rig.bodies).toEqual(["bob's"])
    const dead = rig.eventsOf('operation.dead')
    expect(dead.map(({ id, reason, user }) => [id, reason, user])).toEqual(
      ids.map((id) => [id, 'outcome-unknown', 'alice']),
    )
    const letters = (await rig.whileResting(rig.holdfast.deadLetters())).items
    expect(letters.map(({ id }) => id)).toEqual(ids)
    expect(rig.eventsOf('error')[0]?.salvaged?.buried.map(({ id }) => id)).toEqual(ids)
  })

  test('and that can be read is sent again exactly as it was', async () => {
    const file = newFile()
    await sendThree(file)
    const [page = 0] = leavesOf(file, 'holdfast_outcomes')
    const rig = await salvageAfter(file, page)
    expect(new Set(rig.bodies)).toEqual(new Set([7, "bob's"]))
    expect(rig.sent).toHaveLength(2)
    expect(rig.eventsOf('operation.dead')).toEqual([])
  })
})
