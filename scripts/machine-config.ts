// A machine's configuration as plain lists, for what is made from it: its diagram, and the test that
// removes one thing after another.

import { and, type AnyStateMachine, not, stateIn } from 'xstate'

export type Action =
  string | { readonly type: string; readonly params?: object | ((args: never) => object) }

export type Guard =
  string | { readonly type: string; readonly params?: object } | ((...args: never[]) => boolean)

export interface Transition {
  readonly target?: string
  readonly guard?: Guard
  readonly actions: readonly Action[]
}

export interface State {
  readonly type?: 'parallel' | 'final'
  readonly initial?: string
  readonly entry: readonly Action[]
  readonly exit: readonly Action[]
  /** By event, the candidates in the order in which they are tried. */
  readonly on: Readonly<Record<string, readonly Transition[]>>
  readonly states: Readonly<Record<string, State>>
}

type OneOrMore<T> = T | readonly T[]

/** A state as XState lets it be written. */
interface WrittenState extends Pick<State, 'type' | 'initial'> {
  readonly entry?: OneOrMore<Action>
  readonly exit?: OneOrMore<Action>
  readonly on?: Record<string, OneOrMore<Partial<Record<keyof Transition, unknown>>>>
  readonly states?: Record<string, WrittenState>
}

/** What the configuration may hold besides; a machine that uses more has outgrown this file. */
const KNOWN = new Set('id type context initial entry exit on states schemas'.split(' '))

export function configOf(machine: AnyStateMachine): State {
  return normalised(machine.config as WrittenState)
}

function normalised(written: WrittenState): State {
  const unknown = Object.keys(written).filter((key) => !KNOWN.has(key))
  if (unknown.length > 0) throw new Error(`machine-config does not know: ${unknown.join(', ')}`)
  const { on = {}, states = {} } = written
  return {
    ...written,
    entry: list(written.entry),
    exit: list(written.exit),
    on: mapped(on, (candidates) =>
      list(candidates).map((candidate) => {
        const actions = list(candidate.actions as OneOrMore<Action> | undefined)
        return { ...candidate, actions } as Transition
      }),
    ),
    states: mapped(states, normalised),
  }
}

function list<T>(value: OneOrMore<T> | undefined): readonly T[] {
  if (value === undefined) return []
  return Array.isArray(value) ? (value as readonly T[]) : [value as T]
}

function mapped<From, To>(record: Record<string, From>, map: (value: From) => To) {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]))
}

/** What XState's guard combinators leave on the functions they return. */
interface Combined {
  readonly check?: unknown
  readonly guards?: readonly Guard[]
  readonly stateValue?: unknown
}

const checkOf = (guard: unknown) => (guard as Combined).check
const [AND, NOT, STATE_IN] = [and([]), not('x'), stateIn('x')].map(checkOf)

/** The guards that `and([…])` joins; any other guard stands alone. */
export function operandsOf(guard: Guard): readonly Guard[] {
  return checkOf(guard) === AND ? ((guard as Combined).guards ?? []) : [guard]
}

export function guardText(guard: Guard): string {
  if (typeof guard === 'string') return guard
  if (typeof guard === 'object') return guard.type + paramsText(guard.params)
  const { check, guards = [], stateValue } = guard as Combined
  if (check === AND) return guards.map(guardText).join(' and ')
  if (check === NOT) return `not ${guards.map(guardText).join()}`
  if (check === STATE_IN) return `in ${stateText(stateValue)}`
  throw new Error('a guard that is written into the configuration')
}

export function actionText(action: Action): string {
  return typeof action === 'string' ? action : action.type + paramsText(action.params)
}

function paramsText(params: object | undefined): string {
  if (params === undefined) return ''
  return `(${typeof params === 'function' ? params.name : Object.values(params).join(', ')})`
}

function stateText(value: unknown): string {
  if (typeof value === 'string') return value
  return Object.entries(value as object)
    .map(([region, state]) => `${region}.${stateText(state)}`)
    .join(' and ')
}
