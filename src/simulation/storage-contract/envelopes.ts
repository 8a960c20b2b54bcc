/** What is known of an envelope, and how long that is kept (Q5, Q7). */
import assert from 'node:assert/strict'
import type { LaneId } from '../../model.ts'
import { ALICE, envelopeOf, NOW, storageCase } from './bench.ts'

export const envelopeCases = [
  // Q5, Q7
  storageCase('an envelope comes back after a crash as it was last recorded', async (bench) => {
    const [a, b] = await bench.enqueue(ALICE, 2)
    await bench.apply({ change: 'envelope', envelope: envelopeOf([a, b]) })
    const recorded = envelopeOf([a, b], {
      attempts: 3,
      unsentAttempts: 1,
      countedAttempts: 2,
      firstAttemptAt: NOW,
      unknownSince: NOW + 1,
      retryAt: NOW + 2,
      waitMs: 4000,
      waitsAfterUnknown: true,
      refusedCount: 1,
      tooLargeGeneration: 7,
      lastStatus: 503,
      lastCode: 'ECONNREFUSED',
      lastFailedAt: NOW + 3,
    })
    await bench.apply({ change: 'envelope', envelope: recorded })
    assert.deepEqual((await bench.crash()).envelopes, [recorded])
  }),

  // Q5
  storageCase('recording an envelope again replaces its key and members', async (bench) => {
    const [a, b] = await bench.enqueue(ALICE, 2)
    await bench.apply({ change: 'envelope', envelope: envelopeOf([a, b]) })
    const anew = envelopeOf([a], { key: null, retryAt: NOW })
    await bench.apply({ change: 'envelope', envelope: anew })
    assert.deepEqual((await bench.reopen()).envelopes, [anew])
  }),

  storageCase('recording an envelope misses unless its first member is pending', async (bench) => {
    const [a, b] = await bench.enqueue(ALICE, 2)
    await bench.apply({ change: 'complete', lane: a.lane, members: [a] })
    await bench.miss({ change: 'envelope', envelope: envelopeOf([a, b]) })
    await bench.miss({ change: 'envelope', envelope: { ...envelopeOf([b]), place: b.place - 1 } })
    await bench.miss({ change: 'envelope', envelope: envelopeOf([b], { lane: 77 as LaneId }) })
    assert.deepEqual((await bench.reopen()).envelopes, [])
  }),

  // Q4, Q7, Q8
  storageCase(
    'every way in which a member goes dissolves the envelope, and no other; its head keeps its wait',
    async (bench) => {
      const [a, b, c, d] = await bench.enqueue(ALICE, 4)
      const { lane } = a
      const waited = { attempts: 2, countedAttempts: 1, firstAttemptAt: NOW, retryAt: NOW + 2 }
      const other = envelopeOf([c, d], { key: 'other-key' })
      const dissolved = { ...envelopeOf([a, b], waited), key: null, members: [] }
      const dissolve = async (remove: () => Promise<unknown>) => {
        await bench.apply({ change: 'envelope', envelope: envelopeOf([a, b], waited) })
        await bench.apply({ change: 'envelope', envelope: other })
        await remove()
        assert.deepEqual((await bench.reopen()).envelopes, [dissolved, other])
      }
      // From the last member to the first, so that what comes next still has a head.
      await dissolve(() => bench.apply({ change: 'cancel', id: b.id, at: NOW }))
      const [e] = await bench.enqueue(ALICE, 1)
      const record = envelopeOf([a, e], waited)
      for (const { remove, left } of [
        { remove: () => bench.bury([e]), left: [dissolved, other] },
        {
          remove: () => bench.apply({ change: 'complete', lane, members: [a] }),
          left: [other],
        },
      ]) {
        await bench.apply({ change: 'envelope', envelope: record })
        await remove()
        assert.deepEqual((await bench.reopen()).envelopes, left)
      }
      await bench.apply({ change: 'drop', lane, members: [d], reason: 'superseded', at: NOW })
      assert.deepEqual((await bench.reopen()).envelopes, [{ ...other, key: null, members: [] }])
      await bench.apply({ change: 'envelope', envelope: envelopeOf([c]) })
      await bench.apply({ change: 'purge', lane, except: [], reason: 'logout', at: NOW })
      assert.deepEqual((await bench.reopen()).envelopes, [])
    },
  ),

  // Q5
  storageCase('an envelope of unknown outcome that loses a member is forgotten', async (bench) => {
    const [a, b] = await bench.enqueue(ALICE, 2)
    const envelope = envelopeOf([a, b], { unknownSince: NOW })
    await bench.apply({ change: 'envelope', envelope })
    await bench.bury([b])
    assert.deepEqual((await bench.reopen()).envelopes, [])
  }),

  // Q4
  storageCase(
    'solo dissolves an envelope, leaves its members pending, and marks them to be sent one by one',
    async (bench) => {
      const [a, b, c] = await bench.enqueue(ALICE, 3)
      const { lane } = a
      await bench.apply({ change: 'envelope', envelope: envelopeOf([a, b]) })
      await bench.apply({ change: 'solo', lane, place: a.place, through: b.place })
      const { lanes, envelopes } = await bench.reopen()
      assert.deepEqual(envelopes, [])
      assert.deepEqual(
        lanes.map(({ pending, soloThrough }) => [pending, soloThrough]),
        [[3, b.place]],
      )
      await bench.apply({ change: 'solo', lane, place: a.place, through: a.place })
      assert.equal((await bench.reopen()).lanes[0]?.soloThrough, b.place, 'solo never takes back')
      await bench.apply({ change: 'solo', lane, place: c.place, through: c.place })
      assert.equal((await bench.reopen()).lanes[0]?.soloThrough, c.place)
    },
  ),
]
