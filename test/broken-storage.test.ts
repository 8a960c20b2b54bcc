/**
 * After damage and after `STORAGE_GONE` only a new opening helps (E2): the engine tells it once, holds every lane, rejects
 * what needs storage, repeats nothing, and can be closed. Here the storage is scripted; the files themselves are in
 * gone-files.test.ts.
 */
import { describe, expect, test } from 'vitest'
import { replay } from '../src/journal/replay.ts'
import type { Holdfast } from '../src/holdfast.ts'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import { StorageError } from '../storage/storage-error.ts'
import type { Storage } from '../storage/storage.ts'
import { BeginningAnew } from './support/beginning-anew.ts'
import { Failures } from './support/failing-storage.ts'
import { count, note, replying, Rig } from './support/rig.ts'

type Code = 'STORAGE_CORRUPT' | 'STORAGE_GONE'

const CODES = [['STORAGE_CORRUPT'], ['STORAGE_GONE']] as const

/** An engine with one operation of alice in flight and one of bob behind a pause of the server. */
async function working(): Promise<{ rig: Rig; storage: Failures }> {
  const rig = Rig.prepare()
  const storage = new Failures(sqliteStorage({ database: rig.database }))
  await rig.open({ storage: storage.storage })
  await rig.login('alice', 'a1')
  await rig.enqueue('one')
  await rig.enqueue('two')
  await rig.login('bob', 'b1')
  await rig.enqueue('three')
  await rig.advance()
  return { rig, storage }
}

function codesOf(rig: Rig): unknown[] {
  return rig.eventsOf('error').map(({ error }) => error.code)
}

/** What every break must come to, however it was found. */
async function expectBroken(rig: Rig, storage: Failures, code: Code): Promise<void> {
  expect(codesOf(rig)).toEqual([code])
  expect(rig.eventsOf('error')[0]?.error.retryable).toBe(false)
  expect(rig.holdsOf('alice')).toContain('storage-failed')
  expect(rig.holdsOf('bob')).toContain('storage-failed')
  const { askedCount } = storage
  await expect(rig.enqueue('refused')).rejects.toMatchObject({ name: 'HoldfastError', code })
  await rig.advance(3_600_000)
  await rig.whileResting(rig.holdfast.flush({ deadlineMs: 1000 }))
  expect(codesOf(rig), 'it is told once').toEqual([code])
  expect(storage.askedCount, 'the storage is not asked again').toBe(askedCount)
  expect(rig.time.nextAt(), 'no alarm is left').toBeNull()
  expect(rig.holdsOf('alice')).toContain('storage-failed')
  await rig.close(60_000)
}

