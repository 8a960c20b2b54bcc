/** A database belongs to one origin: what is stored for one server never goes to another one unasked (E6). */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { MemoryJournal } from '../src/journal/memory-journal.ts'
import { replay } from '../src/journal/replay.ts'
import type { HoldfastOptions } from '../src/options.ts'
import { canonicalOrigin } from '../src/origin.ts'
import { memoryVault } from '../src/ports/vault.ts'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import { neighbours } from './support/neighbours.ts'
import { note, replying, Rig } from './support/rig.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const A = 'https://a.test'
const B = 'https://b.test'

const to = (rig: Rig, origin: string): Partial<HoldfastOptions> => ({
  transport: { ...rig.transport, origin },
})

/** The database of an app that has sent to this origin: alice has a token and an operation. */
async function usedWith(origin: string): Promise<Rig> {
  const rig = Rig.prepare({ vault: memoryVault(), answer: replying(200) })
  await rig.open(to(rig, origin))
  rig.holdfast.pause()
  await rig.login('alice', 'a1')
  await rig.enqueue('one')
  await rig.close()
  return rig
}

async function refusalOf(opening: Promise<unknown>): Promise<unknown> {
  return opening.then(
    () => null,
    (error: unknown) => error,
  )
}

const originIn = ({ database }: Rig) =>
  database.prepare(`SELECT value FROM holdfast_meta WHERE name = 'origin'`).pluck().get()

// E6
describe('a database that belongs to one origin', () => {
  test('is refused with another one, which is told, and is still good for its own', async () => {
    const rig = await usedWith(A)
    const refusal = await refusalOf(rig.open(to(rig, B)))
    expect(refusal).toMatchObject({ code: 'ORIGIN_CHANGED', retryable: false })
    expect(String(refusal)).toContain(`belongs to '${A}'`)
    expect(String(refusal)).toContain(`'${B}'`)
    expect(String(refusal)).toContain('formerOrigins')
    await rig.open(to(rig, A))
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual(['a1'])
  })

  test.each([
    ['https', 'http://a.test'],
    ['another port', 'https://a.test:8443'],
    ['another name', 'https://a.test.example.com'],
    ['this machine', 'http://127.0.0.1:8080'],
  ])('is not for %s', async (_name, origin) => {
    const rig = await usedWith(A)
    expect(await refusalOf(rig.open(to(rig, origin)))).toMatchObject({ code: 'ORIGIN_CHANGED' })
  })

  test.each(['https://A.test', 'https://a.test:443', 'https://a.test/', 'https://a.test/v1'])(
    'is for %s, which is the same one',
    async (origin) => {
      const rig = await usedWith(A)
      await rig.open(to(rig, origin))
      await rig.advance()
      expect(rig.sent.map(({ token }) => token)).toEqual(['a1'])
    },
  )

  test.each([
    'http://127.0.0.1:9999',
    'http://127.8.9.10',
    'http://[::1]:1',
    'http://LOCALHOST',
    'https://localhost:8443',
  ])('that is this machine is for every origin of it, such as %s', async (origin) => {
    const rig = await usedWith('http://localhost:8787')
    await rig.open(to(rig, origin))
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual(['a1'])
  })

  test.each(['bluetooth', 'app://local', 'memory:one', 'the server', '\u202egnp'])(
    'of a transport of the app, %j, is for that one',
    async (origin) => {
      const rig = await usedWith(origin)
      expect(await refusalOf(rig.open(to(rig, `${origin}2`)))).toMatchObject({
        code: 'ORIGIN_CHANGED',
      })
      await rig.open(to(rig, origin))
      await rig.advance()
      expect(rig.sent.map(({ token }) => token)).toEqual(['a1'])
    },
  )

  test('never tells what a transport puts before its host', async () => {
    const rig = await usedWith('ftp://alice:hunter2@a.test')
    expect(originIn(rig)).toBe('ftp://a.test')
    const refusal = await refusalOf(rig.open(to(rig, 'ftp://bob:hunter3@b.test')))
    expect(String(refusal)).not.toMatch(/hunter/)
  })
})

