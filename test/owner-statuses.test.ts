/** `status().owners` has one summary per owner: counts, the last completion, the newest failure (Q22). */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { OwnerStatus } from '../src/engine/status.ts'
import { replay } from '../src/journal/replay.ts'
import { ringJournal } from '../src/journal/ring-journal.ts'
import { memoryVault } from '../src/ports/vault.ts'
import { WALL_START } from '../src/simulation/virtual-time.ts'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import { Failures } from './support/failing-storage.ts'
import { neighbours } from './support/neighbours.ts'
import { replying, Rig } from './support/rig.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

function ownerOf(rig: Rig, user: string | null): OwnerStatus | undefined {
  return rig.holdfast.status().owners.find((one) => one.user === user)
}

const NOTHING = { pending: 0, sending: 0, dead: 0, lastCompletedAt: null, lastFailure: null }

/** Alice, one of whose operations was completed after so many milliseconds. */
async function completedAfter(ms: number, rig: Rig): Promise<void> {
  await rig.login('alice', 'a1')
  await rig.enqueue('one')
  await rig.advance(ms)
  rig.last.reply(200)
  await rig.advance()
}

describe('the summary of an owner', () => {
  test('is there for nobody at the beginning', async () => {
    const rig = await Rig.start()
    expect(rig.holdfast.status().owners).toEqual([])
    await rig.login('alice', 'a1')
    expect(rig.holdfast.status().owners).toEqual([])
  })

  test('counts what is pending, in flight and dead', async () => {
    const rig = await Rig.start({ requirement: 'off' })
    await rig.enqueue('of nobody')
    rig.last.reply(422)
    await rig.advance()
    expect(rig.holdfast.status().owners).toEqual([{ ...NOTHING, user: null, dead: 1 }])
    await rig.login('alice')
    await rig.enqueue('one')
    await rig.enqueue('two')
    expect(ownerOf(rig, 'alice')).toEqual({ ...NOTHING, user: 'alice', pending: 2, sending: 1 })
    expect(ownerOf(rig, null)).toEqual({ ...NOTHING, user: null, dead: 1 })
  })

  // Q22
  test('has the failure of its lane, until the head of the lane is gone', async () => {
    const rig = await Rig.start({ requirement: 'off' })
    await rig.enqueue('one')
    await rig.advance(5)
    rig.last.fail(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }))
    await rig.advance()
    const lastFailure = { at: WALL_START + 5, status: null, code: 'ECONNREFUSED' }
    expect(ownerOf(rig, null)?.lastFailure).toEqual(lastFailure)
    expect(ownerOf(rig, null)?.lastFailure).toEqual(rig.holdfast.status().lanes[0]?.lastFailure)
    rig.answer = replying(200)
    await rig.advance(60_000)
    expect(ownerOf(rig, null)?.lastFailure).toBeNull()
  })

  test('is frozen, and the same object until something changes', async () => {
    const rig = await Rig.start()
    await completedAfter(7, rig)
    const { owners } = rig.holdfast.status()
    expect(Object.isFrozen(owners) && Object.isFrozen(owners[0])).toBe(true)
    await rig.advance(1000)
    expect(rig.holdfast.status().owners).toBe(owners)
    await rig.enqueue('two')
    expect(rig.holdfast.status().owners).not.toBe(owners)
  })
})

