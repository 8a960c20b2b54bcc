/** An operation in the app's own transaction: its row and the app's are both there, or neither (Q2). */
import { join } from 'node:path'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import SqliteDatabase, { type Database } from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import type { Receipt } from '../src/api/receipts.ts'
import { replay } from '../src/journal/replay.ts'
import { defineOperation } from '../src/operations/define-operation.ts'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import { note, replying, Rig, type RigOptions } from './support/rig.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

async function signedIn(options: RigOptions = {}): Promise<Rig> {
  const rig = await Rig.start({ answer: replying(), ...options })
  rig.database.exec('CREATE TABLE IF NOT EXISTS letters (text TEXT)')
  await rig.login('alice', 'a1')
  return rig
}

/** The app writes its row and the operation; it may think better of it. */
function write(rig: Rig, text: string, thinkBetter = false): Receipt | null {
  let receipt: Receipt | null = null
  const transact = rig.database.transaction(() => {
    rig.database.prepare('INSERT INTO letters VALUES (?)').run(text)
    receipt = rig.holdfast.enqueueWithin(rig.database, note({ text }))
    if (thinkBetter) throw new Error('the app thought better of it')
  })
  try {
    transact()
  } catch (error) {
    if (!thinkBetter) throw error
  }
  return receipt
}

function rowsOf(database: Database, table: string): unknown[] {
  return database.prepare(`SELECT * FROM ${table}`).all()
}

function codeOf(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return (error as { readonly code?: string }).code ?? error
  }
  return null
}

function inTransaction<T>(rig: Rig, run: () => T): T {
  return rig.database.transaction(run)()
}

// Q2
describe('an operation in a transaction of the app', () => {
  test('is there with the row of the app, and is sent after the commit', async () => {
    const rig = await signedIn()
    const receipt = write(rig, 'one')
    expect(rig.sent).toHaveLength(0)
    expect(rowsOf(rig.database, 'letters')).toHaveLength(1)
    expect(rowsOf(rig.database, 'holdfast_operations')).toHaveLength(1)
    await rig.advance()
    expect(rig.bodies).toEqual(['one'])
    expect(rig.eventsOf('operation.enqueued')).toEqual([
      { id: receipt?.id, user: 'alice', kind: 'note' },
    ])
    expect(await receipt?.settled).toEqual({ outcome: 'completed', id: receipt?.id })
  })

  test('is gone with it after a rollback: nothing is stored, nothing sent, and the next one works', async () => {
    const rig = await signedIn()
    const receipt = write(rig, 'one', true)
    await rig.advance(1000)
    expect(rowsOf(rig.database, 'letters')).toEqual([])
    expect(rowsOf(rig.database, 'holdfast_operations')).toEqual([])
    expect(rig.sent).toEqual([])
    expect(rig.heard.map(({ name }) => name)).not.toContain('operation.enqueued')
    expect(rig.holdfast.status().counts.pending).toBe(0)
    await expect(receipt?.settled).rejects.toMatchObject({ code: 'UNKNOWN_OPERATION' })
    write(rig, 'two')
    await rig.enqueue('three')
    await rig.advance()
    expect(rig.bodies).toEqual(['two', 'three'])
  })

  test('a lane that was rolled back gives its number to whoever comes next, in the same turn too', async () => {
    const rig = await signedIn()
    write(rig, 'of alice, rolled back', true)
    const bob = rig.holdfast.login('bob', { token: 'b1' })
    write(rig, 'of bob')
    const alice = rig.holdfast.login('alice', { token: 'a1' })
    write(rig, 'of alice')
    await rig.whileResting(Promise.all([bob, alice]))
    await rig.advance()
    const sent = rig.sent.map(({ request, token }) => [request.path, token])
    expect(sent).toHaveLength(2)
    expect(sent).toContainEqual(['/users/bob/notes', 'b1'])
    expect(sent).toContainEqual(['/users/alice/notes', 'a1'])
  })

  test('that outlives its turn is waited for: nothing is sent before the commit', async () => {
    const rig = await signedIn()
    rig.database.exec('BEGIN')
    const receipt = rig.holdfast.enqueueWithin(rig.database, note({ text: 'one' }))
    await rig.advance(500)
    expect(rig.sent).toHaveLength(0)
    rig.database.exec('COMMIT')
    await rig.advance(20)
    expect(rig.bodies).toEqual(['one'])
    expect((await receipt.settled).outcome).toBe('completed')
  })

  test('that outlives its turn and is rolled back leaves nothing, no alarm either', async () => {
    const rig = await signedIn()
    rig.database.exec('BEGIN')
    const receipt = rig.holdfast.enqueueWithin(rig.database, note({ text: 'one' }))
    await rig.advance(500)
    rig.database.exec('ROLLBACK')
    const { settled } = receipt
    await rig.advance(20)
    await expect(settled).rejects.toMatchObject({ code: 'UNKNOWN_OPERATION' })
    expect(rig.sent).toEqual([])
    expect(rig.time.nextAt()).toBeNull()
  })

  test('is never seen by a lane that reads its rows while the transaction is open', async () => {
    const rig = await signedIn({ requirement: 'off', answer: () => undefined })
    await rig.enqueue('one')
    const others = Array.from({ length: 300 }, (_, n) =>
      rig.holdfast.enqueue(note({ text: `${n}` })),
    )
    await rig.whileResting(Promise.all(others))
    rig.answer = replying()
    rig.database.exec('BEGIN')
    rig.holdfast.enqueueWithin(rig.database, note({ text: 'within' }))
    rig.last.reply(200)
    await rig.advance(500)
    rig.database.exec('ROLLBACK')
    await rig.advance(60_000)
    expect(rig.sent).toHaveLength(301)
    expect(rig.bodies).not.toContain('within')
  })

  test('is lost with a process that dies before the commit, and sent by the next one after it', async () => {
    const rig = await signedIn({ answer: () => undefined })
    write(rig, 'one')
    rig.crash()
    rig.answer = replying()
    await rig.open()
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    await rig.advance()
    expect(rig.bodies.at(-1)).toBe('one')
  })

  test('close() in the same turn leaves it on disk, and breaks nothing', async () => {
    const rig = await signedIn()
    const receipt = write(rig, 'one')
    await rig.close()
    expect(rig.eventsOf('error')).toEqual([])
    expect(rowsOf(rig.database, 'holdfast_operations')).toHaveLength(1)
    expect((await receipt?.settled)?.outcome).toBe('pending')
  })

  test('belongs to who is logged in at the call (Q1)', async () => {
    const rig = await signedIn()
    write(rig, 'one')
    await rig.whileResting(rig.holdfast.logout())
    await rig.login('bob', 'b1')
    await rig.advance()
    expect(rig.sent.map(({ request }) => request.path)).toEqual(['/users/alice/notes'])
  })
})

