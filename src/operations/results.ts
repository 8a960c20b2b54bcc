/** What a kind's code says came of the operations of an envelope, as JSON text (Q23). Pure. */
import { textOf } from '../thrown.ts'
import type { JsonRecord } from '../journal/lines.ts'
import type { OperationId } from '../model.ts'
import type { Interpretation } from './define-operation.ts'

export interface MemberResult {
  readonly id: OperationId
  /** JSON text. */
  readonly result: string
}

/** A member of an envelope, as far as its result is concerned. */
export interface Member {
  readonly id: OperationId
}

export interface Results {
  /** What came of the members. Left out: nothing. */
  readonly results?: readonly MemberResult[]
  /** Members whose results could not be kept, and why. Left out: none. */
  readonly lostResults?: readonly { readonly id: OperationId; readonly why: string }[]
}

/** A result is kept for days beside up to 10,000 others, and is no place for documents. */
const MOST_BYTES = 64 * 1024

/** A result that cannot be kept never makes an accepted operation anything else (Q23). */
export function resultsOf(
  { result, results }: Pick<Interpretation, 'result' | 'results'>,
  members: readonly Member[],
): Results {
  if (result === undefined && results === undefined) return {}
  const byId = typeof results === 'object' && results !== null ? results : {}
  const isNamed = (id: string) => Object.hasOwn(byId, id)
  const kept = members.flatMap(({ id }) => {
    const value = isNamed(id) ? byId[id] : result
    return value === undefined ? [] : [{ id, text: jsonOf(value) }]
  })
  const stored = kept.flatMap(({ id, text }) => ('json' in text ? [{ id, result: text.json }] : []))
  const lost = kept.flatMap(({ id, text }) => ('why' in text ? [{ id, why: text.why }] : []))
  return {
    ...(stored.length === 0 ? {} : { results: stored }),
    ...(lost.length === 0 ? {} : { lostResults: lost }),
  }
}

/** Results as a journal has them. */
export function sizesOf(results: readonly MemberResult[]): JsonRecord[] {
  return results.map(({ id, result }) => ({ id, bytes: Buffer.byteLength(result) }))
}

function jsonOf(value: unknown): { readonly json: string } | { readonly why: string } {
  try {
    const json: unknown = JSON.stringify(value)
    if (typeof json !== 'string') return { why: 'it is not JSON' }
    const bytes = Buffer.byteLength(json)
    return bytes > MOST_BYTES ? { why: `it has ${bytes} bytes, at most ${MOST_BYTES}` } : { json }
  } catch (error) {
    return { why: `it is not JSON: ${textOf(error)}` }
  }
}