// Q22
describe('the last completion of an owner', () => {
  test('is exact in the process that dispatches, whatever is still pending', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    for (const text of ['one', 'two', 'three']) await rig.enqueue(text)
    for (const at of [10, 20]) {
      await rig.advance(10)
      rig.last.reply(200)
      await rig.advance()
      expect(ownerOf(rig, 'alice')).toMatchObject({ lastCompletedAt: WALL_START + at })
    }
  })

  test('survives the end of its lane and a restart', async () => {
    const rig = await Rig.start()
    await completedAfter(7, rig)
    const summary = { ...NOTHING, user: 'alice', lastCompletedAt: WALL_START + 7 }
    expect(rig.holdfast.status().owners).toEqual([summary])
    await rig.close()
    await rig.advance(60_000)
    await rig.open()
    expect(rig.holdfast.status().owners).toEqual([summary])
  })

  test('survives a crash', async () => {
    const rig = await Rig.start()
    await completedAfter(7, rig)
    await rig.enqueue('two')
    rig.crash()
    await rig.open()
    expect(ownerOf(rig, 'alice')).toMatchObject({ lastCompletedAt: WALL_START + 7 })
  })

  test('is not moved by an operation that is dropped, cancelled or dead', async () => {
    const rig = await Rig.start({ requirement: 'off' })
    await rig.enqueue('one')
    rig.last.reply(422)
    await rig.advance()
    rig.holdfast.pause()
    await rig.whileResting(rig.holdfast.cancel(await rig.enqueue('two')))
    await rig.login('alice')
    await rig.enqueue('three')
    await rig.whileResting(rig.holdfast.logout({ unsent: 'discard' }))
    expect(rig.holdfast.status().owners).toEqual([{ ...NOTHING, user: null, dead: 1 }])
  })

  // I12
  test('is gone with its user, and the app is told that the status has changed', async () => {
    const rig = await Rig.start()
    await completedAfter(7, rig)
    await rig.login('bob', 'b1')
    await rig.advance(1)
    let told = 0
    rig.holdfast.subscribe(() => (told += 1))
    await rig.whileResting(rig.holdfast.forget('alice'))
    expect(rig.holdfast.status().owners).toEqual([])
    expect(told).toBeGreaterThan(0)
    await rig.close()
    await rig.open()
    expect(rig.holdfast.status().owners).toEqual([])
  })

  // Q17
  test('is learnt by a process that does not dispatch, when it reads the stored state anew', async () => {
    const { first, second } = neighbours({ vault: memoryVault(Buffer.alloc(32)) })
    await first.rig.open()
    await second.rig.open()
    await completedAfter(7, first.rig)
    expect(second.rig.holdfast.status().owners).toEqual([])
    await second.hear()
    expect(second.rig.holdfast.status().owners).toEqual(first.rig.holdfast.status().owners)
  })

  // I12, Q17
  test.each([
    ['a token', 'required'],
    ['no token', 'off'],
  ] as const)(
    'is gone in the process that dispatches, once another process has forgotten a user with %s',
    async (_token, requirement) => {
      const vault = memoryVault(Buffer.alloc(32))
      const { first, second } = neighbours({ vault, requirement })
      await first.rig.open()
      await second.rig.open()
      await first.rig.login('alice', ...(requirement === 'required' ? ['a1'] : []))
      await first.rig.enqueue('one')
      first.rig.last.reply(200)
      await first.rig.advance()
      await second.hear()
      expect(ownerOf(second.rig, 'alice')).toBeDefined()
      await second.rig.whileResting(second.rig.holdfast.forget('alice'))
      expect(ownerOf(second.rig, 'alice')).toBeUndefined()
      await first.hear()
      expect(ownerOf(first.rig, 'alice')).toBeUndefined()
    },
  )

  // Q17
  test('stays exact in the process that dispatches, when it reads a stored time that is older', async () => {
    const file = join(temporaryFolder(), 'outbox.db')
    const failures = new Failures(sqliteStorage({ file }))
    const rig = Rig.prepare()
    await rig.open({ storage: failures.storage })
    await rig.login('alice', 'a1')
    for (const text of ['one', 'two', 'three']) await rig.enqueue(text)
    for (let nth = 0; nth < 2; nth += 1) {
      await rig.advance(1)
      rig.last.reply(200)
      await rig.advance()
    }
    const { owners } = await rig.whileResting(failures.storage.reload())
    expect(owners).toEqual([{ user: 'alice', lastCompletedAt: WALL_START + 1 }])
    failures.tellOfCommit()
    await rig.advance()
    expect(ownerOf(rig, 'alice')).toMatchObject({ lastCompletedAt: WALL_START + 2 })
  })
})

test('a journal that begins in the middle needs no summary of an owner to replay', async () => {
  const journal = ringJournal({ lines: 20 })
  const rig = await Rig.start({ journal, answer: replying(200) })
  await rig.login('alice', 'a1')
  for (let nth = 0; nth < 20; nth += 1) {
    await rig.enqueue(`${nth}`)
    await rig.advance(10)
  }
  await rig.close()
  expect(journal.text()).toContain('"in":"summary"')
  await replay(journal.text())
})