// Q2, Q3
describe('beside enqueue() in the same turn', () => {
  test('it comes before what is not stored yet, and nothing is sent out of order', async () => {
    const rig = await signedIn()
    const first = rig.holdfast.enqueue(note({ text: 'enqueued' }))
    write(rig, 'within')
    await rig.whileResting(first)
    await rig.advance()
    expect(rig.bodies).toEqual(['within', 'enqueued'])
    expect(rig.holdfast.status().counts.pending).toBe(0)
  })

  test('a transaction that ends in the turn of an enqueue() keeps its place before it', async () => {
    const rig = await signedIn()
    rig.database.exec('BEGIN')
    rig.holdfast.enqueueWithin(rig.database, note({ text: 'within' }))
    await rig.advance(5)
    const later = rig.holdfast.enqueue(note({ text: 'enqueued' }))
    rig.database.exec('COMMIT')
    await rig.whileResting(later)
    await rig.advance()
    expect(rig.bodies).toEqual(['within', 'enqueued'])
    expect(rig.holdfast.status().counts.pending).toBe(0)
  })

  test('asking for it within the transaction fails no other call', async () => {
    const rig = await signedIn()
    const first = rig.holdfast.enqueue(note({ text: 'enqueued' }))
    rig.database.exec('BEGIN')
    const { id } = rig.holdfast.enqueueWithin(rig.database, note({ text: 'within' }))
    const asked = rig.holdfast.operation(id)
    rig.database.exec('COMMIT')
    await rig.whileResting(first)
    expect(await asked).toMatchObject({ state: 'pending' })
  })
})

