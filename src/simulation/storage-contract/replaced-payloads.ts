/** Dead letters that come back with another payload (Q9). */
import assert from 'node:assert/strict'
import { ALICE, idsOf, NOW, storageCase } from './bench.ts'

export const replacedPayloadCases = [
  // Q9
  storageCase(
    'a letter comes back with another payload at its old place, and counts its revisions',
    async (bench) => {
      const [dead, next] = await bench.enqueue(ALICE, 2)
      const replacement = { payload: '{"n":"new"}', version: 2, creates: ['list-1'] }
      await bench.bury([dead])
      await bench.apply({ change: 'revive', id: dead.id, behind: [], at: NOW, replacement })
      const [row] = await bench.window(dead.lane)
      assert.deepEqual(await bench.idsOf(dead.lane), idsOf([dead, next]))
      assert.deepEqual(
        [row?.place, row?.payload, row?.version, row?.creates, row?.revision],
        [dead.place, '{"n":"new"}', 2, ['list-1'], 1],
      )
      const [record] = await bench.storage.records(['list-1'])
      assert.deepEqual([record?.state, record?.creation], ['pending', dead.id])
      await bench.bury([dead])
      const [letter] = await bench.storage.letters({ limit: 1 })
      assert.equal(letter?.revision, 1)
      await bench.apply({ change: 'revive', id: dead.id, behind: [], replacement })
      await bench.reopen()
      const [again] = await bench.window(dead.lane)
      assert.equal(again?.revision, 2)
    },
  ),

  // Q5, Q9
  storageCase('a payload whose outcome is unknown is never replaced', async (bench) => {
    const [dead] = await bench.enqueue(ALICE, 1)
    await bench.bury([dead], 'envelope-key')
    const replacement = { payload: '{}', version: 1, creates: [] }
    await bench.miss({ change: 'revive', id: dead.id, behind: [], replacement })
    assert.equal((await bench.storage.find(dead.id))?.state, 'dead')
  }),
]
