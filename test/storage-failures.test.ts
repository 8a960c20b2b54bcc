/** What the engine does when storage fails: at a call it rejects, at a record it repeats (E2, Q11, I1). */
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { defineOperation } from '../src/operations/define-operation.ts'
import { memoryVault } from '../src/ports/vault.ts'
import { count, JSON_REPLY, note, replying, Rig, type RigOptions } from './support/rig.ts'
import { Failures } from './support/failing-storage.ts'
import { noteOf, parent } from './support/kinds.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import { sqliteStorage } from '../src/sqlite-storage.ts'

async function failable(options: RigOptions = {}): Promise<{ rig: Rig; storage: Failures }> {
  const rig = Rig.prepare(options)
  const storage = new Failures(sqliteStorage({ database: rig.database }))
  await rig.open({ storage: storage.storage })
  return { rig, storage }
}

// E2
describe('a full disk', () => {
  test('rejects enqueue() with a coded error, stores nothing, and enqueue() works again afterwards', async () => {
    const rig = await Rig.start({ answer: replying(200) })
    await rig.login('alice', 'a1')
    const pages = rig.database.pragma('page_count', { simple: true }) as number
    rig.database.pragma(`max_page_count = ${pages}`)
    const large = rig.holdfast.enqueue(note({ text: 'x'.repeat(200_000) }))
    await expect(rig.whileResting(large)).rejects.toMatchObject({
      name: 'HoldfastError',
      code: 'STORAGE_FULL',
      retryable: true,
    })
    expect(rig.holdfast.status().counts.pending).toBe(0)
    expect(rig.database.prepare('SELECT count(*) AS n FROM holdfast_operations').get()).toEqual({
      n: 0,
    })
    rig.database.pragma('max_page_count = 1000000')
    await rig.enqueue('again')
    await rig.advance()
    expect(rig.bodies).toEqual(['again'])
    expect(rig.eventsOf('operation.completed')).toHaveLength(1)
  })

  test('at one call of many does not take the others with it', async () => {
    const rig = await Rig.start({ answer: replying(200) })
    await rig.login('alice', 'a1')
    rig.database.exec(`CREATE TRIGGER full BEFORE INSERT ON holdfast_operations
      WHEN new.payload LIKE '%bad%' BEGIN SELECT RAISE(ABORT, 'scripted'); END`)
    const calls = ['one', 'bad', 'two'].map((text) => rig.holdfast.enqueue(note({ text })))
    const settled = await rig.whileResting(Promise.allSettled(calls))
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    await rig.advance()
    expect(rig.bodies).toEqual(['one', 'two'])
  })
})

