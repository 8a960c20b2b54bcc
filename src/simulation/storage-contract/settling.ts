/** How pending operations end: completed, dropped, purged, cancelled, discarded. And what is remembered of it. */
import assert from 'node:assert/strict'
import type { Affected } from '../../../storage/changes.ts'
import type { LaneId, OperationId } from '../../model.ts'
import { ALICE, ANONYMOUS_LANE, envelopeOf, idsOf, NOW, storageCase } from './bench.ts'

const ONE_DAY_MS = 24 * 60 * 60 * 1000
const SEVEN_DAYS_MS = 7 * ONE_DAY_MS

export const settlingCases = [
  storageCase(
    'complete removes operations, several at once, and retains nothing of them',
    async (bench) => {
      const [a, b, c] = await bench.enqueue(ALICE, 3)
      assert.deepEqual(await bench.apply({ change: 'complete', lane: a.lane, members: [a, b] }), [])
      assert.deepEqual(await bench.idsOf(a.lane), [c.id])
      assert.equal(await bench.storage.find(a.id), null)
      assert.equal((await bench.reopen()).lanes[0]?.pending, 1)
    },
  ),

  storageCase(
    'complete, drop and bury miss, and leave all, if one of their members is not where expected',
    async (bench) => {
      const [a, b] = await bench.enqueue(ALICE, 2)
      const { lane } = a
      const wrong = [
        [{ id: a.id, place: b.place }],
        [a, { id: b.id, place: b.place + 1 }],
        [a, { id: 'nobody' as OperationId, place: b.place }],
      ]
      for (const members of wrong) {
        await bench.miss({ change: 'complete', lane, members })
        await bench.miss({ change: 'complete', lane: (lane + 1) as LaneId, members: [a] })
        await bench.miss({ change: 'drop', lane, members, reason: 'expired', at: NOW })
        await bench.miss({
          change: 'bury',
          lane,
          members,
          reason: 'rejected',
          status: null,
          excerpt: null,
          at: NOW,
          attempts: 1,
          envelopeKey: null,
        })
      }
      assert.deepEqual(await bench.idsOf(lane), idsOf([a, b]))
      assert.deepEqual(await bench.storage.letters({ limit: 9 }), [])
      assert.equal((await bench.reopen()).lanes[0]?.pending, 2)
    },
  ),

  // Q22
  storageCase(
    'the last completion of each owner is stored, to the second, and exactly once nothing is left',
    async (bench) => {
      const [a, b, c] = await bench.enqueue(ALICE, 3)
      const [anonymous] = await bench.enqueue(null, 1)
      const complete = (one: Affected, at: number) =>
        bench.apply({ change: 'complete', lane: one.lane, members: [one], at })
      await complete(a, NOW)
      await complete(b, NOW + 999)
      const { owners: early } = await bench.reopen()
      const [early0] = early ?? []
      assert.ok(early0?.user === ALICE && early0.lastCompletedAt >= NOW)
      await complete(c, NOW + 999)
      await complete(anonymous, NOW + 5)
      const owners = (await bench.crash()).owners ?? []
      assert.deepEqual(
        owners.toSorted((one, other) => (one.user ?? '').localeCompare(other.user ?? '')),
        [
          { user: null, lastCompletedAt: NOW + 5 },
          { user: ALICE, lastCompletedAt: NOW + 999 },
        ],
      )
      await bench.apply({ change: 'forget', user: ALICE, at: NOW + 1000 })
      assert.deepEqual((await bench.reopen()).owners, [{ user: null, lastCompletedAt: NOW + 5 }])
    },
  ),

  // Q11
  storageCase('the second of two completions of one operation misses', async (bench) => {
    const [a] = await bench.enqueue(ALICE, 1)
    await bench.apply({ change: 'complete', lane: a.lane, members: [a] })
    await bench.miss({ change: 'complete', lane: a.lane, members: [a] })
    assert.deepEqual((await bench.reopen()).lanes, [])
  }),

  storageCase('drop retains the reason, also after a restart', async (bench) => {
    const [a, b] = await bench.enqueue(ALICE, 2)
    await bench.apply({
      change: 'drop',
      lane: a.lane,
      members: [a, b],
      reason: 'superseded',
      at: NOW,
    })
    await bench.reopen()
    assert.deepEqual(await bench.storage.find(b.id), {
      state: 'settled',
      outcome: { id: b.id, outcome: 'dropped', reason: 'superseded', status: null, settledAt: NOW },
    })
  }),

  // I3
  storageCase(
    'purge drops a whole lane but the exceptions, answers with what it dropped, and never misses',
    async (bench) => {
      const [a, b, c] = await bench.enqueue(null, 3)
      const [alices] = await bench.enqueue(ALICE, 1)
      const purge = {
        change: 'purge',
        lane: ANONYMOUS_LANE,
        except: [b.place, 99],
        reason: 'anonymous',
        at: NOW,
      } as const
      assert.deepEqual(await bench.apply(purge), [a, c])
      assert.deepEqual(await bench.apply(purge), [])
      assert.deepEqual(await bench.apply({ ...purge, lane: 77 as LaneId }), [])
      assert.deepEqual(await bench.idsOf(ANONYMOUS_LANE), [b.id])
      assert.deepEqual(await bench.idsOf(alices.lane), [alices.id])
      const found = await bench.storage.find(c.id)
      assert.ok(found?.state === 'settled')
      assert.equal(found.outcome.reason, 'anonymous')
    },
  ),

  storageCase(
    'a purge of a lane that is not there yet does not decide whose it will be',
    async (bench) => {
      const [first] = await bench.enqueue(null, 1)
      const lane = (first.lane + 1) as LaneId
      await bench.apply({ change: 'purge', lane, except: [], reason: 'logout', at: NOW })
      const [alices] = await bench.enqueue(ALICE, 1)
      assert.deepEqual(
        await bench.apply({
          change: 'purge',
          lane: alices.lane,
          except: [],
          reason: 'logout',
          at: NOW,
        }),
        [alices],
      )
    },
  ),

  // Q10
  storageCase(
    'cancel removes one pending operation and answers with it; what is dead or gone is missed',
    async (bench) => {
      const [a, b, c] = await bench.enqueue(ALICE, 3)
      await bench.bury([b])
      assert.deepEqual(await bench.commit([{ change: 'cancel', id: a.id, at: NOW }]), [
        { applied: true, affected: [a], from: 'pending' },
      ])
      for (const id of [a.id, b.id, 'no such id' as OperationId]) {
        await bench.miss({ change: 'cancel', id, at: NOW })
      }
      assert.deepEqual(await bench.idsOf(c.lane), [c.id])
      assert.deepEqual(await bench.storage.find(a.id), {
        state: 'settled',
        outcome: { id: a.id, outcome: 'cancelled', reason: null, status: null, settledAt: NOW },
      })
    },
  ),

  // Q10
  storageCase(
    'cancel misses every member of an envelope of unknown outcome, and takes one out of any other',
    async (bench) => {
      const [a, b, c, d] = await bench.enqueue(ALICE, 4)
      await bench.apply({ change: 'envelope', envelope: envelopeOf([a, b], { unknownSince: NOW }) })
      await bench.miss({ change: 'cancel', id: a.id, at: NOW })
      await bench.miss({ change: 'cancel', id: b.id, at: NOW })
      await bench.apply({ change: 'envelope', envelope: envelopeOf([c, d]) })
      assert.deepEqual(await bench.apply({ change: 'cancel', id: c.id, at: NOW }), [c])
      assert.deepEqual(await bench.idsOf(a.lane), idsOf([a, b, d]))
    },
  ),

  // Q9
  storageCase(
    'discard drops a pending operation, with its whole envelope if the outcome is unknown',
    async (bench) => {
      const [a, b, c] = await bench.enqueue(ALICE, 3)
      await bench.apply({ change: 'envelope', envelope: envelopeOf([a, b], { unknownSince: NOW }) })
      assert.deepEqual(await bench.commit([{ change: 'discard', id: b.id, at: NOW }]), [
        { applied: true, affected: [a, b], from: 'pending' },
      ])
      assert.deepEqual(await bench.apply({ change: 'discard', id: c.id, at: NOW }), [c])
      await bench.miss({ change: 'discard', id: c.id, at: NOW })
      for (const id of idsOf([a, b, c])) {
        assert.deepEqual(await bench.storage.find(id), {
          state: 'settled',
          outcome: { id, outcome: 'dropped', reason: 'discarded', status: null, settledAt: NOW },
        })
      }
      const state = await bench.reopen()
      assert.deepEqual([state.lanes, state.envelopes], [[], []])
    },
  ),

  storageCase(
    'how an operation ended is forgotten at the first start after more than seven days',
    async (bench) => {
      const [a, b] = await bench.enqueue(null, 2)
      await bench.apply({ change: 'cancel', id: a.id, at: NOW })
      await bench.apply({ change: 'cancel', id: b.id, at: NOW + 1 })
      bench.wall = NOW + 1 + SEVEN_DAYS_MS
      assert.equal((await bench.storage.find(a.id))?.state, 'settled')
      await bench.reopen()
      assert.equal(await bench.storage.find(a.id), null)
      assert.equal((await bench.storage.find(b.id))?.state, 'settled')
    },
  ),

  storageCase(
    'of more than 10,000 ends of before the last day the start keeps the newest 10,000',
    async (bench) => {
      const [old, lessOld] = await bench.enqueue(null, 2)
      await bench.apply({ change: 'cancel', id: old.id, at: NOW })
      await bench.apply({ change: 'cancel', id: lessOld.id, at: NOW + 1 })
      const many = await bench.enqueue(null, 9_999 as number)
      await bench.apply({
        change: 'purge',
        lane: ANONYMOUS_LANE,
        except: [],
        reason: 'anonymous',
        at: NOW + 2,
      })
      bench.wall = NOW + ONE_DAY_MS + 3
      await bench.reopen()
      assert.equal(await bench.storage.find(old.id), null)
      assert.equal((await bench.storage.find(lessOld.id))?.state, 'settled')
      for (const operation of [many[0], many.at(-1)]) {
        assert.ok(operation !== undefined)
        assert.equal((await bench.storage.find(operation.id))?.state, 'settled')
      }
    },
  ),

  storageCase('find answers null for an id it cannot read', async (bench) => {
    for (const id of [
      '',
      '.',
      '0.',
      '0.sg',
      '0.sg.',
      'zz',
      '9'.repeat(300),
      "0.sg.'--",
      '0.0.0',
      '-1.-1.x',
    ]) {
      assert.equal(await bench.storage.find(id as OperationId), null, id)
    }
  }),

  // Q17
  storageCase(
    'settled tells of many operations at once which are pending no more, in the order asked, and how each ended',
    async (bench) => {
      const [done, dropped, dead, left] = await bench.enqueue(ALICE, 4)
      const { lane } = done
      await bench.apply({ change: 'complete', lane, members: [done] })
      await bench.apply({ change: 'drop', lane, members: [dropped], reason: 'expired', at: NOW })
      await bench.bury([dead])
      const unknown = '0.sg.nobody' as OperationId
      const asked = [unknown, dead.id, left.id, done.id, dropped.id]
      const expected = []
      for (const id of asked) {
        const found = await bench.storage.find(id)
        if (found?.state !== 'pending') expected.push({ id, found })
      }
      assert.deepEqual((await bench.storage.settled(asked)).settled, expected)
      assert.deepEqual(idsOf(expected), [unknown, dead.id, done.id, dropped.id])
      assert.deepEqual((await bench.storage.settled([])).settled, [])
    },
  ),

  // Q2, I3
  storageCase(
    'settled knows what is pending also where it was put elsewhere, adopted or back',
    async (bench) => {
      const [anonymous] = await bench.enqueue(null, 1)
      const [dead, other] = await bench.enqueue(ALICE, 2)
      const { lane } = dead
      await bench.apply({ change: 'adopt', user: ALICE, except: [] })
      await bench.bury([dead])
      await bench.apply({ change: 'complete', lane, members: [other] })
      await bench.apply({ change: 'revive', id: dead.id, behind: [{ lane, place: 9999 }], at: NOW })
      const asked = idsOf([anonymous, dead, other])
      assert.deepEqual(idsOf((await bench.storage.settled(asked)).settled), [other.id])
      const moved = (await bench.window(lane)).find(({ id }) => id === anonymous.id)
      assert.ok(moved !== undefined && moved.lane !== anonymous.lane)
      await bench.apply({ change: 'complete', lane, members: [moved] })
      assert.deepEqual(
        idsOf((await bench.storage.settled(asked)).settled),
        idsOf([anonymous, other]),
      )
    },
  ),
]
