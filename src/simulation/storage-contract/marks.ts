/** What is marked while it may be in flight: lanes that are to be dropped, and what is superseded. And what a record's creation is. */
import assert from 'node:assert/strict'
import type { LaneId } from '../../model.ts'
import { ALICE, ANONYMOUS_LANE, BOB, type Bench, idsOf, NOW, storageCase } from './bench.ts'

const mark = (discarding: boolean) => ({ change: 'discardLane', user: ALICE, discarding }) as const

const markOf = async (bench: Bench) =>
  (await bench.reopen()).lanes.find(({ user }) => user === ALICE)?.discardThrough

export const markCases = [
  // I7
  storageCase(
    'discardLane marks what is pending, not what comes later, until it is taken back; it never misses',
    async (bench) => {
      await bench.apply(mark(true))
      const [, last] = await bench.enqueue(ALICE, 2)
      assert.equal(await markOf(bench), 0)
      await bench.apply(mark(true))
      await bench.enqueue(ALICE, 1)
      assert.equal(await markOf(bench), last.place)
      await bench.apply(mark(false))
      assert.equal(await markOf(bench), 0)
    },
  ),

  // I7
  storageCase('the mark of a lane goes when nothing of it is pending any more', async (bench) => {
    const [a, b] = await bench.enqueue(ALICE, 2)
    const { lane } = a
    await bench.apply(mark(true))
    await bench.apply({ change: 'complete', lane, members: [a] })
    assert.equal(await markOf(bench), b.place)
    await bench.apply({ change: 'drop', lane, members: [b], reason: 'logout', at: NOW })
    await bench.enqueue(ALICE, 1)
    assert.equal(await markOf(bench), 0)
  }),

  // I7
  storageCase('a purge may reach only up to a place', async (bench) => {
    const [a, b, c] = await bench.enqueue(ALICE, 3)
    const { lane } = a
    const purge = { change: 'purge', lane, except: [a.place], reason: 'logout', at: NOW } as const
    assert.deepEqual(await bench.apply({ ...purge, through: b.place }), [b])
    assert.deepEqual(await bench.idsOf(lane), idsOf([a, c]))
  }),

  // I8
  storageCase(
    'supersede drops what is device-scoped of others, and marks what is excepted, also as a dead letter',
    async (bench) => {
      const scoped = (user: typeof ALICE) =>
        bench.apply({ ...bench.enqueueing(user), deviceScoped: true } as never)
      const [inFlight] = await scoped(ALICE)
      const [waiting] = await scoped(ALICE)
      const [own] = await scoped(BOB)
      assert.ok(inFlight !== undefined && waiting !== undefined && own !== undefined)
      const [other] = await bench.enqueue(ALICE, 1)
      const { lane } = inFlight
      const except = [inFlight.id, own.id, other.id]
      const dropped = await bench.apply({ change: 'supersede', user: BOB, except, at: NOW })
      assert.deepEqual(dropped, [waiting])
      await bench.reopen()
      const marks = async (of: LaneId) =>
        (await bench.window(of)).map(({ superseded = false }) => superseded)
      assert.deepEqual(await marks(lane), [true, false])
      assert.deepEqual(await marks(own.lane), [false])
      await bench.bury([inFlight])
      await bench.apply({ change: 'revive', id: inFlight.id, behind: [] })
      assert.deepEqual(await marks(lane), [true, false])
    },
  ),

  // I8, Q17
  storageCase(
    'supersede may mark all there is; the lanes say so, and a purge may take only what is marked',
    async (bench) => {
      const scoped = (user: typeof ALICE) =>
        bench.apply({ ...bench.enqueueing(user), deviceScoped: true } as never)
      const flags = async () =>
        (await bench.reopen()).lanes.map(({ user, hasSuperseded }) => [user, hasSuperseded])
      const [inFlight] = await scoped(ALICE)
      const [other] = await bench.enqueue(ALICE, 1)
      const [waiting] = await scoped(ALICE)
      const [own] = await scoped(BOB)
      assert.ok(inFlight !== undefined && waiting !== undefined && own !== undefined)
      const marking = { change: 'supersede', user: BOB, except: 'all', at: NOW } as const
      assert.deepEqual(await bench.apply(marking), [])
      assert.deepEqual(await flags(), [
        [ALICE, true],
        [BOB, undefined],
      ])
      const { lane } = inFlight
      const purge = { change: 'purge', lane, superseded: true, reason: 'superseded' } as const
      const except = [inFlight.place]
      assert.deepEqual(await bench.apply({ ...purge, except, at: NOW }), [waiting])
      assert.deepEqual(await bench.idsOf(lane), idsOf([inFlight, other]))
      assert.deepEqual(await bench.apply({ ...purge, except: [], at: NOW }), [inFlight])
      assert.deepEqual(await bench.idsOf(own.lane), idsOf([own]))
      assert.deepEqual(await flags(), [
        [ALICE, undefined],
        [BOB, undefined],
      ])
    },
  ),

  // Q12
  storageCase(
    'a record names the operation that creates it; created anew, it has its former name in its lane alone',
    async (bench) => {
      const creating = async (user: typeof ALICE | null) => {
        const [made] = await bench.apply({ ...bench.enqueueing(user), creates: ['r'] } as never)
        assert.ok(made !== undefined)
        return made
      }
      const known = async () => {
        const [record] = await bench.storage.records(['r'])
        return [record?.creation, record?.state, record?.remote, record?.lane]
      }
      const first = await creating(ALICE)
      const { lane } = first
      assert.deepEqual(await known(), [first.id, 'pending', null, lane])
      const made = [{ local: 'r', remote: 'srv-1' }]
      await bench.apply({ change: 'complete', lane, members: [first], made, at: NOW })
      assert.deepEqual(await known(), [first.id, 'made', 'srv-1', lane])
      const second = await creating(ALICE)
      assert.deepEqual(await known(), [second.id, 'pending', 'srv-1', lane])
      const third = await creating(null)
      assert.deepEqual(await known(), [third.id, 'pending', null, ANONYMOUS_LANE])
    },
  ),
]
