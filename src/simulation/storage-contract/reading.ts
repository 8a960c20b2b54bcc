/** What reads go by: reading positions, and how far a lane has been pushed back. */
import assert from 'node:assert/strict'
import type { UserId } from '../../model.ts'
import type { PositionRow } from '../../../storage/rows.ts'
import { ALICE, type Bench, BOB, followUpOf, NOW, storageCase } from './bench.ts'

export const readingCases = [
  // R1, R2
  storageCase(
    'the newest reading position of each owner and key is kept, also over a restart',
    async (bench) => {
      await completeWith(bench, ALICE, [at('', 'w1'), at('other', 'w2')])
      await completeWith(bench, ALICE, [at('', 'w3')])
      await completeWith(bench, BOB, [at('', 'w4')])
      await bench.reopen()
      const { storage } = bench
      assert.deepEqual(await storage.position(ALICE, ''), at('', 'w3'))
      assert.deepEqual(await storage.position(ALICE, 'other'), at('other', 'w2'))
      assert.deepEqual(await storage.position(BOB, ''), at('', 'w4'))
      assert.equal(await storage.position(BOB, 'other'), null)
      assert.equal(await storage.position(null, ''), null)
      assert.equal(await storage.position('carol' as UserId, ''), null)
    },
  ),

  storageCase('a completion that misses registers no reading position', async (bench) => {
    const [a] = await bench.enqueue(ALICE, 1)
    const members = [{ ...a, place: a.place + 1 }]
    await bench.miss({ change: 'complete', lane: a.lane, members, positions: [at('', 'w1')] })
    assert.equal(await bench.storage.position(ALICE, ''), null)
  }),

  // I12
  storageCase('a user who is forgotten has no reading position', async (bench) => {
    await completeWith(bench, ALICE, [at('', 'w1')])
    await bench.apply({ change: 'forget', user: ALICE, at: NOW })
    assert.equal(await bench.storage.position(ALICE, ''), null)
  }),

  // R1: another process only sees the rows
  storageCase(
    'a lane says how far its operations have been pushed back, and only those of it',
    async (bench) => {
      const [a, b] = await bench.enqueue(ALICE, 2)
      await bench.enqueue(BOB, 1)
      const followUps = Array.from({ length: 15 }, (_, index) => followUpOf(index))
      await bench.apply({ change: 'complete', lane: a.lane, members: [a], followUps })
      const moved = (await bench.window(a.lane)).find(({ id }) => id === b.id)
      const { lanes } = await bench.storage.reload()
      assert.ok(moved !== undefined && moved.place > b.place)
      assert.deepEqual(
        lanes.map(({ user, shifted }) => [user, shifted]),
        [
          [ALICE, moved.place - b.place],
          [BOB, 0],
        ],
      )
    },
  ),
]

function at(key: string, token: string): PositionRow {
  return { key, token, readyAt: NOW + 500, waitMs: 500 }
}

async function completeWith(
  bench: Bench,
  user: UserId,
  positions: readonly PositionRow[],
): Promise<void> {
  const [a] = await bench.enqueue(user, 1)
  await bench.apply({ change: 'complete', lane: a.lane, members: [a], positions })
}
