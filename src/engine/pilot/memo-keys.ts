/** The keys under which the transitions of a lane and of the queue are remembered (`memoize-transitions.ts`). */
import type { SnapshotFrom } from 'xstate'
import type { LaneEvent } from '../../../machines/lane.machine.ts'
import type { QueueEvent } from '../../../machines/queue.machine.ts'
import type { Machines } from './machines.ts'
import type { MemoKeys } from './memoize-transitions.ts'

/** A lane without holds has few states, so its transitions repeat. */
export const LANE_MEMO_KEYS: MemoKeys = {
  ofState: ({ value, context }: SnapshotFrom<Machines['lane']>) =>
    context.holds.length === 0 ? value : null,
  ofEvent: (event: LaneEvent) => {
    switch (event.type) {
      case 'attempt.ended':
        return `${event.type} ${String(event.pending)} ${String(event.slotWanted)}`
      case 'operations.arrived':
      case 'operations.gone':
      case 'slot.granted':
        return event.type
      case 'hold.set':
      case 'hold.lifted':
        return null
    }
  },
}

/** A queue in which lanes wait is rarely in the same state twice. */
export const QUEUE_MEMO_KEYS: MemoKeys = {
  ofState: ({ value, context }: SnapshotFrom<Machines['queue']>) =>
    context.line.length === 0 ? `${value} ${context.sending.join()}` : null,
  ofEvent: (event: QueueEvent) => ('lane' in event ? `${event.type} ${event.lane}` : null),
}
