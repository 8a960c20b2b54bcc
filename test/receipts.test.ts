/** Receipts tell the true end of an operation, or that it is not retained any more, and never guess (Q23). */
import { describe, expect, test } from 'vitest'
import type { Receipt, Settlement } from '../src/api/receipts.ts'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import { neighbours } from './support/neighbours.ts'
import { note, replying, Rig } from './support/rig.ts'

const DAY_MS = 24 * 60 * 60 * 1000

async function receiptsOf(rig: Rig, count: number): Promise<readonly Receipt[]> {
  const texts = Array.from({ length: count }, (_, n) => String(n))
  const enqueued = texts.map((text) => rig.holdfast.enqueue(note({ text })))
  return rig.whileResting(Promise.all(enqueued))
}

async function settledOf(rig: Rig, receipts: readonly Receipt[]): Promise<readonly Settlement[]> {
  return rig.whileResting(Promise.all(receipts.map((receipt) => receipt.settled)))
}

function tally(settlements: readonly Settlement[]): object {
  const counts: Record<string, number> = {}
  for (const { outcome } of settlements) counts[outcome] = (counts[outcome] ?? 0) + 1
  return counts
}

/** Another process opens the file after so many days, which prunes, and goes. */
async function openAfterDays(file: string, days: number, rig: Rig): Promise<void> {
  const storage = sqliteStorage({ file })
  await storage.open({
    atTurnEnd: (run) => setImmediate(run),
    monotonic: () => 0,
    wall: () => rig.time.wall() + days * DAY_MS,
    newFingerprintKey: '',
  })
  await storage.close()
}

describe('a receipt that is asked late', () => {
  test('says completed of an operation that was completed, though nothing of it is stored', async () => {
    const rig = await Rig.start({ answer: replying(200) })
    await rig.login('alice', 'a1')
    const [receipt] = await receiptsOf(rig, 1)
    await rig.advance(1000)
    expect(rig.eventsOf('operation.completed')).toHaveLength(1)
    expect(await settledOf(rig, [receipt as Receipt])).toMatchObject([{ outcome: 'completed' }])
  })

  test('says not-retained of each one whose outcome is forgotten by then', async () => {
    const rig = await Rig.start()
    await rig.login('alice')
    const receipts = await receiptsOf(rig, 12_000)
    await rig.whileResting(rig.holdfast.logout({ unsent: 'discard' }))
    const settlements = await settledOf(rig, receipts)
    expect(tally(settlements)).toEqual({ dropped: 10_000, 'not-retained': 2000 })
    const forgotten = settlements.find(({ outcome }) => outcome === 'not-retained')
    expect(await rig.whileResting(rig.holdfast.operation(forgotten?.id ?? ''))).toBe(null)
  })

  test('says completed again of operations that came after what was forgotten', async () => {
    const rig = await Rig.start({ answer: replying(200) })
    await rig.login('alice')
    await receiptsOf(rig, 12_000)
    await rig.whileResting(rig.holdfast.logout({ unsent: 'discard' }))
    await rig.login('bob', 'b1')
    // The first one asks storage how far it has come.
    await receiptsOf(rig, 1)
    await rig.advance()
    const [receipt] = await receiptsOf(rig, 1)
    await rig.advance(1000)
    expect(await settledOf(rig, [receipt as Receipt])).toMatchObject([{ outcome: 'completed' }])
  })

  test('tells how an operation died whose letter was erased with its user (I12)', async () => {
    const rig = await Rig.start({ answer: replying(422) })
    await rig.login('alice', 'a1')
    const [receipt] = await receiptsOf(rig, 1)
    await rig.advance(1000)
    await rig.whileResting(rig.holdfast.forget('alice'))
    const dead = { outcome: 'dead', reason: 'rejected', status: 422 }
    expect(await settledOf(rig, [receipt as Receipt])).toMatchObject([dead])
    expect(await rig.whileResting(rig.holdfast.operation(receipt?.id ?? ''))).toBe(null)
  })

  test('says not-retained after seven days, also where another process has forgotten it', async () => {
    const { first } = neighbours({ answer: replying(200) })
    await first.rig.open()
    await first.rig.login('alice')
    const [dropped, waiting] = await receiptsOf(first.rig, 2)
    await first.rig.whileResting(first.rig.holdfast.cancel(dropped?.id ?? ''))
    await openAfterDays(first.file, 8, first.rig)
    const asked = await settledOf(first.rig, [dropped as Receipt])
    expect(asked).toMatchObject([{ outcome: 'not-retained' }])
    // One that is still pending is not mistaken for it.
    await first.rig.whileResting(first.rig.holdfast.updateToken('alice', 'a1'))
    await first.rig.advance(1000)
    expect(first.rig.eventsOf('operation.completed')).toMatchObject([{ id: waiting?.id }])
  })
})

