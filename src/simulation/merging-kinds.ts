/** The built-in kinds of scenarios whose neighbours merge (Q4). */
import { z } from 'zod'
import type { Owner } from '../model.ts'
import { defineOperation } from '../operations/define-operation.ts'
import { interpret, pathOf } from './scenario-replies.ts'

const tagPayload = z.strictObject({ key: z.string(), value: z.unknown() })

/** Neighbours merge whatever their key; the last value of a key wins. */
export const tag = defineOperation({
  kind: 'tag',
  payload: tagPayload,
  request: ({ payload, owner }) => tagRequest([payload], owner),
  merge: { key: () => '', combine: (payloads, { owner }) => tagRequest(payloads, owner) },
  interpret,
})

function tagRequest(payloads: readonly z.infer<typeof tagPayload>[], owner: Owner) {
  const body = Object.fromEntries(payloads.map(({ key, value }) => [key, value]))
  return { method: 'PATCH', path: pathOf(owner, 'tags'), body } as const
}

const countPayload = z.strictObject({ name: z.string(), by: z.number() })

/** Neighbours merge whatever their name; the numbers add up. */
export const count = defineOperation({
  kind: 'count',
  payload: countPayload,
  request: ({ payload, owner }) => countRequest([payload], owner),
  merge: { key: () => '', combine: (payloads, { owner }) => countRequest(payloads, owner) },
  interpret,
})

function countRequest(payloads: readonly z.infer<typeof countPayload>[], owner: Owner) {
  const body: Record<string, number> = {}
  for (const { name, by } of payloads) body[name] = (body[name] ?? 0) + by
  return { method: 'POST', path: pathOf(owner, 'counts'), body } as const
}

/** Neighbours cancel each other out: of those that come to nothing there is no request. */
export const fold = defineOperation({
  kind: 'fold',
  payload: z.strictObject({ by: z.number() }),
  request: ({ payload, owner }) => ({
    method: 'POST',
    path: pathOf(owner, 'folds'),
    body: payload,
  }),
  merge: {
    key: () => '',
    combine: (payloads, { owner }) => {
      const by = payloads.reduce((sum, payload) => sum + payload.by, 0)
      return by === 0 ? null : { method: 'POST', path: pathOf(owner, 'folds'), body: { by } }
    },
  },
  interpret,
})

/** Neighbours merge. A request with one that does not fit cannot be made (Q6). */
export const misfit = defineOperation({
  kind: 'misfit',
  payload: z.strictObject({ fits: z.boolean() }),
  request: ({ owner }) => ({ method: 'POST', path: pathOf(owner, 'misfits'), body: {} }),
  merge: {
    key: () => '',
    combine: (payloads, { owner }) => {
      if (payloads.some(({ fits }) => !fits)) throw new Error('it does not fit')
      return { method: 'POST', path: pathOf(owner, 'misfits'), body: { count: payloads.length } }
    },
  },
  interpret,
})

const quotePayload = z.strictObject({ text: z.string() })

/** Neighbours merge; the result of each says its own text (Q23). */
export const quote = defineOperation({
  kind: 'quote',
  payload: quotePayload,
  request: ({ payload, owner }) => quoteRequest([payload], owner),
  merge: { key: () => '', combine: (payloads, { owner }) => quoteRequest(payloads, owner) },
  interpret: (reply, context) => {
    const interpretation = interpret(reply, context)
    if (interpretation.outcome !== 'accepted') return interpretation
    const results = context.operations.map(({ id, payload }) => [id, { text: payload.text }])
    return { ...interpretation, results: Object.fromEntries(results) as Record<string, unknown> }
  },
})

function quoteRequest(payloads: readonly z.infer<typeof quotePayload>[], owner: Owner) {
  const body = { texts: payloads.map(({ text }) => text) }
  return { method: 'POST', path: pathOf(owner, 'quotes'), body } as const
}