// E6
test('a database of before takes the origin of its first opening; its users sign in once, and nothing is lost', async () => {
  const vault = memoryVault()
  const rig = Rig.prepare({ vault, answer: replying(200) })
  await rig.open(to(rig, A))
  rig.holdfast.pause()
  await rig.login('alice', 'a1')
  await rig.enqueue('one')
  await rig.close()
  // As it was written before: no origin, and the bare token sealed.
  rig.database.exec(`DELETE FROM holdfast_meta WHERE name = 'origin'`)
  rig.database.prepare('UPDATE holdfast_tokens SET sealed = ?').run(await vault.seal('a1'))
  await rig.open(to(rig, A))
  await rig.advance()
  expect(rig.sent).toEqual([])
  expect(rig.eventsOf('token.needed')).toMatchObject([{ user: 'alice', reason: 'unreadable' }])
  await rig.whileResting(rig.holdfast.updateToken('alice', 'a1'))
  await rig.advance()
  expect(rig.bodies).toEqual(['one'])
  await rig.close()
  expect(originIn(rig)).toBe(A)
  expect(await refusalOf(rig.open(to(rig, B)))).toMatchObject({ code: 'ORIGIN_CHANGED' })
})

// E6
describe('with formerOrigins', () => {
  test('the operations go to the new origin, and its users are asked for tokens', async () => {
    const rig = await usedWith(A)
    const journal = new MemoryJournal()
    await rig.open({ ...to(rig, B), formerOrigins: ['https://other.test', `${A}/`], journal })
    await rig.advance()
    expect(rig.sent).toEqual([])
    expect(rig.eventsOf('token.needed')).toMatchObject([{ user: 'alice', reason: 'missing' }])
    expect(rig.eventsOf('error')).toEqual([])
    // The same text may be good for the new server as well.
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a1'))
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual(['a1'])
    await rig.close()
    expect((await replay(journal.lines().join('\n'))).decided).toBeGreaterThan(0)
    expect(originIn(rig)).toBe(B)
    expect(await refusalOf(rig.open(to(rig, A)))).toMatchObject({ code: 'ORIGIN_CHANGED' })
    await rig.open(to(rig, B))
    await rig.enqueue('two')
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual(['a1', 'a1'])
  })

  test('a token that the former server refused may be good for the new one', async () => {
    const rig = Rig.prepare({ vault: memoryVault(), answer: replying(401) })
    await rig.open(to(rig, A))
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.advance()
    await rig.close()
    rig.answer = replying(200)
    await rig.open({ ...to(rig, B), formerOrigins: [A] })
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a1'))
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual(['a1', 'a1'])
  })

  test('that name others, the database is refused', async () => {
    const rig = await usedWith(A)
    const options = { ...to(rig, B), formerOrigins: ['https://other.test'] }
    expect(await refusalOf(rig.open(options))).toMatchObject({ code: 'ORIGIN_CHANGED' })
  })

  test('that name its own origin, nothing is lost', async () => {
    const rig = await usedWith(A)
    await rig.open({ ...to(rig, A), formerOrigins: [A] })
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual(['a1'])
  })

  test('nothing of the tokens for the former origin stays in the file', async () => {
    const file = join(temporaryFolder(), 'outbox.db')
    const vault = { seal: (text: string) => Buffer.from(text), unseal: () => '' }
    const rig = Rig.prepare({ vault })
    await rig.open({ ...to(rig, A), storage: sqliteStorage({ file }) })
    await rig.login('alice', 'a-token-of-alice')
    await rig.close()
    await rig.open({ ...to(rig, B), storage: sqliteStorage({ file }), formerOrigins: [A] })
    for (const one of [file, `${file}-wal`]) {
      expect(readFileSync(one).includes('a-token-of-alice')).toBe(false)
    }
  })
})