// Q17
test('of what another process may still wait for, outcomes are retained for a day, however many there are', async () => {
  const { first, second } = neighbours()
  await first.rig.open()
  await second.rig.open()
  await second.rig.login('alice')
  const receipts = await receiptsOf(second.rig, 12_000)
  await second.rig.whileResting(second.rig.holdfast.logout({ unsent: 'discard' }))
  await first.hear()
  await openAfterDays(first.file, 0.9, first.rig)
  const [early, ...others] = receipts
  expect(await settledOf(second.rig, [early as Receipt])).toMatchObject([{ outcome: 'dropped' }])
  await openAfterDays(first.file, 1.1, first.rig)
  const late = tally(await settledOf(second.rig, others))
  expect(late).toEqual({ dropped: 10_000, 'not-retained': 1999 })
})

describe('a receipt that is awaited all along', () => {
  test('hears of every drop in another process, however many there are', async () => {
    const { first, second } = neighbours()
    await first.rig.open()
    await second.rig.open()
    await second.rig.login('alice')
    const receipts = await receiptsOf(second.rig, 12_000)
    const awaited = Promise.all(receipts.map((receipt) => receipt.settled))
    await second.rig.advance()
    await second.rig.whileResting(second.rig.holdfast.logout({ unsent: 'discard' }))
    await first.hear()
    await second.hear()
    expect(tally(await second.rig.whileResting(awaited))).toEqual({ dropped: 12_000 })
  })

  test('hears of a completion in another process, though older outcomes are forgotten meanwhile', async () => {
    const { first, second } = neighbours({ answer: replying(200) })
    await first.rig.open()
    await second.rig.open()
    await first.rig.login('bob')
    const old = await first.rig.enqueue('old')
    await first.rig.whileResting(first.rig.holdfast.cancel(old))
    await second.rig.login('alice')
    await second.hear()
    const [receipt] = await receiptsOf(second.rig, 1)
    const awaited = receipt?.settled as Promise<Settlement>
    await second.rig.advance()
    await openAfterDays(first.file, 8, first.rig)
    await first.hear()
    await first.rig.whileResting(first.rig.holdfast.updateToken('alice', 'a1'))
    await first.rig.advance(1000)
    expect(first.rig.eventsOf('operation.completed')).toMatchObject([{ id: receipt?.id }])
    await second.hear()
    expect(await second.rig.whileResting(awaited)).toMatchObject({ outcome: 'completed' })
  })

  test('hears of its own drop and not of what is forgotten with it', async () => {
    const rig = await Rig.start()
    await rig.login('alice')
    const receipts = await receiptsOf(rig, 12_000)
    const awaited = Promise.all(receipts.map((receipt) => receipt.settled))
    await rig.whileResting(rig.holdfast.logout({ unsent: 'discard' }))
    expect(tally(await rig.whileResting(awaited))).toEqual({ dropped: 12_000 })
  })
})

// E2, E3
test('a receipt whose storage cannot be read rejects with a coded error', async () => {
  const { first } = neighbours()
  await first.rig.open()
  await first.rig.login('alice')
  const [receipt] = await receiptsOf(first.rig, 1)
  first.failOn('settled')
  const settled = receipt?.settled as Promise<Settlement>
  await expect(first.rig.whileResting(settled)).rejects.toMatchObject({ code: 'STORAGE_BUSY' })
})
