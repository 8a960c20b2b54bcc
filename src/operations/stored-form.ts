/**
 * What is stored of a payload (Q14). It is the output of the schema, as JSON, so that defaults, time stamps and
 * random ids are drawn once. Each later reading passes through the schema again, and must come to the same output:
 * where the schema does not take its own output, its input is stored.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Checked, Unfit } from './checked.ts'

export type StoredForm = { readonly ok: true; readonly text: string } | Unfit

/** Most schemas answer at once. */
export type Maybe<T> = T | Promise<T>

type Validate = (value: unknown) => Maybe<Checked>

const DRAWS =
  'the schema draws something (a random id, a time stamp) that its output does not carry in a form that the schema takes again'

/** `text` is the payload as the app gave it, as JSON, and `first` is what the schema said of it. */
export function storedForm(text: string, first: Checked, validate: Validate): Maybe<StoredForm> {
  if (!first.ok) return first
  const output = jsonOf(first.payload)
  // The schema has just taken this text, and come to this text: that is all that a second run would tell.
  if (output === text) return { ok: true, text }
  if (typeof output !== 'string') return inputForm(text, first.payload, validate)
  return whenKnown(validate(JSON.parse(output)), (second) =>
    second.ok && isSame(second.payload, first.payload)
      ? { ok: true, text: output }
      : inputForm(text, first.payload, validate),
  )
}

function inputForm(text: string, output: unknown, validate: Validate): Maybe<StoredForm> {
  return whenKnown(validate(JSON.parse(text)), (again) =>
    again.ok && isSame(again.payload, output) ? { ok: true, text } : { ok: false, why: DRAWS },
  )
}

export function whenKnown<T, U>(value: Maybe<T>, then: (value: T) => Maybe<U>): Maybe<U> {
  return value instanceof Promise ? value.then(then) : then(value)
}

/** True if both outputs are the same as JSON, whatever the order of keys. Outputs that are no JSON are compared as they are. */
function isSame(one: unknown, other: unknown): boolean {
  const text = jsonOf(one)
  const otherText = jsonOf(other)
  if (text === NO_JSON || otherText === NO_JSON) return isEqual(one, other)
  if (text === otherText) return true
  if (text === undefined || otherText === undefined) return false
  return isDeepStrictEqual(JSON.parse(text), JSON.parse(otherText))
}

/** An object that cannot even be compared is the same as none. */
function isEqual(one: unknown, other: unknown): boolean {
  try {
    return isDeepStrictEqual(one, other)
  } catch {
    return false
  }
}

/** What `JSON.stringify()` cannot take: a bigint, or an object that holds itself. */
const NO_JSON = Symbol('no JSON')

/** Undefined: JSON leaves such a value out. */
function jsonOf(value: unknown): string | undefined | typeof NO_JSON {
  try {
    return JSON.stringify(value)
  } catch {
    return NO_JSON
  }
}
