/** Stored payloads: from JSON text to what a kind's code works on, through `upgrade` and the schema. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Codec } from '../engine/boundary/boundary.ts'
import { atOnce } from '../app-code.ts'
import { errorOf, isThenable, textOf } from '../thrown.ts'
import type { AnyOperationKind } from './define-operation.ts'

export type Checked =
  | { readonly ok: true; readonly payload: unknown }
  | {
      readonly ok: false
      readonly why: string
      /** What the code of the kind threw, if that is why. */
      readonly thrown?: Error
    }

export const checkedCodec: Codec<Checked | 'later'> = {
  write: (checked) => (checked === 'later' ? checked : checked.ok ? 'valid' : 'invalid'),
  read: (json) => {
    if (json === 'later') return 'later'
    return json === 'valid' ? { ok: true, payload: null } : { ok: false, why: 'replayed' }
  },
}

export class Payloads {
  readonly #specs: ReadonlyMap<string, AnyOperationKind['spec']>

  constructor(specs: ReadonlyMap<string, AnyOperationKind['spec']>) {
    this.#specs = specs
  }

  /** One of the current version, before it is stored. */
  check(kind: string, text: string): Checked | Promise<Checked> {
    const spec = this.#specs.get(kind)
    if (spec === undefined) return { ok: false, why: `the kind ${kind} is unknown` }
    const checked = this.#validate(kind, spec, JSON.parse(text))
    const looksAtOnce = spec.creates !== undefined || spec.needs !== undefined
    return checked instanceof Promise && looksAtOnce
      ? { ok: false, why: 'a kind with creates or needs must have a schema that validates at once' }
      : checked
  }

  /** A stored one, which may be of an older version (Q14). */
  read(kind: string, text: string, version: number): Checked | Promise<Checked> {
    const spec = this.#specs.get(kind)
    if (spec === undefined) return { ok: false, why: `the kind ${kind} is unknown` }
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch (error) {
      return { ok: false, why: `the payload of ${kind} is not JSON: ${textOf(error)}` }
    }
    try {
      if (version < (spec.version ?? 1)) value = atOnce(spec.upgrade?.(value, version))
    } catch (error) {
      const why = `version ${version} of ${kind} could not be read: ${textOf(error)}`
      return { ok: false, why, thrown: errorOf(error) }
    }
    return this.#validate(kind, spec, value)
  }

  #validate(
    kind: string,
    spec: AnyOperationKind['spec'],
    value: unknown,
  ): Checked | Promise<Checked> {
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

function schemaThrew(kind: string, error: unknown): Checked {
  return {
    ok: false,
    why: `the schema of ${kind} threw ${textOf(error)}`,
    thrown: errorOf(error),
  }
}

function checkedOf(result: StandardSchemaV1.Result<unknown>): Checked {
  if (result.issues === undefined) return { ok: true, payload: result.value }
  const why = result.issues.map(({ path = [], message }) => {
    const where = path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.')
    return where === '' ? message : `${where}: ${message}`
  })
  return { ok: false, why: why.join('; ') }
}
