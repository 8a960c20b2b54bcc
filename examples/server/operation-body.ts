/**
 * What a client may POST as an operation: one editing transaction of a document (or a run of
 * `count` consecutive ones, merged), or any other JSON object that names its kind.
 */
import { z } from 'zod'

const count = z.number().int().nonnegative()

const edit = z.object({
  document: z.string().min(1).max(200),
  /** The number of this transaction within its document, from 0 without gaps. */
  index: count,
  /** How many consecutive transactions the body carries. Default 1. */
  count: z.number().int().positive().default(1),
  /** `[position, deleted, inserted]`, applied in order; positions as in a JavaScript string. */
  patches: z.array(z.tuple([count, count, z.string()])),
})

const generic = z.looseObject({ kind: z.string().min(1).max(200) })

export type Edit = z.output<typeof edit>
export type GenericOperation = z.output<typeof generic>

export type OperationBody =
  | { readonly type: 'edit'; readonly edit: Edit }
  | { readonly type: 'generic'; readonly operation: GenericOperation }
  | { readonly type: 'malformed'; readonly reason: string }

/** Reads a request body. Never throws. */
export function readOperationBody(text: string): OperationBody {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return { type: 'malformed', reason: 'the body is not JSON' }
  }
  if (typeof json === 'object' && json !== null && 'document' in json) {
    const parsed = edit.safeParse(json)
    if (parsed.success) return { type: 'edit', edit: parsed.data }
    return { type: 'malformed', reason: z.prettifyError(parsed.error) }
  }
  const parsed = generic.safeParse(json)
  if (parsed.success) return { type: 'generic', operation: parsed.data }
  return { type: 'malformed', reason: 'the body has neither a document nor a kind' }
}
