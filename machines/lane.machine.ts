/**
 * The lane: the ordered line of one owner's operations, as a pilot sees it.
 *
 * - `empty`: nothing is pending. Its actor is stopped here (`lane.idled`).
 * - `waiting`: something is pending and nothing is in flight. With no hold set the lane has asked
 *   for a slot (`slot.requested`); the first hold takes the request back (`slot.withdrawn`).
 * - `sending`: the slot is the lane's. One attempt is under way, from its preparation to the commit
 *   that records what it came to (Q3: at most one write in flight). Holds set meanwhile stop the
 *   next attempt, never this one.
 *
 * Where more is pending after an attempt, the lane keeps the slot for the next one if nobody else waits for it.
 * Else the slot is passed on, and the lane lines up again, in one word (`slot.passedOn`).
 *
 * A slot that is granted after the lane has changed its mind is returned at once (`slot.returned`).
 * It knows no operations, rows, times or tokens: only whether something is pending and what holds it.
 */
import { and, assertEvent, assign, emit, not, setup } from 'xstate'
import type { LaneId } from '../src/model.ts'
import type { Hold, HoldName } from './holds.ts'

export type LaneEvent =
  | { readonly type: 'operations.arrived' }
  | { readonly type: 'operations.gone' }
  | { readonly type: 'hold.set'; readonly hold: Hold }
  | { readonly type: 'hold.lifted'; readonly name: HoldName }
  | { readonly type: 'slot.granted' }
  | {
      readonly type: 'attempt.ended'
      readonly pending: boolean
      /** Does another lane wait for its slot, or is none given any more? */
      readonly slotWanted: boolean
    }

export type LaneCommand =
  | { readonly type: 'slot.requested'; readonly lane: LaneId }
  | { readonly type: 'slot.withdrawn'; readonly lane: LaneId }
  | { readonly type: 'slot.returned'; readonly lane: LaneId }
  | { readonly type: 'slot.passedOn'; readonly lane: LaneId }
  | { readonly type: 'attempt.requested'; readonly lane: LaneId }
  | { readonly type: 'lane.held'; readonly lane: LaneId; readonly hold: Hold }
  | { readonly type: 'lane.released'; readonly lane: LaneId; readonly name: HoldName }
  | { readonly type: 'lane.idled'; readonly lane: LaneId }

export interface LaneContext {
  readonly lane: LaneId
  readonly holds: readonly Hold[]
}

export interface LaneInput {
  readonly lane: LaneId
  readonly holds: readonly Hold[]
}

const has = (holds: readonly Hold[], name: HoldName): boolean =>
  holds.some((hold) => hold.name === name)

export const laneMachine = setup({
  types: {} as {
    context: LaneContext
    input: LaneInput
    events: LaneEvent
    emitted: LaneCommand
  },
  guards: {
    isFree: ({ context }) => context.holds.length === 0,
    isPending: ({ event }) => event.type === 'attempt.ended' && event.pending,
    isSlotWanted: ({ event }) => event.type === 'attempt.ended' && event.slotWanted,
    isNewHold: ({ context, event }) =>
      event.type === 'hold.set' && !has(context.holds, event.hold.name),
    isFirstHold: ({ context, event }) => event.type === 'hold.set' && context.holds.length === 0,
    isHeldBy: ({ context, event }) =>
      event.type === 'hold.lifted' && has(context.holds, event.name),
    isLastHold: ({ context, event }) =>
      event.type === 'hold.lifted' && context.holds.length === 1 && has(context.holds, event.name),
  },
  actions: {
    requestSlot: emit(({ context }) => ({ type: 'slot.requested', lane: context.lane })),
    withdrawSlot: emit(({ context }) => ({ type: 'slot.withdrawn', lane: context.lane })),
    returnSlot: emit(({ context }) => ({ type: 'slot.returned', lane: context.lane })),
    passSlotOn: emit(({ context }) => ({ type: 'slot.passedOn', lane: context.lane })),
    requestAttempt: emit(({ context }) => ({ type: 'attempt.requested', lane: context.lane })),
    reportIdle: emit(({ context }) => ({ type: 'lane.idled', lane: context.lane })),
    addHold: assign(({ context, event }) => {
      assertEvent(event, 'hold.set')
      return { holds: [...context.holds, event.hold] }
    }),
    reportHeld: emit(({ context, event }) => {
      assertEvent(event, 'hold.set')
      return { type: 'lane.held', lane: context.lane, hold: event.hold }
    }),
    removeHold: assign(({ context, event }) => {
      assertEvent(event, 'hold.lifted')
      return { holds: context.holds.filter((hold) => hold.name !== event.name) }
    }),
    reportReleased: emit(({ context, event }) => {
      assertEvent(event, 'hold.lifted')
      return { type: 'lane.released', lane: context.lane, name: event.name }
    }),
  },
}).createMachine({
  id: 'lane',
  context: ({ input }) => ({ lane: input.lane, holds: input.holds }),
  initial: 'empty',
  on: {
    'hold.set': { guard: 'isNewHold', actions: ['reportHeld', 'addHold'] },
    'hold.lifted': { guard: 'isHeldBy', actions: ['reportReleased', 'removeHold'] },
  },
  states: {
    empty: {
      on: {
        'operations.arrived': [
          { guard: 'isFree', target: 'waiting', actions: 'requestSlot' },
          { target: 'waiting' },
        ],
        'slot.granted': { actions: 'returnSlot' },
      },
    },
    waiting: {
      on: {
        // Any other hold as in every state.
        'hold.set': {
          guard: 'isFirstHold',
          actions: ['withdrawSlot', 'reportHeld', 'addHold'],
        },
        'hold.lifted': {
          guard: 'isLastHold',
          actions: ['reportReleased', 'removeHold', 'requestSlot'],
        },
        'slot.granted': [
          { guard: 'isFree', target: 'sending', actions: 'requestAttempt' },
          { actions: 'returnSlot' },
        ],
        'operations.gone': [
          { guard: 'isFree', target: 'empty', actions: ['withdrawSlot', 'reportIdle'] },
          { target: 'empty', actions: 'reportIdle' },
        ],
      },
    },
    sending: {
      on: {
        'attempt.ended': [
          { guard: and(['isPending', 'isFree', not('isSlotWanted')]), actions: 'requestAttempt' },
          { guard: and(['isPending', 'isFree']), target: 'waiting', actions: 'passSlotOn' },
          { guard: 'isPending', target: 'waiting', actions: 'returnSlot' },
          { target: 'empty', actions: ['returnSlot', 'reportIdle'] },
        ],
      },
    },
  },
})
