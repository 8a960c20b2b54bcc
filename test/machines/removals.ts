/**
 * Every machine that is like the given one but for one thing: a transition, an action, or a guard
 * (or one of the guards that are joined by `and`) has been removed from its configuration.
 */
import { and, type AnyStateMachine, createMachine } from 'xstate'
import {
  actionText,
  configOf,
  guardText,
  operandsOf,
  type State,
  type Transition,
} from '../../scripts/machine-config.ts'

export interface Removal {
  /** What has been removed, and where from. */
  readonly name: string
  readonly machine: AnyStateMachine
}

type Path = readonly (string | number)[]

export function* removals(machine: AnyStateMachine): Generator<Removal> {
  const config = configOf(machine)
  for (const { name, path, instead } of inState(config, machine.id, [])) {
    yield { name, machine: build(put(config, path, instead), machine) }
  }
}

/** The same machine, taken apart and put together again with nothing removed. */
export function rebuilt(machine: AnyStateMachine): AnyStateMachine {
  return build(configOf(machine), machine)
}

function build(config: unknown, { implementations }: AnyStateMachine): AnyStateMachine {
  return createMachine(
    ...([config, implementations] as unknown as Parameters<typeof createMachine>),
  )
}

interface Place {
  readonly name: string
  readonly path: Path
  /** What stands there in its stead; undefined: nothing. */
  readonly instead?: unknown
}

function* inState(state: State, name: string, path: Path): Generator<Place> {
  for (const when of ['entry', 'exit'] as const) {
    for (const [i, action] of state[when].entries()) {
      yield { name: `${name}: ${when} / ${actionText(action)}`, path: [...path, when, i] }
    }
  }
  for (const [event, candidates] of Object.entries(state.on)) {
    for (const [i, candidate] of candidates.entries()) {
      yield* inTransition(candidate, `${name}: ${event}`, [...path, 'on', event, i])
    }
  }
  for (const [key, child] of Object.entries(state.states)) {
    yield* inState(child, `${name}.${key}`, [...path, 'states', key])
  }
}

function* inTransition(transition: Transition, event: string, path: Path): Generator<Place> {
  const { guard, actions } = transition
  const name = guard === undefined ? event : `${event} [${guardText(guard)}]`
  yield { name, path }
  for (const [i, action] of actions.entries()) {
    yield { name: `${name} / ${actionText(action)}`, path: [...path, 'actions', i] }
  }
  if (guard === undefined) return
  const operands = operandsOf(guard)
  for (const [i, operand] of operands.entries()) {
    const others = operands.toSpliced(i, 1)
    yield {
      name: `${name}: the guard ${guardText(operand)}`,
      path: [...path, 'guard'],
      instead:
        others.length === 0 ? undefined : and(others as unknown as Parameters<typeof and>[0]),
    }
  }
}

/** A copy in which `instead` stands at the path; undefined takes the element or property away. */
function put(value: unknown, [key, ...rest]: Path, instead: unknown): unknown {
  if (key === undefined) return instead
  const copy = Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) }
  const at = copy as Record<string | number, unknown>
  const next = put(at[key], rest, instead)
  if (next !== undefined) at[key] = next
  else if (Array.isArray(copy)) copy.splice(key as number, 1)
  else delete at[key]
  return copy
}
