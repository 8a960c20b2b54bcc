/** What is enqueued in one go goes to storage together, and nothing of that can be told from outside. */
import SqliteDatabase from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { replay } from '../src/journal/replay.ts'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import type { Answer } from '../storage/changes.ts'
import { note, replying, Rig } from './support/rig.ts'

const MANY = 300

async function loggedIn(options: Parameters<typeof Rig.start>[0] = {}) {
  const rig = await Rig.start({ answer: replying(), ...options })
  rig.holdfast.pause()
  await rig.login('alice', 'a-token')
  return rig
}

/** How often storage was asked to commit something. */
function commitCount({ journal }: Rig): number {
  return journal.lines().filter((line) => /"out":"ask".*"name":"commit"/.test(line)).length
}

const texts = Array.from({ length: MANY }, (_, index) => `note ${index}`)

describe('operations that are enqueued in one go', () => {
  test('are few questions to storage, and are sent in the order of the calls (Q2)', async () => {
    const rig = await loggedIn()
    const before = commitCount(rig)
    const receipts = Promise.all(texts.map((text) => rig.holdfast.enqueue(note({ text }))))
    await rig.advance()
    const ids = (await receipts).map(({ id }) => id)
    expect(commitCount(rig) - before).toBeLessThan(5)
    rig.holdfast.resume()
    await rig.advance(1000)
    expect(rig.sent.map(({ request }) => request.operations)).toEqual(ids.map((id) => [id]))
    expect((await replay(rig.journal.lines().join('\n'))).decided).toBeGreaterThan(0)
  })

  test('belong to who was logged in at the call (Q1)', async () => {
    const rig = await loggedIn()
    const receipts = texts.map((text, index) => {
      if (index === 100) void rig.holdfast.login('bob', { token: 'b-token' })
      return rig.holdfast.enqueue(note({ text }))
    })
    await rig.advance()
    await Promise.all(receipts)
    const pending = (await rig.whileResting(rig.holdfast.pending({ user: 'alice' }))).items
    expect(pending).toHaveLength(100)
    expect((await rig.whileResting(rig.holdfast.pending({ user: 'bob' }))).items).toHaveLength(
      MANY - 100,
    )
  })

  test('are all there for who asks in the same go', async () => {
    const rig = await loggedIn()
    for (const text of texts) void rig.holdfast.enqueue(note({ text }))
    expect((await rig.whileResting(rig.holdfast.pending())).items).toHaveLength(MANY)
  })

  test('are dropped by a logout in the same go (I7)', async () => {
    const rig = await loggedIn()
    for (const text of texts) void rig.holdfast.enqueue(note({ text }))
    await rig.whileResting(rig.holdfast.logout({ unsent: 'discard' }))
    const dropped = rig.heard.filter(({ name }) => name === 'operation.dropped')
    expect(dropped).toHaveLength(MANY)
    expect(rig.holdfast.status().counts.pending).toBe(0)
  })

  test('are stored before the engine is closed in the same go (Q19)', async () => {
    const rig = await loggedIn()
    const receipts = Promise.all(texts.map((text) => rig.holdfast.enqueue(note({ text }))))
    await rig.close()
    expect(await receipts).toHaveLength(MANY)
  })

  test('are answered also where something goes wrong with one of them (E3)', async () => {
    const database = new SqliteDatabase(':memory:')
    const storage = sqliteStorage({ database })
    const commit = storage.commit.bind(storage)
    const broken = Object.defineProperty({ applied: true }, 'affected', {
      get: () => {
        throw new Error('a fault')
      },
    }) as Answer
    storage.commit = async (changes, options) => {
      const answers = await commit(changes, options)
      return changes.length === 20 ? answers.with(3, broken) : answers
    }
    const rig = await loggedIn({ database, storage })
    const calls = texts.slice(0, 21).map((text) => rig.holdfast.enqueue(note({ text })))
    const ended = Promise.allSettled(calls)
    await rig.close()
    const statuses = (await ended).map(({ status }) => status)
    expect(statuses.filter((status) => status === 'fulfilled')).toHaveLength(20)
    const faults = rig.heard.filter(({ name }) => name === 'error')
    expect(faults).toMatchObject([{ detail: { error: { code: 'INTERNAL' } } }])
    database.close()
  })
})
