/** Endings are numbered, and what is forgotten of them is told (Q23). */
import assert from 'node:assert/strict'
import { ALICE, ANONYMOUS_LANE, type Bench, NOW, storageCase } from './bench.ts'

const DAY_MS = 24 * 60 * 60 * 1000

async function numbersOf({ storage }: Bench): Promise<readonly number[]> {
  const { recorded, forgotten } = await storage.settled([])
  return [recorded, forgotten]
}

async function dropAll(bench: Bench, count: number, at = NOW): Promise<void> {
  await bench.enqueue(null, count)
  await bench.apply({
    change: 'purge',
    lane: ANONYMOUS_LANE,
    except: [],
    reason: 'logout',
    at,
  })
}

export const endingCases = [
  storageCase('every ending but a completion gets the next number', async (bench) => {
    const [done, dropped, cancelled, dead, letter] = await bench.enqueue(ALICE, 5)
    const { lane } = done
    assert.deepEqual(await numbersOf(bench), [0, 0])
    await bench.apply({ change: 'complete', lane, members: [done] })
    await bench.bury([dead])
    await bench.bury([letter])
    assert.deepEqual(await numbersOf(bench), [0, 0])
    await bench.apply({ change: 'drop', lane, members: [dropped], reason: 'expired', at: NOW })
    await bench.apply({ change: 'cancel', id: cancelled.id, at: NOW })
    await bench.apply({ change: 'discard', id: dead.id, at: NOW })
    assert.deepEqual(await numbersOf(bench), [3, 0])
    await bench.apply({ change: 'forget', user: ALICE, at: NOW })
    assert.deepEqual(await numbersOf(bench), [4, 0])
    const { recorded } = await bench.reopen()
    assert.equal(recorded, 4)
  }),

  // I12
  storageCase('of an erased dead letter stays how the operation ended', async (bench) => {
    const [dead] = await bench.enqueue(ALICE, 1)
    await bench.bury([dead])
    await bench.apply({ change: 'forget', user: ALICE, at: NOW })
    const outcome = {
      id: dead.id,
      outcome: 'dead',
      reason: 'rejected',
      status: 422,
      settledAt: NOW,
    }
    assert.deepEqual(await bench.storage.find(dead.id), { state: 'settled', outcome })
  }),

  storageCase(
    'what is older than seven days is forgotten, and its numbers are never given again',
    async (bench) => {
      await dropAll(bench, 3)
      bench.wall = NOW + 7 * DAY_MS + 1
      const { recorded } = await bench.reopen()
      assert.equal(recorded, 3)
      assert.deepEqual(await numbersOf(bench), [3, 3])
      await dropAll(bench, 1, bench.wall)
      assert.deepEqual(await numbersOf(bench), [4, 3])
      await bench.crash()
      assert.deepEqual(await numbersOf(bench), [4, 3])
    },
  ),

  storageCase(
    'a completion that is retained no more is nothing that was forgotten',
    async (bench) => {
      const [done] = await bench.enqueue(ALICE, 1)
      await bench.apply({
        change: 'complete',
        lane: done.lane,
        members: [done],
        at: NOW,
        retain: true,
      })
      bench.wall = NOW + 7 * DAY_MS + 1
      await bench.reopen()
      assert.equal(await bench.storage.find(done.id), null)
      assert.deepEqual(await numbersOf(bench), [1, 0])
    },
  ),

  // Q23
  storageCase(
    'an operation that was completed with a result is retained, with the result, and counts when it is forgotten',
    async (bench) => {
      const [done, other] = await bench.enqueue(ALICE, 2)
      await bench.apply({
        change: 'complete',
        lane: done.lane,
        members: [done, other],
        at: NOW,
        results: [{ id: done.id, result: '{"version":3}' }],
      })
      const outcome = {
        id: done.id,
        outcome: 'completed',
        reason: null,
        status: null,
        settledAt: NOW,
        result: '{"version":3}',
      }
      await bench.reopen()
      assert.deepEqual(await bench.storage.find(done.id), { state: 'settled', outcome })
      assert.equal(await bench.storage.find(other.id), null)
      const { settled } = await bench.storage.settled([done.id])
      assert.deepEqual(settled, [{ id: done.id, found: { state: 'settled', outcome } }])
      assert.deepEqual(await numbersOf(bench), [1, 0])
      bench.wall = NOW + 7 * DAY_MS + 1
      await bench.reopen()
      assert.equal(await bench.storage.find(done.id), null)
      assert.deepEqual(await numbersOf(bench), [1, 1])
    },
  ),

  storageCase('a transaction that is rolled back gives no number away', async (bench) => {
    const [first, second] = await bench.enqueue(null, 2)
    const cancel = { change: 'cancel', id: first.id, at: NOW } as const
    const missing = { change: 'cancel', id: 'nobody' as never, at: NOW } as const
    const committed = [bench.storage.commit([cancel]), bench.storage.commit([missing])]
    bench.endTurn()
    await Promise.all(committed)
    await bench.apply({ change: 'cancel', id: second.id, at: NOW })
    assert.deepEqual(await numbersOf(bench), [2, 0])
  }),
]
