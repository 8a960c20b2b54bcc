/** What may happen to a lane, and what holds on every step. */
import type { Hold } from '../../machines/holds.ts'
import type { LaneEvent, laneMachine } from '../../machines/lane.machine.ts'
import type { LaneId } from '../../src/model.ts'
import { has, isUnique } from './told.ts'
import type { Bounds, Invariants, Step } from './walk.ts'

const hold = (name: Hold['name']): Hold => ({ name, cause: 'a test', since: 0 })

const laneEvents: readonly LaneEvent[] = [
  { type: 'operations.arrived' },
  { type: 'operations.gone' },
  { type: 'slot.granted' },
  ...[true, false].flatMap((slotWanted): LaneEvent[] => [
    { type: 'attempt.ended', pending: true, slotWanted },
    { type: 'attempt.ended', pending: false, slotWanted },
  ]),
  ...(['paused', 'offline', 'awaiting-token'] as const).flatMap((name): LaneEvent[] => [
    { type: 'hold.set', hold: hold(name) },
    { type: 'hold.lifted', name },
  ]),
]

type LaneStep = Step<typeof laneMachine>
const asks = ({ value, context }: LaneStep['before']) =>
  value === 'waiting' && context.holds.length === 0

/** A lane that goes on in its slot begins to send anew. */
const begins = ({ before, event, after }: LaneStep) =>
  after.value === 'sending' &&
  (before.value !== 'sending' || (event.type === 'attempt.ended' && event.pending))

export const laneBounds: Bounds<typeof laneMachine> = {
  input: { lane: 1 as LaneId, holds: [] },
  events: () => laneEvents,
}

export const laneInvariants: Invariants<typeof laneMachine> = {
  'a lane begins to send only while nothing holds it (Q18)': (step) =>
    !begins(step) || step.before.context.holds.length === 0,
  'a lane goes on in its slot only while nobody waits for it (Q3)': ({ before, event, after }) =>
    before.value !== 'sending' ||
    event.type !== 'attempt.ended' ||
    !event.slotWanted ||
    after.value !== 'sending',
  'an attempt is asked for exactly when a lane begins to send (Q3)': (step) =>
    has(step.commands, 'attempt.requested') === begins(step),
  'a hold is in the set at most once (Q18)': ({ after }) =>
    isUnique(after.context.holds.map(({ name }) => name)),
  'a hold is told exactly when it joins or leaves the set (Q18)': (step) => {
    const { before, after, commands } = step
    const grown = after.context.holds.length - before.context.holds.length
    return has(commands, 'lane.held') === grown > 0 && has(commands, 'lane.released') === grown < 0
  },
  'a slot is asked for exactly when a lane may send from now on (Q15)': (step) =>
    (has(step.commands, 'slot.requested') || has(step.commands, 'slot.passedOn')) ===
    (!asks(step.before) && asks(step.after)),
  'the request is withdrawn exactly when it is not wanted any more (Q18)': (step) =>
    has(step.commands, 'slot.withdrawn') ===
    (asks(step.before) && !asks(step.after) && step.after.value !== 'sending'),
  'a slot is returned when the attempt is over, or when it is not used (Q3)': (step) =>
    (has(step.commands, 'slot.returned') || has(step.commands, 'slot.passedOn')) ===
    ((step.before.value === 'sending' && step.after.value !== 'sending') ||
      (step.event.type === 'slot.granted' &&
        step.before.value !== 'sending' &&
        step.after.value !== 'sending')),
  'a lane idles exactly when it becomes empty': (step) =>
    has(step.commands, 'lane.idled') ===
    (step.before.value !== 'empty' && step.after.value === 'empty'),
}
