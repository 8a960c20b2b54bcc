/** Payloads in a newer version (Q14). */
import assert from 'node:assert/strict'
import { ALICE, storageCase } from './bench.ts'

export const upgradeCases = [
  storageCase(
    'upgrade stores another payload and version; place, id, records and all else stay',
    async (bench) => {
      const [creation] = await bench.apply({
        ...bench.enqueueing(ALICE),
        change: 'enqueue',
        creates: ['record'],
        expiresAt: 5,
      } as never)
      assert.ok(creation !== undefined)
      const [behind] = await bench.enqueue(ALICE, 1)
      const { id, lane, place } = creation
      const before = await bench.window(lane)
      const payload = '{"n":"two"}'
      await bench.apply({ change: 'upgrade', id, lane, place, from: 1, version: 2, payload })
      await bench.reopen()
      const [first, second] = await bench.window(lane)
      assert.deepEqual(first, { ...before[0], version: 2, payload })
      assert.deepEqual(second, before[1])
      assert.equal(second?.id, behind.id)
      assert.deepEqual(
        (await bench.storage.records(['record'])).map(({ state }) => state),
        ['pending'],
      )
    },
  ),

  storageCase(
    'upgrade is missed where the operation is not in that version, or not there',
    async (bench) => {
      const [operation, other] = await bench.enqueue(ALICE, 2)
      const { id, lane, place } = operation
      const upgrade = { change: 'upgrade', lane, version: 3, payload: '{}' } as const
      const before = await bench.window(lane)
      await bench.miss({ ...upgrade, id, place, from: 2 })
      await bench.miss({ ...upgrade, id: other.id, place, from: 1 })
      await bench.miss({ ...upgrade, id, place: place - 1, from: 1 })
      assert.deepEqual(await bench.window(lane), before)
      await bench.bury([operation])
      await bench.miss({ ...upgrade, id, place, from: 1 })
    },
  ),
]
