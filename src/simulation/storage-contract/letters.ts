/** Dead letters, and the way back from there (Q9). */
import assert from 'node:assert/strict'
import type { Affected } from '../../../storage/changes.ts'
import type { LaneId, OperationId, UserId } from '../../model.ts'
import { ALICE, type Bench, BOB, envelopeOf, idsOf, NOW, storageCase } from './bench.ts'

/** Retries a dead letter; answers with the operations that came back. */
function revive(bench: Bench, { id, lane }: Affected, place: number | null = null) {
  const behind = place === null ? [] : [{ lane, place }]
  return bench.apply({ change: 'revive', id, behind })
}

export const letterCases = [
  // Q9
  storageCase(
    'bury makes dead letters, which keep everything and are found and counted as such',
    async (bench) => {
      const [a, b] = await bench.enqueue(ALICE, 2)
      const [row] = await bench.window(a.lane)
      await bench.bury([a])
      const { lanes } = await bench.reopen()
      assert.deepEqual(
        lanes.map(({ pending, letters }) => [pending, letters]),
        [[1, 1]],
      )
      assert.deepEqual(await bench.idsOf(a.lane), [b.id])
      const letter = {
        ...row,
        reason: 'rejected',
        status: 422,
        excerpt: '{"error":"no"}',
        diedAt: NOW,
        attempts: 3,
        envelopeKey: null,
        unknownSince: null,
        dependsOn: [],
      }
      assert.deepEqual(await bench.storage.find(a.id), { state: 'dead', letter, user: ALICE })
      assert.deepEqual(await bench.storage.letters({ limit: 9 }), [{ ...letter, user: ALICE }])
    },
  ),

  storageCase(
    'letters come the oldest first, of one user, of the anonymous identity (null), or of all',
    async (bench) => {
      const [alices, alicesToo] = await bench.enqueue(ALICE, 2)
      const [anonymous] = await bench.enqueue(null, 1)
      for (const operation of [alicesToo, anonymous, alices]) await bench.bury([operation])
      const late = (await bench.enqueue(BOB, 1))[0]
      await bench.apply({
        change: 'bury',
        lane: late.lane,
        members: [late],
        reason: 'unreadable',
        status: null,
        excerpt: null,
        at: NOW - 1,
        attempts: 0,
        envelopeKey: null,
      })
      const list = async (filter: { user?: UserId | null; limit: number }) =>
        idsOf(await bench.storage.letters(filter))
      assert.deepEqual(await list({ limit: 9 }), idsOf([late, anonymous, alices, alicesToo]))
      assert.deepEqual(await list({ limit: 2 }), idsOf([late, anonymous]))
      assert.deepEqual(await list({ user: ALICE, limit: 9 }), idsOf([alices, alicesToo]))
      assert.deepEqual(await list({ user: null, limit: 9 }), idsOf([anonymous]))
      assert.deepEqual(await list({ user: 'nobody' as UserId, limit: 9 }), [])
      assert.deepEqual(await list({ limit: 0 }), [])
    },
  ),

  // Q14, Q8
  storageCase(
    'members of one envelope may have reasons of their own, and come back together all the same',
    async (bench) => {
      const [a, b] = await bench.enqueue(ALICE, 2)
      await bench.apply({
        change: 'bury',
        lane: a.lane,
        members: [a, { ...b, reason: 'outcome-unknown' }],
        reason: 'unreadable',
        status: null,
        excerpt: null,
        at: NOW,
        attempts: 1,
        envelopeKey: 'envelope-key',
        unknownSince: NOW - 1000,
      })
      const letters = await bench.storage.letters({ limit: 9 })
      assert.deepEqual(
        letters.map(({ id, reason }) => [id, reason]),
        [
          [a.id, 'unreadable'],
          [b.id, 'outcome-unknown'],
        ],
      )
      await bench.apply({ change: 'revive', id: a.id, behind: [], at: NOW + 5 })
      const { envelopes } = await bench.reopen()
      assert.deepEqual(envelopes, [envelopeOf([a, b], { unknownSince: NOW + 5 })])
    },
  ),

  // Q9, Q2
  storageCase(
    'revive puts a letter back at its old place, without a trace of its death',
    async (bench) => {
      const [a, b, c] = await bench.enqueue(ALICE, 3)
      const before = await bench.window(a.lane)
      await bench.bury([b])
      assert.deepEqual(
        await bench.commit([
          { change: 'revive', id: b.id, behind: [{ lane: a.lane, place: a.place }] },
        ]),
        [{ applied: true, affected: [b], from: 'dead' }],
      )
      await bench.miss({ change: 'revive', id: b.id, behind: [] })
      await bench.miss({ change: 'revive', id: c.id, behind: [] })
      await bench.miss({ change: 'revive', id: 'nobody' as OperationId, behind: [] })
      const { lanes, envelopes } = await bench.reopen()
      assert.deepEqual(await bench.window(a.lane), before)
      assert.deepEqual(
        lanes.map(({ pending, letters }) => [pending, letters]),
        [[3, 0]],
      )
      assert.deepEqual(envelopes, [])
    },
  ),

  // Q9
  storageCase(
    'a letter revived behind a sent envelope stands directly behind it, and is still found',
    async (bench) => {
      const [dead, sent, next] = await bench.enqueue(ALICE, 3)
      await bench.bury([dead])
      const [back] = await revive(bench, dead, sent.place)
      assert.ok(back !== undefined && back.place > sent.place && back.place < next.place)
      assert.deepEqual(await bench.idsOf(dead.lane), idsOf([sent, dead, next]))
      await bench.reopen()
      const found = await bench.storage.find(dead.id)
      assert.ok(found?.state === 'pending')
      assert.equal(found.row.place, back.place)
    },
  ),

  // Q9, Q2
  storageCase(
    'a letter revived behind the last operation takes a place that was never given before',
    async (bench) => {
      const [dead, sent] = await bench.enqueue(ALICE, 2)
      await bench.bury([dead])
      const [back] = await revive(bench, dead, sent.place)
      const [later] = await bench.enqueue(ALICE, 1)
      assert.deepEqual([back?.place, later.place], [3072, 4096])
    },
  ),

  // Q2
  storageCase(
    'letters revived one by one behind a sent envelope keep the order they were made in',
    async (bench) => {
      for (const order of [
        [0, 1, 2],
        [2, 1, 0],
        [1, 2, 0],
      ]) {
        const user = `user ${order.join('')}` as UserId
        const dead = await bench.enqueue(user, 3)
        const [sent, next] = await bench.enqueue(user, 2)
        for (const operation of dead) await bench.bury([operation])
        for (const index of order) await revive(bench, dead[index] as Affected, sent.place)
        assert.deepEqual(await bench.idsOf(sent.lane), idsOf([sent, ...dead, next]), user)
      }
    },
  ),

  // Q2
  storageCase(
    'a letter whose place was taken by an older one goes directly behind that one',
    async (bench) => {
      const [first, sent, second, next] = await bench.enqueue(ALICE, 4)
      await bench.bury([first])
      await bench.bury([second])
      await revive(bench, first, sent.place)
      const [taken] = (await bench.window(first.lane)).filter(({ id }) => id === first.id)
      assert.equal(taken?.place, second.place)
      await revive(bench, second)
      assert.deepEqual(await bench.idsOf(first.lane), idsOf([sent, first, second, next]))
    },
  ),

  // Q2
  storageCase(
    'where no gap is left, what lies behind moves back, is found there, and keeps its order',
    async (bench) => {
      const dead = await bench.enqueue(ALICE, 30 as number)
      const [sent, solo, next] = await bench.enqueue(ALICE, 3)
      const { lane } = sent
      await bench.apply({ change: 'envelope', envelope: envelopeOf([solo, next]) })
      for (const operation of dead) await bench.bury([operation])
      await bench.apply({ change: 'solo', lane, place: sent.place, through: solo.place })
      for (const operation of dead.toReversed()) await revive(bench, operation, sent.place)
      const [last] = await bench.enqueue(ALICE, 1)

      const { lanes, envelopes } = await bench.reopen()
      const rows = await bench.window(lane)
      assert.deepEqual(idsOf(rows), idsOf([sent, ...dead, solo, next, last]))
      for (const row of rows) {
        assert.deepEqual(await bench.storage.find(row.id), { state: 'pending', row, user: ALICE })
      }
      const places = rows.slice(31, 33).map(({ place }) => place)
      assert.notDeepEqual(places, [solo.place, next.place])
      assert.deepEqual(
        envelopes.map(({ place, members }) => [place, members]),
        [[places[0], places]],
      )
      assert.equal(lanes[0]?.soloThrough, places[0])
      await bench.apply({ change: 'complete', lane, members: rows })
      assert.deepEqual((await bench.reopen()).lanes, [])
    },
  ),

  // Q8
  storageCase(
    'an envelope of unknown outcome dies whole and returns whole, under the same key',
    async (bench) => {
      const [a, b, c, d] = await bench.enqueue(ALICE, 4)
      await bench.apply({ change: 'envelope', envelope: envelopeOf([b, c], { unknownSince: NOW }) })
      await bench.bury([b, c], 'envelope-key')
      assert.deepEqual((await bench.reopen()).envelopes, [])
      assert.deepEqual(await revive(bench, c), [b, c])
      assert.deepEqual(await bench.storage.letters({ limit: 9 }), [])
      assert.deepEqual(await bench.idsOf(a.lane), idsOf([a, b, c, d]))
      const { envelopes } = await bench.reopen()
      assert.deepEqual(envelopes, [
        envelopeOf([b, c], { unknownSince: NOW, lastStatus: 422, attempts: 0 }),
      ])
    },
  ),

  // Q8
  storageCase(
    'an envelope revived behind a sent one keeps its members side by side, and its record follows',
    async (bench) => {
      const [a, b, sent, next] = await bench.enqueue(ALICE, 4)
      await bench.bury([a, b], 'envelope-key')
      const back = await revive(bench, a, sent.place)
      assert.deepEqual(await bench.idsOf(a.lane), idsOf([sent, a, b, next]))
      const [envelope] = (await bench.reopen()).envelopes
      assert.deepEqual(
        envelope?.members,
        back.map(({ place }) => place),
      )
      assert.equal(envelope?.place, envelope?.members[0])
    },
  ),

  // Q5
  storageCase(
    'neither comes a letter back into the midst of a recorded envelope, nor an envelope around others',
    async (bench) => {
      const [a, b, c, d] = await bench.enqueue(ALICE, 4)
      await bench.bury([b])
      await bench.bury([a, c], 'envelope-key')
      await revive(bench, a)
      await revive(bench, b)
      assert.deepEqual(await bench.idsOf(a.lane), idsOf([a, c, b, d]))
      await bench.bury(await pendingOf(bench, a.lane, [a, c]), 'envelope-key')
      await bench.bury(await pendingOf(bench, a.lane, [b]))
      await revive(bench, b)
      await revive(bench, c)
      assert.deepEqual(await bench.idsOf(a.lane), idsOf([a, c, b, d]))
    },
  ),

  // Q5, Q2
  storageCase(
    'nor does a letter come behind the head of a recorded envelope, if that head was made before it',
    async (bench) => {
      const [first, second, sent, next] = await bench.enqueue(ALICE, 4)
      await bench.bury([first])
      await bench.bury([second])
      const [head] = await revive(bench, first, sent.place)
      assert.ok(head !== undefined)
      await bench.apply({ change: 'complete', lane: sent.lane, members: [sent] })
      await bench.apply({ change: 'envelope', envelope: envelopeOf([head, next]) })
      await revive(bench, second, sent.place)
      assert.deepEqual(await bench.idsOf(first.lane), idsOf([first, next, second]))
    },
  ),

  // Q9
  storageCase(
    'discard removes a dead letter and retains that, with its whole envelope if it died as one',
    async (bench) => {
      const [a, b, c, d] = await bench.enqueue(ALICE, 4)
      await bench.bury([a])
      await bench.bury([b, c], 'envelope-key')
      assert.deepEqual(await bench.commit([{ change: 'discard', id: a.id, at: NOW }]), [
        { applied: true, affected: [a], from: 'dead' },
      ])
      assert.deepEqual(await bench.apply({ change: 'discard', id: c.id, at: NOW }), [b, c])
      await bench.miss({ change: 'revive', id: b.id, behind: [] })
      assert.deepEqual(await bench.storage.find(b.id), {
        state: 'settled',
        outcome: {
          id: b.id,
          outcome: 'dropped',
          reason: 'discarded',
          status: null,
          settledAt: NOW,
        },
      })
      assert.deepEqual(await bench.idsOf(d.lane), [d.id])
      assert.deepEqual(await bench.storage.letters({ limit: 9 }), [])
    },
  ),

  storageCase('one key in two lanes is two envelopes', async (bench) => {
    const [alices] = await bench.enqueue(ALICE, 1)
    const [bobs] = await bench.enqueue(BOB, 1)
    await bench.bury([alices], 'envelope-key')
    await bench.bury([bobs], 'envelope-key')
    assert.deepEqual(await revive(bench, alices), [alices])
    assert.equal((await bench.storage.find(bobs.id))?.state, 'dead')
  }),
]

/** The same operations, where they are now. */
async function pendingOf(bench: Bench, lane: LaneId, operations: readonly Affected[]) {
  const ids = idsOf(operations)
  const rows = await bench.window(lane)
  return rows.filter(({ id }) => ids.includes(id)).map((row) => ({ ...row, user: ALICE }))
}
