/**
 * Actor logic around a machine that remembers its transitions. A machine is pure: in the same state the same event leads to
 * the same state and the same commands. Most events repeat in a few states, and XState takes several microseconds for each
 * transition, up to a hundred when its code has not run for a while.
 */
import type { AnyEventObject, AnyMachineSnapshot, AnyStateMachine } from 'xstate'

/** Keys of states and events. Two states or events with the same key must be the same to the machine. */
export interface MemoKeys {
  /** Null: the transitions of this state are not remembered. */
  readonly ofState: (snapshot: never) => string | null
  readonly ofEvent: (event: never) => string | null
}

interface Decision {
  readonly next: AnyMachineSnapshot
  readonly emitted: readonly AnyEventObject[]
}

/**
 * Size limit of the memo. Only engines with many lanes reach it, and their entries are rarely used twice, so the memo is
 * cleared then.
 */
const MOST_DECISIONS = 256

/** The machine, for one actor alone: the remembered commands name the lane of that actor. */
export function memoizeTransitions<Machine extends AnyStateMachine>(
  machine: Machine,
  { ofState, ofEvent }: MemoKeys,
): Machine {
  /** The first snapshot of each state stands for all of them, and its transitions are remembered by it. */
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
  const getInitialSnapshot: AnyStateMachine['getInitialSnapshot'] = (scope, input) =>
    alike(machine.getInitialSnapshot(scope, input))
  return Object.create(machine, {
    transition: { value: transition },
    getInitialSnapshot: { value: getInitialSnapshot },
  }) as Machine
}
