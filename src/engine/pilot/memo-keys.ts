/** When lanes, and the queue, are in the same state, and told the same: in words (`memoize-transitions.ts`). */
import type { SnapshotFrom } from 'xstate'
import type { LaneEvent } from '../../../machines/lane.machine.ts'
import type { QueueEvent } from '../../../machines/queue.machine.ts'
import type { Machines } from './machines.ts'
import type { MemoKeys } from './memoize-transitions.ts'

/** Without holds, a lane knows nothing but its number. */
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

/** Where lanes stand in line, it hardly ever is as it was. */
export const QUEUE_MEMO_KEYS: MemoKeys = {
  ofState: ({ value, context }: SnapshotFrom<Machines['queue']>) =>
    context.line.length === 0 ? `${value} ${context.sending.join()}` : null,
  ofEvent: (event: QueueEvent) => ('lane' in event ? `${event.type} ${event.lane}` : null),
}