// E2: the disk itself is full, at each place where something is to be stored
describe('a full disk, after enqueue() resolved,', () => {
  const fill = (rig: Rig) => {
    rig.database.pragma(
      `max_page_count = ${String(rig.database.pragma('page_count', { simple: true }))}`,
    )
  }
  const empty = (rig: Rig) => rig.database.pragma('max_page_count = 1000000')

  test('at the record of an envelope: it is not sent, and is once there is room, nothing lost', async () => {
    const rig = await Rig.start({ answer: replying(200) })
    await rig.login('alice', 'a1')
    rig.holdfast.pause()
    const many = Array.from({ length: 60 }, () => rig.holdfast.enqueue(count({ by: 1 })))
    await rig.whileResting(Promise.all(many))
    // One page is all that the table has: now it has no room for sixty members.
    const filler = rig.database.prepare(
      `INSERT INTO holdfast_envelopes (lane, place, members, attempts, counted_attempts, wait_ms, waits_after_unknown,
         refused_count) VALUES (999, ?, ?, 0, 0, 0, 0, 0)`,
    )
    for (const place of [1, 2, 3, 4]) filler.run(place, ' '.repeat(930))
    fill(rig)
    rig.holdfast.resume()
    await rig.advance(3000)
    expect(rig.sent).toEqual([])
    expect(rig.holdsOf('alice')).toEqual(['storage-failed'])
    expect(rig.eventsOf('error')[0]).toMatchObject({ error: { code: 'STORAGE_FULL' } })
    expect(rig.holdfast.status().counts.pending).toBe(60)
    empty(rig)
    await rig.advance(60_000)
    expect(rig.bodies).toEqual([60])
    expect(rig.eventsOf('operation.completed')).toHaveLength(60)
    expect(rig.holdsOf('alice')).toEqual([])
  })

  test('at the settling: the reply is recorded once there is room, sent once, nothing lost', async () => {
    const rig = await Rig.start({ operations: [note, parent] })
    await rig.login('alice', 'a1')
    const text = 'x'.repeat(200_000)
    await rig.whileResting(rig.holdfast.enqueue(parent({ followUps: [noteOf(text)] })))
    await rig.enqueue('behind')
    fill(rig)
    // What the settled operation leaves is not enough for what follows from it.
    const body = JSON.stringify({ followUps: [noteOf(text), noteOf(text)] })
    rig.last.reply(200, { ...JSON_REPLY, body })
    await rig.advance(3000)
    expect(rig.holdsOf('alice')).toEqual(['storage-failed'])
    expect(rig.eventsOf('error')[0]).toMatchObject({ error: { code: 'STORAGE_FULL' } })
    expect(rig.holdfast.status().counts.pending).toBe(2)
    expect(rig.sent).toHaveLength(1)
    empty(rig)
    rig.answer = replying(200)
    await rig.advance(60_000)
    expect(rig.bodies.slice(1)).toEqual([text, text, 'behind'])
    expect(rig.eventsOf('operation.completed')).toHaveLength(4)
    expect(rig.holdfast.status().counts).toMatchObject({ pending: 0, dead: 0 })
  })
})

// E2
test('a file that another process holds rejects enqueue(), and the reply is recorded when it lets go', async () => {
  const file = join(temporaryFolder(), 'own.db')
  const rig = await Rig.start({ storage: sqliteStorage({ file, busyTimeoutMs: 1 }) })
  await rig.login('alice', 'a1')
  await rig.enqueue('one')
  const other = new SqliteDatabase(file)
  other.exec('BEGIN IMMEDIATE')
  rig.last.reply(200)
  await rig.advance(3000)
  expect(rig.holdsOf('alice')).toEqual(['storage-failed'])
  await expect(rig.enqueue('refused')).rejects.toMatchObject({
    name: 'HoldfastError',
    code: 'STORAGE_BUSY',
    retryable: true,
  })
  expect(rig.eventsOf('operation.completed')).toEqual([])
  other.exec('ROLLBACK')
  other.close()
  rig.answer = replying(200)
  await rig.enqueue('two')
  await rig.advance(60_000)
  expect(rig.eventsOf('operation.completed')).toHaveLength(2)
  expect(rig.bodies).toEqual(['one', 'two'])
  expect(rig.holdsOf('alice')).toEqual([])
})

// Q16, Q4
describe('a payload of 300 KiB', () => {
  const large = 'x'.repeat(300 * 1024)

  test('is refused, and nothing of it is stored', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    await expect(rig.enqueue(large)).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' })
    expect(rig.holdfast.status().counts.pending).toBe(0)
    expect(rig.sent).toEqual([])
  })

  test('goes whole where it is allowed, alone though its kind merges, and over a crash', async () => {
    const texts = defineOperation({
      kind: 'texts',
      payload: z.object({ text: z.string() }),
      request: ({ payload }) => ({ method: 'POST', path: '/texts', body: payload }),
      merge: {
        key: () => '',
        combine: (payloads) => ({
          method: 'POST',
          path: '/texts',
          body: { text: payloads.map(({ text }) => text).join() },
        }),
      },
    })
    const rig = await Rig.start({
      operations: [texts],
      maxPayloadBytes: 1024 * 1024,
      vault: memoryVault(),
    })
    await rig.login('alice', 'a1')
    rig.holdfast.pause()
    const drafts = [large, 'small', 'smaller'].map((text) => rig.holdfast.enqueue(texts({ text })))
    await rig.whileResting(Promise.all(drafts))
    rig.holdfast.resume()
    await rig.advance()
    rig.crash()
    rig.answer = replying(200)
    await rig.open()
    await rig.advance()
    expect(rig.bodies).toEqual([large, large, 'small,smaller'])
    expect(rig.eventsOf('operation.completed')).toHaveLength(3)
  })
})

