/** Lanes, places and windows: the order of sending. */
import assert from 'node:assert/strict'
import type { LaneId, UserId } from '../../model.ts'
import { ALICE, ANONYMOUS_LANE, BOB, idsOf, NOW, storageCase } from './bench.ts'

export const placeCases = [
  // Q3
  storageCase('every owner has one lane, the anonymous one is lane 0', async (bench) => {
    const [anonymous] = await bench.enqueue(null, 1)
    const alices = await bench.enqueue(ALICE, 2)
    const [bobs] = await bench.enqueue(BOB, 1)
    assert.equal(anonymous.lane, ANONYMOUS_LANE)
    assert.equal(alices[0].lane, alices[1].lane)
    assert.equal(new Set([anonymous.lane, alices[0].lane, bobs.lane]).size, 3)
    await bench.reopen()
    assert.equal((await bench.enqueue(ALICE, 1))[0].lane, alices[0].lane)
  }),

  storageCase(
    'users whose ids differ only in case, space or accent are different',
    async (bench) => {
      const users = ['ann', 'Ann', 'ann ', 'änn', 'a\u0308nn'] as UserId[]
      const lanes = await Promise.all(
        users.map(async (user) => (await bench.enqueue(user, 1))[0].lane),
      )
      assert.equal(new Set(lanes).size, users.length)
    },
  ),

  // Q2
  storageCase(
    'places are 1024, 2048, 3072, … in the order of the calls, each lane by itself',
    async (bench) => {
      const calls = [ALICE, BOB, ALICE, ALICE].map((user) =>
        bench.storage.commit([bench.enqueueing(user)]),
      )
      bench.endTurn()
      const affected = (await Promise.all(calls))
        .flat()
        .flatMap((answer) => (answer.applied ? answer.affected : []))
      assert.deepEqual(
        affected.map(({ user, place }) => [user, place]),
        [
          [ALICE, 1024],
          [BOB, 1024],
          [ALICE, 2048],
          [ALICE, 3072],
        ],
      )
    },
  ),

  // Q2
  storageCase(
    'the place of an operation that is gone is not given again, also after a restart',
    async (bench) => {
      const operations = await bench.enqueue(null, 2)
      await bench.apply({ change: 'complete', lane: ANONYMOUS_LANE, members: operations })
      assert.deepEqual((await bench.reopen()).lanes, [])
      assert.equal((await bench.enqueue(null, 1))[0].place, 3072)
    },
  ),

  storageCase(
    'an enqueue answers with all that the caller cannot know, and never misses',
    async (bench) => {
      const [operation] = await bench.enqueue(ALICE, 1)
      assert.equal(operation.kind, 'note')
      assert.equal(operation.user, ALICE)
      assert.deepEqual(idsOf([operation]), await bench.idsOf(operation.lane))
    },
  ),

  storageCase('an enqueue answers whether anything else of its lane is pending', async (bench) => {
    const isFirst = async (...users: (UserId | null)[]) => {
      const answers = await bench.commit(users.map((user) => bench.enqueueing(user)))
      return answers.map((answer) => answer.applied && answer.isFirst === true)
    }
    assert.deepEqual(await isFirst(ALICE, ALICE, BOB), [true, false, true])
    assert.deepEqual(await isFirst(ALICE, null), [false, true])
    const [bobs] = await bench.window((await bench.enqueue(BOB, 1))[0].lane)
    assert.ok(bobs !== undefined)
    await bench.apply({ change: 'complete', lane: bobs.lane, members: [bobs] })
    assert.deepEqual(await isFirst(BOB), [false])
    await bench.apply({ change: 'purge', lane: bobs.lane, except: [], reason: 'logout', at: NOW })
    assert.deepEqual(await isFirst(BOB), [true])
  }),

  storageCase('the same nonce twice makes two operations', async (bench) => {
    const change = bench.enqueueing(null)
    await bench.commit([change, change])
    assert.equal(new Set(await bench.idsOf(ANONYMOUS_LANE)).size, 2)
  }),

  storageCase(
    'a window is a slice of one lane in the order of places, `after` not in it',
    async (bench) => {
      const operations = await bench.enqueue(ALICE, 5)
      await bench.enqueue(BOB, 1)
      const { lane } = operations[0]
      const slice = async (after: number, limit: number) =>
        idsOf(await bench.storage.window(lane, after, limit))
      assert.deepEqual(await slice(0, 9), idsOf(operations))
      assert.deepEqual(await slice(operations[1].place, 2), idsOf(operations.slice(2, 4)))
      assert.deepEqual(await slice(operations[1].place - 1, 1), idsOf([operations[1]]))
      assert.deepEqual(await slice(operations[4].place, 9), [])
      assert.deepEqual(await slice(0, 0), [])
      assert.deepEqual(await bench.storage.window(77 as LaneId, 0, 9), [])
    },
  ),

  storageCase('a row comes back as it was put in, whatever its text holds', async (bench) => {
    const payload = JSON.stringify({ text: 'ünï 🦔 \u0000 \\ \' " \n', deep: [[null, 1e21, -0.5]] })
    const change = {
      change: 'enqueue',
      user: ALICE,
      nonce: 'n-_~.',
      kind: "o'kind",
      version: 7,
      payload,
      enqueuedAt: NOW,
      expiresAt: NOW + 1,
      creates: ['local-1', 'local "2"'],
      deviceScoped: true,
    } as const
    const [made] = await bench.apply(change)
    assert.ok(made !== undefined)
    const { id, lane, place } = made
    await bench.reopen()
    const row = {
      id,
      lane,
      place,
      kind: "o'kind",
      version: 7,
      payload,
      enqueuedAt: NOW,
      expiresAt: NOW + 1,
      creates: ['local-1', 'local "2"'],
      deviceScoped: true,
    }
    assert.deepEqual(await bench.window(lane), [row])
    assert.deepEqual(await bench.storage.find(id), { state: 'pending', row, user: ALICE })
  }),

  storageCase(
    'open names the lanes with something pending or dead in them, and no others',
    async (bench) => {
      const [dead] = await bench.enqueue(ALICE, 1)
      await bench.enqueue(BOB, 3)
      const [gone] = await bench.enqueue(null, 1)
      await bench.bury([dead])
      await bench.apply({ change: 'cancel', id: gone.id, at: NOW })
      const { lanes } = await bench.reopen()
      assert.deepEqual(
        lanes.map(({ user, pending, letters, soloThrough }) => ({
          user,
          pending,
          letters,
          soloThrough,
        })),
        [
          { user: ALICE, pending: 0, letters: 1, soloThrough: 0 },
          { user: BOB, pending: 3, letters: 0, soloThrough: 0 },
        ],
      )
    },
  ),
]