// E1
describe('is refused, with nothing stored', () => {
  test('a TypeError: another connection, no open transaction', async () => {
    const rig = await signedIn()
    const other = new SqliteDatabase(':memory:')
    expect(() =>
      inTransaction(rig, () => rig.holdfast.enqueueWithin(other, note({ text: 'x' }))),
    ).toThrow(/TypeError|not the one given/)
    expect(codeOf(() => rig.holdfast.enqueueWithin(rig.database, note({ text: 'x' })))).toEqual(
      new TypeError('enqueueWithin: no transaction is open'),
    )
    other.close()
    await rig.advance()
    expect(rowsOf(rig.database, 'holdfast_operations')).toEqual([])
    await rig.enqueue('next')
    expect(rig.bodies).toEqual(['next'])
  })

  test('a TypeError: a storage in a file of its own', async () => {
    const file = join(temporaryFolder(), 'outbox.db')
    const rig = Rig.prepare({ answer: replying() })
    await rig.open({ storage: sqliteStorage({ file }) })
    await rig.login('alice', 'a1')
    const refusal = codeOf(() =>
      inTransaction(rig, () => rig.holdfast.enqueueWithin(rig.database, note({ text: 'x' }))),
    )
    expect(refusal).toBeInstanceOf(TypeError)
    await rig.advance()
    expect(rig.eventsOf('error')).toEqual([])
  })

  test('a TypeError: a storage that knows no transactions, and later calls work', async () => {
    const rig = Rig.prepare({ answer: replying() })
    const storage = new Proxy(sqliteStorage({ database: rig.database }), {
      get: (target, name) => {
        if (name === 'enqueueWithin' || name === 'fateOf') return undefined
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
    await rig.open({ storage })
    await rig.login('alice', 'a1')
    const refusal = codeOf(() => rig.holdfast.enqueueWithin(rig.database, note({ text: 'x' })))
    expect(refusal).toBeInstanceOf(TypeError)
    await rig.enqueue('next')
    await rig.advance()
    expect(rig.bodies).toEqual(['next'])
    expect(rig.eventsOf('error')).toEqual([])
  })

  test('a TypeError before all else, also of what would be dropped or does not fit (I3)', async () => {
    const rig = await Rig.start({ answer: replying() })
    const other = new SqliteDatabase(':memory:')
    const unfit = note({ text: 1 as never })
    const stranger = defineOperation({ ...note.spec, kind: 'stranger' })({ text: 'x' })
    for (const draft of [note({ text: 'x' }), unfit, stranger]) {
      expect(codeOf(() => rig.holdfast.enqueueWithin(rig.database, draft))).toEqual(
        new TypeError('enqueueWithin: no transaction is open'),
      )
      const foreign = codeOf(() =>
        inTransaction(rig, () => rig.holdfast.enqueueWithin(other, draft)),
      )
      expect(foreign).toBeInstanceOf(TypeError)
    }
    other.close()
    await rig.advance()
    expect(rig.eventsOf('operation.dropped')).toEqual([])
    expect(rig.database.prepare('SELECT * FROM holdfast_operations').all()).toEqual([])
    await rig.close()
    expect((await replay(rig.journal.lines().join('\n'))).withStorage).toBe(true)
  })

  test('UNKNOWN_KIND, INVALID_PAYLOAD, PAYLOAD_TOO_LARGE, QUEUE_FULL', async () => {
    const rig = await signedIn({ maxPayloadBytes: 100, maxPending: 1, answer: () => undefined })
    const stranger = defineOperation({ ...note.spec, kind: 'stranger' })
    const refusals = inTransaction(rig, () => [
      codeOf(() => rig.holdfast.enqueueWithin(rig.database, stranger({ text: 'x' }))),
      codeOf(() => rig.holdfast.enqueueWithin(rig.database, note({ text: 1 as never }))),
      codeOf(() => rig.holdfast.enqueueWithin(rig.database, note({ text: 'x'.repeat(100) }))),
      codeOf(() => rig.holdfast.enqueueWithin(rig.database, note({ text: 'fits' }))),
      codeOf(() => rig.holdfast.enqueueWithin(rig.database, note({ text: 'too many' }))),
    ])
    expect(refusals).toEqual([
      'UNKNOWN_KIND',
      'INVALID_PAYLOAD',
      'PAYLOAD_TOO_LARGE',
      null,
      'QUEUE_FULL',
    ])
    await rig.advance()
    expect(rig.bodies).toEqual(['fits'])
  })

  test.each<[string, () => Promise<{ value: { text: string } }>]>([
    ['answers later', async () => ({ value: { text: 'x' } })],
    ['never answers', () => new Promise(() => undefined)],
    // Nobody hears of it, and nobody may have to (E3).
    ['rejects', async () => Promise.reject(new Error('no'))],
  ])('a schema that does not answer at once, but %s: INVALID_PAYLOAD', async (_what, validate) => {
    const payload: StandardSchemaV1<{ text: string }> = {
      '~standard': { version: 1, vendor: 'test', validate },
    }
    const slow = defineOperation({ ...note.spec, kind: 'slow', payload })
    const rig = await signedIn({ operations: [note, slow] })
    const refusal = codeOf(() =>
      inTransaction(rig, () => rig.holdfast.enqueueWithin(rig.database, slow({ text: 'x' }))),
    )
    expect(refusal).toBe('INVALID_PAYLOAD')
    await rig.advance()
    expect(rig.sent).toEqual([])
  })

  test('in the middle of the code of a kind, and not later either', async () => {
    const refusals: unknown[] = []
    const rig = Rig.prepare({ answer: replying() })
    const nosy = defineOperation({
      ...note.spec,
      kind: 'nosy',
      request: () => {
        refusals.push(codeOf(() => rig.holdfast.enqueueWithin(rig.database, note({ text: 'x' }))))
        return { method: 'POST', path: '/nosy', body: { text: 'nosy' } }
      },
    })
    await rig.open({ operations: [note, nosy] })
    await rig.login('alice', 'a1')
    await rig.whileResting(rig.holdfast.enqueue(nosy({ text: 'x' })))
    await rig.advance()
    expect(refusals).toEqual([expect.any(TypeError)])
    expect(rig.bodies).toEqual(['nosy'])
  })

  test('what storage cannot put leaves nothing half written, though the app commits', async () => {
    const rig = await signedIn()
    await rig.enqueue('before')
    await rig.advance()
    rig.database.exec(`CREATE TEMP TRIGGER refuse BEFORE INSERT ON holdfast_operations
      BEGIN SELECT RAISE(ABORT, 'no'); END`)
    const lanes = rowsOf(rig.database, 'holdfast_lanes')
    const refusal = inTransaction(rig, () => {
      rig.database.prepare('INSERT INTO letters VALUES (?)').run('kept')
      return codeOf(() => rig.holdfast.enqueueWithin(rig.database, note({ text: 'x' })))
    })
    expect(refusal).toMatch(/^STORAGE_/)
    expect(rowsOf(rig.database, 'letters')).toHaveLength(1)
    expect(rowsOf(rig.database, 'holdfast_lanes')).toEqual(lanes)
    rig.database.exec('DROP TRIGGER refuse')
    write(rig, 'after')
    await rig.advance()
    expect(rig.bodies).toEqual(['before', 'after'])
  })
})

// I3
test('an anonymous operation under `required` is dropped, reported, and not stored', async () => {
  const rig = await Rig.start()
  const receipt = inTransaction(rig, () =>
    rig.holdfast.enqueueWithin(rig.database, note({ text: 'x' })),
  )
  expect(await receipt.settled).toMatchObject({ outcome: 'dropped', reason: 'anonymous' })
  await rig.advance()
  expect(rowsOf(rig.database, 'holdfast_operations')).toEqual([])
  expect(rig.eventsOf('operation.dropped')).toEqual([
    { id: receipt.id, user: null, kind: 'note', reason: 'anonymous' },
  ])
})

// V: replays
describe('its journal', () => {
  test('replays with the answers that storage gave, from there on: the app’s part is not in it', async () => {
    const rig = await signedIn()
    await rig.enqueue('zero')
    write(rig, 'one')
    write(rig, 'rolled back', true)
    await rig.enqueue('two')
    rig.database.exec('BEGIN')
    rig.holdfast.enqueueWithin(rig.database, note({ text: 'three' }))
    await rig.advance(50)
    rig.database.exec('COMMIT')
    await rig.advance(50)
    await rig.close()
    expect(rig.bodies).toEqual(['zero', 'one', 'two', 'three'])
    const report = await replay(rig.journal.lines().join('\n'))
    expect(report.withStorage).toBe(false)
    expect(report.decided).toBeGreaterThan(20)
  })

  test('of one that was refused replays with storage', async () => {
    const rig = await signedIn()
    codeOf(() => rig.holdfast.enqueueWithin(rig.database, note({ text: 'x' })))
    await rig.enqueue('one')
    await rig.close()
    expect((await replay(rig.journal.lines().join('\n'))).withStorage).toBe(true)
  })
})
