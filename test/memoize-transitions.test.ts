/** A machine that remembers what it has decided cannot be told from one that does not. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type AnyActor, type AnyStateMachine, createActor } from 'xstate'
import { laneMachine } from '../machines/lane.machine.ts'
import { queueMachine } from '../machines/queue.machine.ts'
import { LANE_MEMO_KEYS, QUEUE_MEMO_KEYS } from '../src/engine/pilot/memo-keys.ts'
import { memoizeTransitions } from '../src/engine/pilot/memoize-transitions.ts'
import type { LaneId } from '../src/model.ts'

const lane = fc.integer({ min: 1, max: 6 }).map((number) => number as LaneId)
const name = fc.constantFrom('paused' as const, 'offline' as const)

const laneEvents = fc.array(
  fc.oneof(
    fc
      .constantFrom<'operations.arrived' | 'operations.gone' | 'slot.granted'>(
        ...(['operations.arrived', 'operations.gone', 'slot.granted'] as const),
      )
      .map((type) => ({ type })),
    fc.record({
      type: fc.constant('attempt.ended' as const),
      pending: fc.boolean(),
      slotWanted: fc.boolean(),
    }),
    name.map((held) => ({ type: 'hold.set', hold: { name: held, cause: 'a test', since: 0 } })),
    name.map((held) => ({ type: 'hold.lifted', name: held })),
  ),
  { maxLength: 60 },
)

const queueEvents = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.constant({ type: 'storage.loaded' as const }) },
    {
      weight: 100,
      arbitrary: fc.record({
        type: fc.constantFrom('slot.requested', 'slot.withdrawn', 'slot.returned', 'slot.passedOn'),
        lane,
      }),
    },
    { weight: 1, arbitrary: fc.constant({ type: 'close.requested' as const }) },
  ),
  { maxLength: 200 },
)

/** What an actor makes of the events: after each, where it is and what it has said. */
function lifeOf(actor: AnyActor, events: readonly object[]): unknown[] {
  const said: unknown[] = []
  actor.on('*', (command: unknown) => said.push(command))
  actor.start()
  return events.map((event) => {
    if (actor.getSnapshot().status === 'active') actor.send(event as never)
    const { value, context, status } = actor.getSnapshot()
    return { value, context, status, said: said.splice(0) }
  })
}

describe('a machine that remembers answers as one that does not:', () => {
  test('the lane', () => {
    fc.assert(
      fc.property(laneEvents, (events) => {
        const input = { lane: 7 as LaneId, holds: [] }
        const machine = memoizeTransitions(laneMachine, LANE_MEMO_KEYS)
        const remembered = lifeOf(createActor(machine, { input }), events)
        expect(remembered).toEqual(lifeOf(createActor(laneMachine, { input }), events))
      }),
      { seed: 1 },
    )
  })

  test('the queue', () => {
    fc.assert(
      fc.property(queueEvents, (events) => {
        const input = { slots: 2 }
        const machine = memoizeTransitions(queueMachine, QUEUE_MEMO_KEYS)
        const remembered = lifeOf(createActor(machine, { input }), events)
        expect(remembered).toEqual(lifeOf(createActor(queueMachine, { input }), events))
      }),
      { seed: 2 },
    )
  })
})

/** One that counts how often it has decided. */
function counting<Machine extends AnyStateMachine>(machine: Machine) {
  let count = 0
  const transition = (...args: Parameters<Machine['transition']>) => {
    count += 1
    return machine.transition(args[0], args[1], args[2])
  }
  const counted = Object.create(machine, { transition: { value: transition } }) as Machine
  return { machine: counted, decidedCount: () => count }
}

test('of a great many lanes a queue remembers only so many', () => {
  const { machine: counted, decidedCount } = counting(queueMachine)
  const roundOf = (number: number) => [
    { type: 'slot.requested', lane: number },
    { type: 'slot.returned', lane: number },
  ]
  const lanes = Array.from({ length: 5000 }, (_, number) => number)
  const events = [{ type: 'storage.loaded' }, ...lanes.flatMap(roundOf)]
  const actor = createActor(memoizeTransitions(counted, QUEUE_MEMO_KEYS), { input: { slots: 2 } })
  lifeOf(actor, [...events, ...roundOf(4999)])
  const latestCount = decidedCount()
  lifeOf(actor, [...roundOf(4999), ...roundOf(0)])
  // The last one is remembered, the first one is not.
  expect(decidedCount() - latestCount).toBe(2)
})

test('what a lane goes through again and again is decided once', () => {
  const { machine: counted, decidedCount } = counting(laneMachine)
  const input = { lane: 7 as LaneId, holds: [] }
  const round = [
    { type: 'operations.arrived' },
    { type: 'slot.granted' },
    { type: 'attempt.ended', pending: true, slotWanted: false },
    { type: 'attempt.ended', pending: false, slotWanted: false },
  ]
  const life = lifeOf(
    createActor(memoizeTransitions(counted, LANE_MEMO_KEYS), { input }),
    Array.from({ length: 25 }, () => round).flat(),
  )
  expect(life.slice(-4)).toEqual(life.slice(0, 4))
  // The first state is not known to be like a later one until that has come.
  expect(decidedCount()).toBeLessThanOrEqual(2 * round.length)
})
