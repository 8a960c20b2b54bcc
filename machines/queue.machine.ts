/**
 * The queue: the life of the engine, and the slots that lanes take turns in (Q3, Q19).
 *
 * - `starting`: storage is being read. Lanes may line up; nobody gets a slot.
 * - `running`: a lane that lines up gets a slot when one is free, first come first served. A lane
 *   that ended an attempt lines up again behind the others: that is how they take turns.
 * - `closing`: no new slots. It lasts until nothing is in flight, or the deadline has passed.
 * - `closed`: the end. Nothing may be in flight that anybody still waits for.
 *
 * A slot is held from `slot.granted` to `slot.returned`, or `slot.passedOn`: then the lane lines up again, behind
 * the others. A lane is in the line at most once, and not
 * while it holds a slot: it may ask again before it has heard that it was granted one.
 */
import { assign, emit, enqueueActions, setup } from 'xstate'
import type { LaneId } from '../src/model.ts'

export type QueueEvent =
  | { readonly type: 'storage.loaded' }
  | { readonly type: 'slot.requested'; readonly lane: LaneId }
  | { readonly type: 'slot.withdrawn'; readonly lane: LaneId }
  | { readonly type: 'slot.returned'; readonly lane: LaneId }
  | { readonly type: 'slot.passedOn'; readonly lane: LaneId }
  | { readonly type: 'close.requested' }
  | { readonly type: 'deadline.passed' }

export type QueueCommand =
  { readonly type: 'slot.granted'; readonly lane: LaneId } | { readonly type: 'queue.closed' }

export interface QueueContext {
  /** How many attempts may be under way at once, in all. */
  readonly slots: number
  /** Lanes that may send and wait for a slot, the longest-waiting first. */
  readonly line: readonly LaneId[]
  /** Lanes whose attempt is under way. */
  readonly sending: readonly LaneId[]
}

export interface QueueInput {
  readonly slots: number
}

function isGivenUp(
  event: QueueEvent,
): event is Extract<QueueEvent, { type: 'slot.returned' | 'slot.passedOn' }> {
  return event.type === 'slot.returned' || event.type === 'slot.passedOn'
}

export const queueMachine = setup({
  types: {} as {
    context: QueueContext
    input: QueueInput
    events: QueueEvent
    emitted: QueueCommand
  },
  guards: {
    isLastSending: ({ context, event }) =>
      isGivenUp(event) && context.sending.every((lane) => lane === event.lane),
    isNothingSending: ({ context }) => context.sending.length === 0,
  },
  actions: {
    joinLine: assign(({ context, event }) =>
      (event.type === 'slot.requested' || event.type === 'slot.passedOn') &&
      !context.line.includes(event.lane) &&
      !context.sending.includes(event.lane)
        ? { line: [...context.line, event.lane] }
        : {},
    ),
    leaveLine: assign(({ context, event }) =>
      event.type === 'slot.withdrawn'
        ? { line: context.line.filter((lane) => lane !== event.lane) }
        : {},
    ),
    freeSlot: assign(({ context, event }) =>
      isGivenUp(event) ? { sending: context.sending.filter((lane) => lane !== event.lane) } : {},
    ),
    grantSlots: enqueueActions(({ context, enqueue }) => {
      const granted = context.line.slice(0, Math.max(0, context.slots - context.sending.length))
      if (granted.length === 0) return
      enqueue.assign({
        line: context.line.slice(granted.length),
        sending: [...context.sending, ...granted],
      })
      for (const lane of granted) enqueue.emit({ type: 'slot.granted', lane })
    }),
    clearLine: assign({ line: [] }),
    reportClosed: emit({ type: 'queue.closed' }),
  },
}).createMachine({
  id: 'queue',
  context: ({ input }) => ({ slots: input.slots, line: [], sending: [] }),
  initial: 'starting',
  states: {
    starting: {
      on: {
        'storage.loaded': { target: 'running', actions: 'grantSlots' },
        'slot.requested': { actions: 'joinLine' },
        'slot.withdrawn': { actions: 'leaveLine' },
        'close.requested': { target: 'closed', actions: 'reportClosed' },
      },
    },
    running: {
      on: {
        'slot.requested': { actions: ['joinLine', 'grantSlots'] },
        'slot.withdrawn': { actions: 'leaveLine' },
        'slot.returned': { actions: ['freeSlot', 'grantSlots'] },
        'slot.passedOn': { actions: ['freeSlot', 'joinLine', 'grantSlots'] },
        'close.requested': [
          { guard: 'isNothingSending', target: 'closed', actions: 'reportClosed' },
          { target: 'closing', actions: 'clearLine' },
        ],
      },
    },
    closing: {
      on: {
        'slot.returned': [
          { guard: 'isLastSending', target: 'closed', actions: ['freeSlot', 'reportClosed'] },
          { actions: 'freeSlot' },
        ],
        'slot.passedOn': [
          { guard: 'isLastSending', target: 'closed', actions: ['freeSlot', 'reportClosed'] },
          { actions: 'freeSlot' },
        ],
        'deadline.passed': { target: 'closed', actions: 'reportClosed' },
      },
    },
    closed: { type: 'final' },
  },
})
