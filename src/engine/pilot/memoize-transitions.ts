/**
 * Actor logic around a machine that remembers what it has decided. A machine is pure: what it answered to an event in
 * one state, it answers again. Most of what it is told it has been told before, in the same few states, and XState takes
 * several microseconds to find that out, a hundred where its code has not run for a while.
 */
import type { AnyEventObject, AnyMachineSnapshot, AnyStateMachine } from 'xstate'

/** Which states are the same, and which events: all that the machine may look at must be in these words. */
export interface MemoKeys {
  /** Null: not worth memoizeTransitions. */
  readonly ofState: (snapshot: never) => string | null
  readonly ofEvent: (event: never) => string | null
}

interface Decision {
  readonly next: AnyMachineSnapshot
  readonly emitted: readonly AnyEventObject[]
}

/** More than this are those of many lanes, which hardly come again: then all are forgotten. */
const MOST_DECISIONS = 256

/** The machine, for one actor alone: what is remembered names the lane of that actor. */
export function memoizeTransitions<Machine extends AnyStateMachine>(
  machine: Machine,
  { ofState, ofEvent }: MemoKeys,
): Machine {
  /** One snapshot stands for all that are alike; what it has decided in that state. */
  const states = new Map<string, AnyMachineSnapshot>()
  let decisions = new WeakMap<AnyMachineSnapshot, Map<string, Decision>>()
  let decisionCount = 0

  function alike(snapshot: AnyMachineSnapshot): AnyMachineSnapshot {
    const words = snapshot.status === 'active' ? ofState(snapshot as never) : null
    if (words === null) return snapshot
    const known = states.get(words)
    if (known !== undefined) return known
    states.set(words, snapshot)
    decisions.set(snapshot, new Map())
    return snapshot
  }

  const transition: AnyStateMachine['transition'] = (snapshot, event, scope) => {
    const words = ofEvent(event as never)
    const ofThisState = words === null ? undefined : decisions.get(snapshot)
    if (words === null || ofThisState === undefined) {
      return alike(machine.transition(snapshot, event, scope))
    }
    const known = ofThisState.get(words)
    if (known !== undefined) {
      for (const command of known.emitted) scope.defer(() => scope.emit(command))
      return known.next
    }
    const emitted: AnyEventObject[] = []
    const emit = (command: AnyEventObject) => {
      emitted.push(command)
      scope.emit(command)
    }
    const next = alike(machine.transition(snapshot, event, { ...scope, emit }))
    ofThisState.set(words, { next, emitted })
    decisionCount += 1
    if (decisionCount > MOST_DECISIONS) {
      states.clear()
      decisions = new WeakMap()
      decisionCount = 0
    }
    return next
  }
  return Object.create(machine, { transition: { value: transition } }) as Machine
}
