/** Stored payloads: from JSON text to what a kind's code works on, through `upgrade` and the schema. */
import type { StandardSchemaV1 } from '@standard-schema/spec'

import type { Codec } from '../engine/boundary/boundary.ts'
import { payloadOfSize } from '../engine/boundary/rows-codec.ts'
import { errorOf, isThenable, textOf } from '../thrown.ts'
import type { Checked, Unfit } from './checked.ts'
import type { AnyOperationKind } from './define-operation.ts'
import { isSameJson } from './same-json.ts'
import { type Maybe, storedForm, type StoredForm, whenKnown } from './stored-form.ts'
import { upgraded } from './upgrade.ts'

/** A payload of the current version that is to be stored. */
export interface Given {
  readonly kind: string
  /** JSON text. */
  readonly payload: string
  /** The object that the text was made of, if it is at hand. The schema gets another one, which it may change. */
  readonly given?: unknown
}

/** What is to be stored of a payload; `text` null: the text that was given. */
export type Storable = { readonly ok: true; readonly text: string | null } | Unfit

/** Of a text that the schema has changed, a journal keeps the size. */
export const storableCodec: Codec<Storable | 'later'> = {
  write: (storable) => {
    if (storable === 'later') return storable
    if (!storable.ok) return 'invalid'
    return storable.text === null ? 'valid' : { bytes: Buffer.byteLength(storable.text) }
  },
  read: (json) => {
    if (json === 'later') return 'later'
    if (json === 'valid') return { ok: true, text: null }
    return json === 'invalid'
      ? { ok: false, why: 'replayed' }
      : { ok: true, text: payloadOfSize((json as { readonly bytes: number }).bytes) }
  },
}

/** A message about a payload names so many of its faults. */
const MOST_ISSUES = 5

const UNCHANGED: Storable = { ok: true, text: null }

export class Payloads {
  readonly #specs: ReadonlyMap<string, AnyOperationKind['spec']>

  constructor(specs: ReadonlyMap<string, AnyOperationKind['spec']>) {
    this.#specs = specs
  }

  /** One of the current version, before it is stored. */
  check({ kind, payload: text, given }: Given): Maybe<Storable> {
    const spec = this.#specs.get(kind)
    if (spec === undefined) return { ok: false, why: `the kind ${kind} is unknown` }
    const stored = this.#storedForm(kind, spec, text, given)
    const looksAtOnce = spec.creates !== undefined || spec.needs !== undefined
    return stored instanceof Promise && looksAtOnce
      ? { ok: false, why: 'a kind with creates or needs must have a schema that validates at once' }
      : stored
  }

  /** A stored one of an older version, as it is to be stored in the current version (Q14). */
  upgrade(kind: string, text: string, version: number): Maybe<Storable> {
    const spec = this.#specs.get(kind)
    if (spec === undefined) return { ok: false, why: `the kind ${kind} is unknown` }
    try {
      const given: unknown = JSON.parse(text)
      const value = upgraded(spec.upgrade, given, version, spec.version ?? 1)
      const made: unknown = JSON.stringify(value)
      if (typeof made !== 'string') return { ok: false, why: `upgrade of ${kind} made no JSON` }
      const stored = this.#storedForm(kind, spec, made)
      return whenKnown(stored, (form) => (form.ok ? { ok: true, text: form.text ?? made } : form))
    } catch (error) {
      return { ok: false, why: `upgrade of ${kind} threw ${textOf(error)}`, thrown: errorOf(error) }
    }
  }

  /** A stored one, which may be of an older version (Q14). */
  read(kind: string, text: string, version: number): Maybe<Checked> {
    const spec = this.#specs.get(kind)
    if (spec === undefined) return { ok: false, why: `the kind ${kind} is unknown` }
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch (error) {
      return { ok: false, why: `the payload of ${kind} is not JSON: ${textOf(error)}` }
    }
    try {
      const { version: current = 1 } = spec
      if (version < current) value = upgraded(spec.upgrade, value, version, current)
    } catch (error) {
      const why = `version ${version} of ${kind} could not be read: ${textOf(error)}`
      return { ok: false, why, thrown: errorOf(error) }
    }
    return this.#validate(kind, spec, value)
  }

  /** For most payloads this is one run of the schema, and no promise: `enqueue()` waits for it. */
  #storedForm(
    kind: string,
    spec: AnyOperationKind['spec'],
    text: string,
    given?: unknown,
  ): Maybe<Storable> {
    const first = this.#validate(kind, spec, JSON.parse(text))
    const isUnchanged = !(first instanceof Promise) && first.ok && isSameJson(given, first.payload)
    return isUnchanged ? UNCHANGED : this.#changedForm(kind, spec, text, first)
  }

  /** Apart, because its closures would cost the most frequent case something too. */
  #changedForm(
    kind: string,
    spec: AnyOperationKind['spec'],
    text: string,
    first: Maybe<Checked>,
  ): Maybe<Storable> {
    const validate = (value: unknown) => this.#validate(kind, spec, value)
    const form =
      first instanceof Promise
        ? first.then((checked) => storedForm(text, checked, validate))
        : storedForm(text, first, validate)
    return whenKnown(form, (known) => storable(known, text))
  }

  #validate(kind: string, spec: AnyOperationKind['spec'], value: unknown): Maybe<Checked> {
    try {
      const result = spec.payload['~standard'].validate(value)
      if (!isThenable(result)) return checkedOf(result)
      return Promise.resolve(result)
        .then(checkedOf)
        .catch((error: unknown) => schemaThrew(kind, error))
    } catch (error) {
      return schemaThrew(kind, error)
    }
  }
}

function storable(form: StoredForm, given: string): Storable {
  return form.ok && form.text === given ? UNCHANGED : form
}

function schemaThrew(kind: string, error: unknown): Checked {
  return {
    ok: false,
    why: `the schema of ${kind} threw ${textOf(error)}`,
    thrown: errorOf(error),
  }
}

function checkedOf(result: StandardSchemaV1.Result<unknown>): Checked {
  if (result.issues === undefined) return { ok: true, payload: result.value }
  const why = result.issues.slice(0, MOST_ISSUES).map(({ path = [], message }) => {
    const where = path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.')
    return where === '' ? message : `${where}: ${message}`
  })
  const moreCount = result.issues.length - why.length
  return { ok: false, why: why.join('; ') + (moreCount > 0 ? `; and ${moreCount} more` : '') }
}
