import type { Hold } from '../../machines/holds.ts'
import type { laneMachine } from '../../machines/lane.machine.ts'
import type { LaneId } from '../../src/model.ts'
import type { Table } from './run-table.ts'

const lane = 7 as LaneId

const paused: Hold = { name: 'paused', cause: 'pause() was called', since: 100 }
const pausedLater: Hold = { name: 'paused', cause: 'pause() was called again', since: 200 }
const offline: Hold = { name: 'offline', cause: 'no network', since: 300 }

const arrived = { type: 'operations.arrived' } as const
const gone = { type: 'operations.gone' } as const
const granted = { type: 'slot.granted' } as const
const endedWithMore = { type: 'attempt.ended', pending: true, slotWanted: false } as const
const endedWithNone = { type: 'attempt.ended', pending: false, slotWanted: false } as const
const slotWanted = { slotWanted: true } as const
const set = (hold: Hold) => ({ type: 'hold.set', hold }) as const
const lift = (name: Hold['name']) => ({ type: 'hold.lifted', name }) as const

const requestSlot = { type: 'slot.requested', lane } as const
const withdrawSlot = { type: 'slot.withdrawn', lane } as const
const returnSlot = { type: 'slot.returned', lane } as const
const passSlotOn = { type: 'slot.passedOn', lane } as const
const requestAttempt = { type: 'attempt.requested', lane } as const
const idled = { type: 'lane.idled', lane } as const
const held = (hold: Hold) => ({ type: 'lane.held', lane, hold }) as const
const released = (name: Hold['name']) => ({ type: 'lane.released', lane, name }) as const