// E2, Q18
describe.each(CODES)('%s', (code) => {
  test.each([
    ['at an enqueue', 'commit', (rig: Rig) => rig.holdfast.enqueue(note({ text: 'x' }))],
    ['at a login', 'commit', (rig: Rig) => rig.holdfast.login('carol', { token: 'c1' })],
    ['at a logout', 'commit', (rig: Rig) => rig.holdfast.logout({ unsent: 'flush' })],
    ['at a token', 'commit', (rig: Rig) => rig.holdfast.updateToken('bob', 'b2')],
    ['at a requirement', 'commit', (rig: Rig) => rig.holdfast.setRequirement('off')],
    ['at forget()', 'commit', (rig: Rig) => rig.holdfast.forget('bob')],
    ['at a look-up', 'find', (rig: Rig) => rig.holdfast.cancel('0.sg.nobody')],
    [
      'at the reading position of a read',
      'position',
      (rig: Rig) => rig.holdfast.read({ request: () => ({ method: 'GET', path: '/' }), after: [] }),
    ],
  ] as const)('%s rejects the call, and holds every lane for good', async (_, at, call) => {
    const { rig, storage } = await working()
    storage.failAt(at, code)
    await expect(rig.whileResting<unknown>(call(rig))).rejects.toMatchObject({ code })
    await expectBroken(rig, storage, code)
  })

  test.each([
    ['of a completion', 200],
    ['of a retry', 503],
    ['of a dead letter', 422],
    ['of a refused token', 401],
  ])('at the record %s ends the attempt, and holds every lane for good', async (_, status) => {
    const { rig, storage } = await working()
    storage.failAt('commit', code)
    rig.sent[0]?.reply(status)
    await rig.advance()
    expect(rig.eventsOf('operation.completed')).toEqual([])
    expect(rig.holdfast.status().lanes[0]?.sending).toBeFalsy()
    rig.sent[1]?.reply(200)
    await expectBroken(rig, storage, code)
  })

  test('at the record of an envelope sends nothing', async () => {
    const rig = Rig.prepare({ answer: replying() })
    const storage = new Failures(sqliteStorage({ database: rig.database }))
    await rig.open({ storage: storage.storage })
    await rig.login('bob', 'b1')
    await rig.login('alice', 'a1')
    rig.holdfast.pause()
    await rig.whileResting(rig.holdfast.enqueue(count({ by: 1 })))
    storage.failAt('commit', code)
    rig.holdfast.resume()
    await rig.advance()
    expect(rig.sent).toEqual([])
    expect(rig.holdsOf('alice')).toEqual(['storage-failed'])
    expect(codesOf(rig)).toEqual([code])
    await rig.advance(3_600_000)
    expect(codesOf(rig)).toEqual([code])
    await rig.close(60_000)
  })

  test('at the reading of a lane sends nothing, and the lane is not read again', async () => {
    const { rig: first } = await working()
    first.crash()
    const rig = Rig.prepare({ database: first.database, answer: replying() })
    const storage = new Failures(sqliteStorage({ database: rig.database }))
    storage.failAt('window', code)
    await rig.open({ storage: storage.storage, requirement: 'off' })
    await rig.advance()
    expect(rig.sent).toEqual([])
    await expectBroken(rig, storage, code)
  })

  test('at the reload after a commit of another process is told of, though the engine was idle', async () => {
    const { rig, storage } = await working()
    storage.failAt('reload', code)
    storage.tellOfCommit()
    await rig.advance()
    expect(codesOf(rig)).toEqual([code])
    rig.sent[0]?.reply(200)
    rig.sent[1]?.reply(200)
    await rig.advance()
    await expectBroken(rig, storage, code)
  })

  test('in a process that waits for another ends its tries to take over', async () => {
    const { rig, storage } = await waiting()
    await rig.enqueue('one')
    expect(rig.time.nextAt()).not.toBeNull()
    storage.failAt('lock', code)
    await rig.advance(30_000)
    await rig.advance(3_600_000)
    expect(codesOf(rig)).toEqual([code])
    expect(storage.askedCount).toBe(1)
    expect(rig.time.nextAt()).toBeNull()
    expect(rig.holdsOf('alice')).toEqual(['other-process', 'storage-failed'])
    await expect(rig.enqueue('two')).rejects.toMatchObject({ code })
    await rig.close()
  })

  test('leaves what has been answered as it was: a receipt of an earlier call settles at the close', async () => {
    const { rig, storage } = await working()
    const receipt = await rig.whileResting(rig.holdfast.enqueue(note({ text: 'four' })))
    storage.failAt('commit', code)
    await expect(rig.enqueue('five')).rejects.toMatchObject({ code })
    await rig.close()
    expect(await receipt.settled).toEqual({ outcome: 'pending', id: receipt.id })
  })

  test('is over with a new opening: what was acknowledged is sent', async () => {
    const { rig, storage } = await working()
    storage.failAt('commit', code)
    await expect(rig.enqueue('refused')).rejects.toMatchObject({ code })
    await rig.close()
    rig.answer = replying()
    await rig.open({ storage: sqliteStorage({ database: rig.database }) })
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    await rig.whileResting(rig.holdfast.updateToken('bob', 'b2'))
    await rig.advance(60_000)
    expect(new Set(rig.bodies)).toEqual(new Set(['one', 'two', 'three']))
    expect(rig.holdfast.status().counts.pending).toBe(0)
  })

  test('replays also from a journal that begins anew after it', async () => {
    const journal = new BeginningAnew()
    journal.isWanted = false
    const rig = Rig.prepare({ journal })
    const storage = new Failures(sqliteStorage({ database: rig.database }))
    await rig.open({ storage: storage.storage })
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    storage.failAt('commit', code)
    await expect(rig.enqueue('refused')).rejects.toMatchObject({ code })
    journal.isWanted = true
    await rig.advance()
    // What was not told of the break would ask the storage, take over, or lift the hold.
    await expect(rig.enqueue('refused')).rejects.toMatchObject({ code })
    storage.tellOfCommit()
    rig.last.reply(200)
    await rig.advance(10_000)
    await rig.whileResting(rig.holdfast.flush())
    await rig.close()
    expect(journal.beginnings().length).toBeGreaterThan(2)
    for (const { text } of journal.beginnings()) {
      await expect(replay(text)).resolves.toMatchObject({ withStorage: false })
    }
  })

  test('replays', async () => {
    const { rig, storage } = await working()
    storage.failAt('commit', code)
    rig.sent[0]?.reply(200)
    await rig.advance(10_000)
    await expect(rig.enqueue('refused')).rejects.toMatchObject({ code })
    await rig.close()
    await expect(replay(rig.journal.lines().join('\n'))).resolves.toMatchObject({
      withStorage: false,
    })
  })
})

/** An engine whose database another process dispatches. */
async function waiting(): Promise<{ rig: Rig; storage: Failures }> {
  const rig = Rig.prepare()
  const inner: Storage = sqliteStorage({ database: rig.database })
  inner.lock = async () => false
  const storage = new Failures(inner)
  await rig.open({ storage: storage.storage })
  await rig.login('alice', 'a1')
  return { rig, storage }
}

// E2
test('an opening that finds damage rejects, and the engine can be opened again', async () => {
  const rig = Rig.prepare({ answer: replying() })
  const storage = sqliteStorage({ database: rig.database })
  const open = storage.open.bind(storage)
  storage.open = () => Promise.reject(new StorageError('STORAGE_CORRUPT', 'scripted'))
  await expect(rig.open({ storage })).rejects.toMatchObject({ code: 'STORAGE_CORRUPT' })
  storage.open = open
  await rig.open({ storage })
  await rig.login('alice', 'a1')
  await rig.enqueue('one')
  await rig.advance()
  const holdfast: Holdfast = rig.holdfast
  expect(holdfast.status().counts.pending).toBe(0)
})