// Q11
describe('a reply that cannot be recorded', () => {
  test('is recorded again and again; nothing is sent meanwhile, and nothing twice', async () => {
    const { rig, storage } = await failable()
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.enqueue('two')
    storage.failOn(['complete'])
    rig.last.reply(200)
    await rig.advance()
    expect(rig.holdsOf('alice')).toEqual(['storage-failed'])
    expect(rig.eventsOf('error')).toMatchObject([{ error: { code: 'STORAGE_FULL' } }])
    await rig.advance(10_000)
    expect(rig.bodies).toEqual(['one'])
    expect(rig.eventsOf('operation.completed')).toEqual([])
    storage.failOn(null)
    await rig.advance(10_000)
    expect(rig.eventsOf('operation.completed')).toHaveLength(1)
    expect(rig.bodies).toEqual(['one', 'two'])
    expect(rig.holdsOf('alice')).toEqual([])
  })

  test('is sent again under the same key after a crash', async () => {
    const { rig, storage } = await failable()
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    storage.failOn(['complete'])
    rig.last.reply(200)
    await rig.advance(100)
    rig.crash()
    await rig.open()
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    await rig.advance()
    expect(rig.sent).toHaveLength(2)
    const [first, second] = rig.sent.map(({ request }) => request.headers['idempotency-key'])
    expect(second).toBe(first)
  })

  test.each([
    ['a retry', 503, 'envelope'],
    ['a rejection', 422, 'bury'],
    ['a refused token', 401, 'refuseToken'],
  ] as const)('holds its lane also where it is %s', async (_name, status, change) => {
    const { rig, storage } = await failable()
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    storage.failOn([change])
    rig.last.reply(status)
    await rig.advance(5000)
    expect(rig.holdsOf('alice')).toEqual(['storage-failed'])
    expect(rig.sent).toHaveLength(1)
    storage.failOn(null)
    await rig.advance(5000)
    expect(rig.holdsOf('alice')).not.toContain('storage-failed')
    const heard = { 503: 'operation.retrying', 422: 'operation.dead', 401: 'token.needed' } as const
    expect(rig.eventsOf(heard[status])).toHaveLength(1)
  })

  test('holds its own lane alone', async () => {
    const { rig, storage } = await failable()
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.login('bob', 'b1')
    storage.failOn(['complete'])
    rig.last.reply(200)
    await rig.advance()
    await rig.enqueue('two')
    expect(rig.bodies).toEqual(['one', 'two'])
    expect(rig.holdsOf('bob')).toEqual([])
  })
})

// E2
test('an envelope that cannot be recorded is not sent, and is once it can', async () => {
  const { rig, storage } = await failable({ answer: replying(200) })
  await rig.login('alice', 'a1')
  storage.failOn(['envelope'])
  await rig.whileResting(rig.holdfast.enqueue(count({ by: 1 })))
  await rig.advance(3000)
  expect(rig.sent).toEqual([])
  expect(rig.holdsOf('alice')).toEqual(['storage-failed'])
  storage.failOn(null)
  await rig.advance(60_000)
  expect(rig.eventsOf('operation.completed')).toHaveLength(1)
})