// E6, Q17
describe('of two processes on one file', () => {
  test('the second one, with another origin, is refused', async () => {
    const { first, second } = neighbours({ answer: replying(200) })
    await first.rig.open(to(first.rig, A))
    const refusal = await refusalOf(second.rig.open(to(second.rig, B)))
    expect(refusal).toMatchObject({ code: 'ORIGIN_CHANGED' })
    await first.rig.login('alice', 'a1')
    await first.rig.enqueue('one')
    await first.rig.advance()
    expect(first.rig.sent).toHaveLength(1)
  })

  test('the second one does not move the file while the first one still sends', async () => {
    const { first, second } = neighbours({ answer: replying(200) })
    await first.rig.open(to(first.rig, A))
    const options = { ...to(second.rig, B), formerOrigins: [A] }
    expect(await refusalOf(second.rig.open(options))).toMatchObject({
      code: 'STORAGE_BUSY',
      retryable: true,
    })
    await first.rig.close()
    await second.rig.open(options)
  })

  test('one that waits while the file is moved sends nothing any more', async () => {
    const { first, second } = neighbours({ vault: memoryVault(), answer: replying(200) })
    await first.rig.open(to(first.rig, A))
    await second.rig.open(to(second.rig, A))
    await second.rig.login('alice', 'a1')
    await first.rig.close()
    await first.rig.open({ ...to(first.rig, B), formerOrigins: [A] })
    first.rig.holdfast.pause()
    await first.rig.login('alice', 'b1')
    await first.rig.enqueue('one')
    await second.hear()
    expect(second.rig.eventsOf('error')).toMatchObject([{ error: { code: 'ORIGIN_CHANGED' } }])
    await expect(second.rig.enqueue('two')).rejects.toMatchObject({ code: 'ORIGIN_CHANGED' })
    await first.rig.close()
    await second.rig.advance(600_000)
    expect(second.rig.sent).toEqual([])
    await second.rig.close()
    expect((await replay(second.rig.journal.lines().join('\n'))).decided).toBeGreaterThan(0)
  })

  test('one that takes over a file which was moved meanwhile sends nothing', async () => {
    const { first, second } = neighbours({ answer: replying(200) })
    await first.rig.open(to(first.rig, A))
    await second.rig.open(to(second.rig, A))
    await second.rig.login('alice', 'a1')
    await second.rig.enqueue('one')
    await first.rig.close()
    const database = new SqliteDatabase(first.file)
    database.exec(`UPDATE holdfast_meta SET value = '${B}' WHERE name = 'origin'`)
    database.close()
    await second.rig.advance(600_000)
    expect(second.rig.sent).toEqual([])
    expect(second.rig.eventsOf('error')).toMatchObject([{ error: { code: 'ORIGIN_CHANGED' } }])
  })

  test('one that finds the file moved takes nothing in a transaction of the app either', async () => {
    const { first, second } = neighbours({ answer: replying(200) })
    await first.rig.open(to(first.rig, A))
    const database = new SqliteDatabase(first.file)
    await second.rig.open({ ...to(second.rig, A), storage: sqliteStorage({ database }) })
    await second.rig.login('alice', 'a1')
    await second.rig.enqueue('one')
    await first.rig.close()
    database.exec(`UPDATE holdfast_meta SET value = '${B}' WHERE name = 'origin'`)
    await second.rig.advance(600_000)
    const write = database.transaction(() =>
      second.rig.holdfast.enqueueWithin(database, note({ text: 'two' })),
    )
    expect(write).toThrow(expect.objectContaining({ code: 'ORIGIN_CHANGED' }))
    await second.rig.close()
    database.close()
  })
})

// E6
test.each([
  ['https://API.example.com:443/v1?key=1', 'https://api.example.com'],
  ['http://127.1:8080', 'http://localhost'],
  ['http://127.0.0.1.', 'http://localhost'],
  ['http://127.example.com', 'http://127.example.com'],
  ['http://localhost.', 'http://localhost.'],
  ['http://0.0.0.0', 'http://0.0.0.0'],
  ['http://[::ffff:127.0.0.1]', 'http://[::ffff:7f00:1]'],
  ['localhost:8080', 'localhost:8080'],
  ['ws://alice@localhost', 'http://localhost'],
  ['app://alice@main', 'app://main'],
  ['not an origin', 'not an origin'],
])('the origin %s is compared as %s', (origin, compared) => {
  expect(canonicalOrigin(origin)).toBe(compared)
  expect(canonicalOrigin(compared)).toBe(compared)
})