export const laneTable: Table<typeof laneMachine> = {
  input: { lane, holds: [] },
  rows: [
    // Empty
    {
      name: 'a new lane is empty and asks for nothing',
      given: [],
      when: 'start',
      expected: { value: 'empty', commands: [], context: { lane, holds: [] } },
    },
    {
      name: 'a lane begins with the holds it is given (Q18)',
      input: { holds: [paused] },
      given: [],
      when: 'start',
      expected: { value: 'empty', commands: [], context: { holds: [paused] } },
    },
    {
      name: 'a first operation asks for a slot at once (Q15)',
      given: [],
      when: arrived,
      expected: { value: 'waiting', commands: [requestSlot] },
    },
    {
      name: 'a first operation of a held lane asks for no slot (Q18)',
      given: [set(paused)],
      when: arrived,
      expected: { value: 'waiting', commands: [] },
    },
    {
      name: 'a hold set on an empty lane is told, and nothing is withdrawn (Q18)',
      given: [],
      when: set(paused),
      expected: { value: 'empty', commands: [held(paused)], context: { holds: [paused] } },
    },
    {
      name: 'a hold set twice keeps its first cause and time, and is told once (Q18)',
      given: [set(paused)],
      when: set(pausedLater),
      expected: { value: 'empty', commands: [], context: { holds: [paused] } },
    },
    {
      name: 'a hold lifted from an empty lane is told, and no slot is asked for (Q18)',
      given: [set(paused)],
      when: lift('paused'),
      expected: { value: 'empty', commands: [released('paused')], context: { holds: [] } },
    },
    {
      name: 'lifting a hold that is not set does nothing (Q18)',
      given: [set(paused)],
      when: lift('offline'),
      expected: { value: 'empty', commands: [], context: { holds: [paused] } },
    },
    {
      name: 'a slot that comes when everything is gone is returned at once (Q3)',
      given: [],
      when: granted,
      expected: { value: 'empty', commands: [returnSlot] },
    },

    // Waiting
    {
      name: 'a later operation asks for no second slot (Q3)',
      given: [arrived],
      when: arrived,
      expected: { value: 'waiting', commands: [] },
    },
    {
      name: 'the first hold takes the request for a slot back (Q18)',
      given: [arrived],
      when: set(paused),
      expected: {
        value: 'waiting',
        commands: [withdrawSlot, held(paused)],
        context: { holds: [paused] },
      },
    },
    {
      name: 'a second hold finds nothing to take back (Q18)',
      given: [arrived, set(paused)],
      when: set(offline),
      expected: {
        value: 'waiting',
        commands: [held(offline)],
        context: { holds: [paused, offline] },
      },
    },
    {
      name: 'a hold set twice on a waiting lane does nothing (Q18)',
      given: [arrived, set(paused)],
      when: set(pausedLater),
      expected: { value: 'waiting', commands: [], context: { holds: [paused] } },
    },
    {
      name: 'with its last hold lifted a waiting lane asks for a slot at once (Q15)',
      given: [arrived, set(paused)],
      when: lift('paused'),
      expected: {
        value: 'waiting',
        commands: [released('paused'), requestSlot],
        context: { holds: [] },
      },
    },
    {
      name: 'with one hold of two lifted a lane still waits (Q18)',
      given: [arrived, set(paused), set(offline)],
      when: lift('paused'),
      expected: { value: 'waiting', commands: [released('paused')], context: { holds: [offline] } },
    },
    {
      name: 'lifting a hold that is not set asks for no slot while another is (Q18)',
      given: [arrived, set(paused)],
      when: lift('offline'),
      expected: { value: 'waiting', commands: [], context: { holds: [paused] } },
    },
    {
      name: 'lifting a hold that is not set asks for no second slot (Q18)',
      given: [arrived],
      when: lift('paused'),
      expected: { value: 'waiting', commands: [] },
    },
    {
      name: 'a lane with a slot and no hold makes an attempt (Q3)',
      given: [arrived],
      when: granted,
      expected: { value: 'sending', commands: [requestAttempt] },
    },
    {
      name: 'a slot that comes after a hold is returned, and nothing is sent (Q18)',
      given: [arrived, set(paused)],
      when: granted,
      expected: { value: 'waiting', commands: [returnSlot] },
    },
    {
      name: 'a lane whose operations are all gone withdraws its request and idles (Q10)',
      given: [arrived],
      when: gone,
      expected: { value: 'empty', commands: [withdrawSlot, idled] },
    },
    {
      name: 'a held lane whose operations are all gone idles, with nothing to withdraw (Q10)',
      given: [arrived, set(paused)],
      when: gone,
      expected: { value: 'empty', commands: [idled] },
    },

    // Sending
    {
      name: 'a hold set during an attempt is told, and the attempt goes on (Q18)',
      given: [arrived, granted],
      when: set(paused),
      expected: { value: 'sending', commands: [held(paused)], context: { holds: [paused] } },
    },
    {
      name: 'a hold lifted during an attempt is told, and no second slot is asked for (Q3)',
      given: [arrived, granted, set(paused)],
      when: lift('paused'),
      expected: { value: 'sending', commands: [released('paused')], context: { holds: [] } },
    },
    {
      name: 'a lane with an attempt under way makes no second one (Q3)',
      given: [arrived, granted],
      when: granted,
      expected: { value: 'sending', commands: [] },
    },
    {
      name: 'operations that arrive during an attempt wait for its end (Q3)',
      given: [arrived, granted],
      when: arrived,
      expected: { value: 'sending', commands: [] },
    },
    {
      name: 'a lane emptied during an attempt waits for its end (Q10)',
      given: [arrived, granted],
      when: gone,
      expected: { value: 'sending', commands: [] },
    },
    {
      name: 'after an attempt a lane with more to send goes on in a slot that nobody waits for (Q3, Q15)',
      given: [arrived, granted],
      when: endedWithMore,
      expected: { value: 'sending', commands: [requestAttempt] },
    },
    {
      name: 'after an attempt a lane with more to send lines up again, behind the others (Q3)',
      given: [arrived, granted],
      when: { ...endedWithMore, ...slotWanted },
      expected: { value: 'waiting', commands: [passSlotOn] },
    },
    {
      name: 'after an attempt a lane that is held by now lines up no more (Q18)',
      given: [arrived, granted, set(paused)],
      when: endedWithMore,
      expected: { value: 'waiting', commands: [returnSlot], context: { holds: [paused] } },
    },
    {
      name: 'after an attempt a held lane returns a slot that another waits for (Q3, Q18)',
      given: [arrived, granted, set(paused)],
      when: { ...endedWithMore, ...slotWanted },
      expected: { value: 'waiting', commands: [returnSlot], context: { holds: [paused] } },
    },
    {
      name: 'after its last attempt a lane returns the slot and idles',
      given: [arrived, granted],
      when: endedWithNone,
      expected: { value: 'empty', commands: [returnSlot, idled] },
    },
    {
      name: 'after its last attempt a lane returns a slot that another waits for, and idles (Q3)',
      given: [arrived, granted],
      when: { ...endedWithNone, ...slotWanted },
      expected: { value: 'empty', commands: [returnSlot, idled] },
    },
    {
      name: 'after its last attempt a held lane idles too, and keeps its holds',
      given: [arrived, granted, set(paused)],
      when: endedWithNone,
      expected: { value: 'empty', commands: [returnSlot, idled], context: { holds: [paused] } },
    },
  ],
}
