/** Lists of dead letters: filters, orders and pages. */
import assert from 'node:assert/strict'
import type { LetterFilter, LetterPosition } from '../../../storage/storage.ts'
import type { OperationId } from '../../model.ts'
import { ALICE, BOB, idsOf, NOW, storageCase } from './bench.ts'

export const listedLetterCases = [
  storageCase(
    'letters are filtered by kind and by reason, and come page by page in each order',
    async (bench) => {
      const alices = await bench.enqueue(ALICE, 3)
      const bobs = await bench.enqueue(BOB, 3)
      const age = [bobs[2], alices[1], bobs[0], alices[2], alices[0], bobs[1]]
      for (const [index, letter] of age.entries()) {
        await bench.apply({
          change: 'bury',
          lane: letter.lane,
          members: [letter],
          reason: index < 2 ? 'unreadable' : 'rejected',
          status: null,
          excerpt: null,
          at: NOW + (index < 4 ? 0 : index),
          attempts: 1,
          envelopeKey: null,
        })
      }
      const paged = async (filter: Omit<LetterFilter, 'limit'>) => {
        const pages: OperationId[][] = []
        let after: LetterPosition | null = null
        for (;;) {
          const page = await bench.storage.letters({
            ...filter,
            ...(after === null ? {} : { after }),
            limit: 2,
          })
          if (page.length === 0) return pages.flat()
          pages.push(idsOf(page))
          after = page.at(-1) ?? null
        }
      }
      const byPlace = [...alices, ...bobs].toSorted((a, b) => a.lane - b.lane || a.place - b.place)
      // Of one moment, lane by lane.
      const first = age.slice(0, 4).toSorted((a, b) => a.lane - b.lane || a.place - b.place)
      assert.deepEqual(await paged({}), idsOf([...first, alices[0], bobs[1]]))
      assert.deepEqual(await paged({ order: 'newest' }), (await paged({})).toReversed())
      assert.deepEqual(
        await paged({ order: 'newest', user: BOB }),
        idsOf([bobs[1], bobs[2], bobs[0]]),
      )
      assert.deepEqual(await paged({ order: 'place' }), idsOf(byPlace))
      assert.deepEqual(await paged({ order: 'place', user: BOB }), idsOf(bobs))
      assert.deepEqual(await paged({ reason: 'unreadable' }), idsOf([alices[1], bobs[2]]))
      assert.deepEqual(await paged({ reason: 'unreadable', user: ALICE }), idsOf([alices[1]]))
      assert.deepEqual(await paged({ kind: 'note' }), idsOf([...first, alices[0], bobs[1]]))
      assert.deepEqual(await paged({ kind: 'other' }), [])
    },
  ),
]
