/** What may happen to the queue, and what holds on every step. */
import { isDeepStrictEqual } from 'node:util'
import type { QueueEvent, queueMachine } from '../../machines/queue.machine.ts'
import type { LaneId } from '../../src/model.ts'
import { has, isUnique } from './told.ts'
import type { Bounds, Invariants } from './walk.ts'

const lanes = [1, 2, 3] as LaneId[]
const queueEvents: readonly QueueEvent[] = [
  { type: 'storage.loaded' },
  { type: 'close.requested' },
  { type: 'deadline.passed' },
  ...lanes.flatMap((lane): QueueEvent[] => [
    { type: 'slot.requested', lane },
    { type: 'slot.withdrawn', lane },
    { type: 'slot.returned', lane },
    { type: 'slot.passedOn', lane },
  ]),
]

export const queueBounds: Bounds<typeof queueMachine> = {
  input: { slots: 2 },
  events: ({ status }) => (status === 'active' ? queueEvents : []),
}

export const queueInvariants: Invariants<typeof queueMachine> = {
  'no more lanes send than there are slots (Q3)': ({ after }) =>
    after.context.sending.length <= after.context.slots,
  'a lane is at most once in the line and the slots together (Q3)': ({ after }) =>
    isUnique([...after.context.line, ...after.context.sending]),
  'no slot is free while a lane waits for one (Q15)': ({ after }) =>
    after.value !== 'running' ||
    after.context.line.length === 0 ||
    after.context.sending.length === after.context.slots,
  'a slot is granted exactly to those who have one from now on, and only when running (Q19)': ({
    before,
    after,
    commands,
    event,
  }) => {
    const granted = commands.flatMap((command) =>
      command.type === 'slot.granted' ? [command.lane] : [],
    )
    // Who passes its slot on may be the only one who wants it.
    const kept = before.context.sending.filter(
      (lane) => event.type !== 'slot.passedOn' || lane !== event.lane,
    )
    const fresh = after.context.sending.filter((lane) => !kept.includes(lane))
    return isDeepStrictEqual(granted, fresh) && (granted.length === 0 || after.value === 'running')
  },
  'a closing engine has something in flight, and nobody in the line (Q19)': ({ after }) =>
    after.value !== 'closing' ||
    (after.context.sending.length > 0 && after.context.line.length === 0),
  'it says that it is closed exactly when it closes (Q19)': ({ after, commands }) =>
    has(commands, 'queue.closed') === (after.value === 'closed'),
}
