/**
 * The records that an operation creates and needs, as the code of its kind says (Q12). The code may throw, and its
 * answer may be anything: the engine then knows of no records, and never takes that for "none".
 */
import { appCodeFailed, atOnce } from '../app-code.ts'
import { show } from '../checks/show.ts'
import { nameOf } from '../checks/texts.ts'
import type { Codec } from '../engine/boundary/boundary.ts'
import { readError, writeError } from '../engine/boundary/error-codec.ts'
import { HoldfastError } from '../errors.ts'
import type { Json } from '../journal/lines.ts'
import { errorOf, textOf } from '../thrown.ts'
import type { AnyOperationKind } from './define-operation.ts'

/** By local id. */
export interface RecordUse {
  readonly creates: readonly string[]
  readonly required: readonly string[]
  readonly optional: readonly string[]
}

/** The records that are needed. */
export type NeededRecords = Pick<RecordUse, 'required' | 'optional'>

/** The code did not say. */
export interface UnknownUse {
  /** How a call tells it. */
  readonly error: Error
  /** How a dead letter tells it. */
  readonly why: string
  /** The exception; null: no code failed. */
  readonly thrown: Error | null
}

export const NO_RECORDS: RecordUse = { creates: [], required: [], optional: [] }

export const useCodec: Codec<RecordUse | UnknownUse> = {
  write: (use) => {
    if (!('error' in use)) return use as unknown as Json
    const { error, thrown } = use
    return { error: writeError(error), thrown: thrown === null ? null : writeError(thrown) }
  },
  read: (json) => {
    const { error, thrown = null } = json as { readonly error?: Json; readonly thrown?: Json }
    if (error === undefined) return json as unknown as RecordUse
    return {
      error: readError(error),
      why: 'replayed',
      thrown: thrown === null ? null : readError(thrown),
    }
  },
}

/** The payload itself cannot be read. */
export function unknownUse(why: string, thrown: Error | null = null): UnknownUse {
  return { error: new HoldfastError('INVALID_PAYLOAD', why, { cause: thrown }), why, thrown }
}

export function recordUse(spec: AnyOperationKind['spec'], payload: never): RecordUse | UnknownUse {
  const { kind } = spec
  let failing = `needs of ${kind}`
  try {
    const needs: unknown = atOnce(spec.needs?.(payload)) ?? {}
    const { required = [], optional = [] } = needs as Partial<RecordUse>
    failing = `creates of ${kind}`
    const creates: unknown = atOnce(spec.creates?.(payload)) ?? []
    return checkedUse(kind, { creates, required, optional })
  } catch (thrown) {
    return {
      error: appCodeFailed(failing, thrown),
      why: `${failing} threw ${textOf(thrown)}`,
      thrown: errorOf(thrown),
    }
  }
}

/** An id that cannot be stored is a `TypeError` at the call (Q21). */
function checkedUse(
  kind: string,
  { creates, required, optional }: Readonly<Record<keyof RecordUse, unknown>>,
): RecordUse | UnknownUse {
  try {
    return {
      creates: localIdsOf(`creates of ${kind}`, creates),
      required: localIdsOf(`needs.required of ${kind}`, required),
      optional: localIdsOf(`needs.optional of ${kind}`, optional),
    }
  } catch (thrown) {
    const error = errorOf(thrown)
    return { error, why: error.message, thrown: error }
  }
}

/** @throws TypeError unless the value is a list of local ids. */
export function localIdsOf(what: string, ids: unknown): readonly string[] {
  if (!Array.isArray(ids)) throw new TypeError(`${what} must be a list of ids, not ${show(ids)}`)
  return ids.map((id) => nameOf(`${what}: an id`, id))
}
