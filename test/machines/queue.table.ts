import type { queueMachine } from '../../machines/queue.machine.ts'
import type { LaneId } from '../../src/model.ts'
import type { Table } from './run-table.ts'

const [first, second, third, fourth] = [1, 2, 3, 4] as unknown as [LaneId, LaneId, LaneId, LaneId]

const loaded = { type: 'storage.loaded' } as const
const close = { type: 'close.requested' } as const
const deadline = { type: 'deadline.passed' } as const
const request = (lane: LaneId) => ({ type: 'slot.requested', lane }) as const
const withdraw = (lane: LaneId) => ({ type: 'slot.withdrawn', lane }) as const
const giveBack = (lane: LaneId) => ({ type: 'slot.returned', lane }) as const

const passOn = (lane: LaneId) => ({ type: 'slot.passedOn', lane }) as const

const grant = (lane: LaneId) => ({ type: 'slot.granted', lane }) as const
const closed = { type: 'queue.closed' } as const

export const queueTable: Table<typeof queueMachine> = {
  input: { slots: 2 },
  rows: [
    // Starting
    {
      name: 'nothing is sent before storage has said what is true (Q2)',
      given: [],
      when: request(first),
      expected: { value: 'starting', commands: [], context: { line: [first], sending: [] } },
    },
    {
      name: 'a lane is in the line once, however often it asks',
      given: [request(first)],
      when: request(first),
      expected: { value: 'starting', commands: [], context: { line: [first] } },
    },
    {
      name: 'a lane that changes its mind before the start leaves the line',
      given: [request(first), request(second)],
      when: withdraw(first),
      expected: { value: 'starting', commands: [], context: { line: [second] } },
    },
    {
      name: 'at the start as many lanes as there are slots may send, first come first served (Q3)',
      given: [request(second), request(first), request(third)],
      when: loaded,
      expected: {
        value: 'running',
        commands: [grant(second), grant(first)],
        context: { line: [third], sending: [second, first] },
      },
    },
    {
      name: 'an engine that is closed before it started is closed at once (Q19)',
      given: [request(first)],
      when: close,
      expected: { value: 'closed', commands: [closed] },
    },

    // Running
    {
      name: 'a lane that asks while a slot is free has it at once (Q15)',
      given: [loaded],
      when: request(first),
      expected: {
        value: 'running',
        commands: [grant(first)],
        context: { line: [], sending: [first] },
      },
    },
    {
      name: 'no more requests than slots are in flight (Q3)',
      given: [loaded, request(first), request(second)],
      when: request(third),
      expected: {
        value: 'running',
        commands: [],
        context: { line: [third], sending: [first, second] },
      },
    },
    {
      name: 'a lane that asks again before it heard of its slot gets no second one (Q3)',
      given: [loaded, request(first), withdraw(first)],
      when: request(first),
      expected: { value: 'running', commands: [], context: { line: [], sending: [first] } },
    },
    {
      name: 'a freed slot goes to the lane that waits longest (Q15)',
      given: [loaded, request(first), request(second), request(third), request(fourth)],
      when: giveBack(first),
      expected: {
        value: 'running',
        commands: [grant(third)],
        context: { line: [fourth], sending: [second, third] },
      },
    },
    {
      name: 'a slot that nobody waits for stays free',
      given: [loaded, request(first), request(second)],
      when: giveBack(first),
      expected: { value: 'running', commands: [], context: { line: [], sending: [second] } },
    },
    {
      name: 'a lane that lines up again after an attempt stands behind the others (Q3)',
      given: [
        loaded,
        request(first),
        request(second),
        request(third),
        giveBack(first),
        request(first),
      ],
      when: giveBack(third),
      expected: {
        value: 'running',
        commands: [grant(first)],
        context: { line: [], sending: [second, first] },
      },
    },
    {
      name: 'a slot that is passed on goes to the lane that waits longest, and who had it waits behind the others (Q15)',
      given: [loaded, request(first), request(second), request(third), request(fourth)],
      when: passOn(first),
      expected: {
        value: 'running',
        commands: [grant(third)],
        context: { line: [fourth, first], sending: [second, third] },
      },
    },
    {
      name: 'a slot that nobody else waits for is granted once more to who passed it on',
      given: [loaded, request(first), request(second)],
      when: passOn(first),
      expected: {
        value: 'running',
        commands: [grant(first)],
        context: { line: [], sending: [second, first] },
      },
    },
    {
      name: 'a lane that changes its mind loses its place in the line',
      given: [loaded, request(first), request(second), request(third), request(fourth)],
      when: withdraw(third),
      expected: {
        value: 'running',
        commands: [],
        context: { line: [fourth], sending: [first, second] },
      },
    },
    {
      name: 'a lane that changes its mind when it has a slot keeps it until it returns it',
      given: [loaded, request(first)],
      when: withdraw(first),
      expected: { value: 'running', commands: [], context: { line: [], sending: [first] } },
    },
    {
      name: 'with nothing in flight the engine is closed at once (Q19)',
      given: [loaded],
      when: close,
      expected: { value: 'closed', commands: [closed] },
    },
    {
      name: 'with something in flight the engine stops new sends and lets it finish (Q19)',
      given: [loaded, request(first), request(second), request(third)],
      when: close,
      expected: {
        value: 'closing',
        commands: [],
        context: { line: [], sending: [first, second] },
      },
    },

    // Closing
    {
      name: 'a lane that asks while the engine is closing gets no slot (Q19)',
      given: [loaded, request(first), close],
      when: request(second),
      expected: { value: 'closing', commands: [], context: { line: [], sending: [first] } },
    },
    {
      name: 'a slot freed while another is in use is not given away, and closes nothing (Q19)',
      given: [loaded, request(first), request(second), close],
      when: giveBack(first),
      expected: { value: 'closing', commands: [], context: { line: [], sending: [second] } },
    },
    {
      name: 'the last slot that is returned closes the engine (Q19)',
      given: [loaded, request(first), request(second), close, giveBack(first)],
      when: giveBack(second),
      expected: { value: 'closed', commands: [closed], context: { sending: [] } },
    },
    {
      name: 'a slot that is passed on while the engine is closing is given up like any other (Q19)',
      given: [loaded, request(first), request(second), close],
      when: passOn(first),
      expected: { value: 'closing', commands: [], context: { line: [], sending: [second] } },
    },
    {
      name: 'the last slot that is passed on closes the engine (Q19)',
      given: [loaded, request(first), request(second), close, passOn(first)],
      when: passOn(second),
      expected: { value: 'closed', commands: [closed], context: { line: [], sending: [] } },
    },
    {
      name: 'past its deadline close() waits for nothing more (Q19)',
      given: [loaded, request(first), close],
      when: deadline,
      expected: { value: 'closed', commands: [closed] },
    },
  ],
}