// E2
test('a lane that cannot be read is held, never taken for empty, and read again', async () => {
  const first = await Rig.start()
  await first.login('alice', 'a1')
  first.holdfast.pause()
  await first.enqueue('one')
  await first.close()
  const rig = Rig.prepare({ database: first.database, answer: replying(200) })
  const storage = new Failures(sqliteStorage({ database: rig.database }))
  storage.failReads = true
  await rig.open({ storage: storage.storage, requirement: 'off' })
  await rig.advance(20_000)
  expect(rig.holdsOf('alice')).toEqual(['storage-failed'])
  expect(rig.holdfast.status().counts.pending).toBe(1)
  storage.failReads = false
  await rig.advance(5000)
  expect(rig.bodies).toEqual(['one'])
  expect(rig.holdfast.status().counts.pending).toBe(0)
})

// I1
describe('an identity that cannot be stored', () => {
  test('is changed all the same, and stored at last', async () => {
    const { rig, storage } = await failable()
    storage.failOn(['identity'])
    const login = rig.holdfast.login('alice', { token: 'a1' })
    expect(rig.holdfast.status().identity).toBe('alice')
    await rig.advance(100)
    expect(rig.eventsOf('error')).toMatchObject([{ error: { code: 'STORAGE_FULL' } }])
    storage.failOn(null)
    await rig.advance(1000)
    await login
    rig.crash()
    await rig.open()
    expect(rig.holdfast.status().identity).toBe('alice')
  })

  test('is never stored over a later one', async () => {
    const { rig, storage } = await failable()
    await rig.login('alice', 'a1')
    storage.failOn(['identity'])
    const logout = rig.holdfast.logout()
    await rig.advance(10)
    storage.failOn(null)
    await rig.login('bob', 'b1')
    await rig.advance(5000)
    await logout
    rig.crash()
    await rig.open()
    expect(rig.holdfast.status().identity).toBe('bob')
  })

  test('nor is a requirement', async () => {
    const { rig, storage } = await failable()
    storage.failOn(['requirement'])
    const off = rig.holdfast.setRequirement('off')
    await rig.advance(10)
    storage.failOn(null)
    await rig.whileResting(rig.holdfast.setRequirement('unknown'))
    await rig.advance(5000)
    await off
    rig.crash()
    await rig.open({ requirement: 'unknown' })
    expect(rig.holdfast.status().requirement).toBe('unknown')
  })

  // T11
  test('and the token of a session that ended is not in the way of the next one', async () => {
    const { rig, storage } = await failable({ answer: replying(200) })
    await rig.login('alice', 'a1')
    storage.failOn(['endSession'])
    const logout = rig.holdfast.logout()
    await rig.advance(10)
    const login = rig.holdfast.login('alice', { token: 'a2' })
    await rig.advance(10)
    storage.failOn(null)
    await rig.advance(5000)
    await Promise.all([logout, login])
    await rig.enqueue('one')
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual(['a2'])
  })
})

// T2
test('a token that cannot be stored rejects, and the one before stays in use', async () => {
  const { rig, storage } = await failable({ answer: replying(200) })
  await rig.login('alice', 'a1')
  storage.failOn(['token'])
  await expect(rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))).rejects.toMatchObject({
    code: 'STORAGE_FULL',
  })
  await rig.enqueue('one')
  await rig.advance()
  expect(rig.sent.map(({ token }) => token)).toEqual(['a1'])
})

// E2
test.each(['cancel', 'discard', 'revive'] as const)(
  'a %s that cannot be stored rejects, and the lane goes on',
  async (change) => {
    const { rig, storage } = await failable()
    await rig.login('alice', 'a1')
    const one = await rig.enqueue('one')
    rig.last.reply(422)
    await rig.advance()
    await rig.enqueue('two')
    const three = await rig.enqueue('three')
    storage.failOn([change])
    const call =
      change === 'revive'
        ? rig.holdfast.retry(one)
        : change === 'cancel'
          ? rig.holdfast.cancel(three)
          : rig.holdfast.discard(three)
    await expect(rig.whileResting<unknown>(call)).rejects.toMatchObject({ code: 'STORAGE_FULL' })
    rig.last.reply(200)
    await rig.advance()
    rig.last.reply(200)
    await rig.advance()
    expect(rig.bodies).toEqual(['one', 'two', 'three'])
  },
)
