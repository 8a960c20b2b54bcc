/** The built-in kinds of scenarios, all with JSON replies. */
import { z } from 'zod'
import type { Owner } from '../model.ts'
import { type AnyOperationKind, defineOperation } from '../operations/define-operation.ts'

const pathOf = ({ user }: Owner, what: string) =>
  user === null ? `/anonymous/${what}` : `/users/${encodeURIComponent(user)}/${what}`

const note = defineOperation({
  kind: 'note',
  payload: z.strictObject({ text: z.string() }),
  request: ({ payload, owner }) => ({
    method: 'POST',
    path: pathOf(owner, 'notes'),
    body: payload,
  }),
})

const tagPayload = z.strictObject({ key: z.string(), value: z.unknown() })

/** Neighbours merge whatever their key; the last value of a key wins. */
const tag = defineOperation({
  kind: 'tag',
  payload: tagPayload,
  request: ({ payload, owner }) => tagRequest([payload], owner),
  merge: { key: () => '', combine: (payloads, owner) => tagRequest(payloads, owner) },
})

function tagRequest(payloads: readonly z.infer<typeof tagPayload>[], owner: Owner) {
  const body = Object.fromEntries(payloads.map(({ key, value }) => [key, value]))
  return { method: 'PATCH', path: pathOf(owner, 'tags'), body } as const
}

const countPayload = z.strictObject({ name: z.string(), by: z.number() })

/** Neighbours merge whatever their name; the numbers add up. */
const count = defineOperation({
  kind: 'count',
  payload: countPayload,
  request: ({ payload, owner }) => countRequest([payload], owner),
  merge: { key: () => '', combine: (payloads, owner) => countRequest(payloads, owner) },
})

function countRequest(payloads: readonly z.infer<typeof countPayload>[], owner: Owner) {
  const body: Record<string, number> = {}
  for (const { name, by } of payloads) body[name] = (body[name] ?? 0) + by
  return { method: 'POST', path: pathOf(owner, 'counts'), body } as const
}

const recordPayload = z.strictObject({ record: z.string() })

const create = defineOperation({
  kind: 'create',
  payload: recordPayload,
  request: ({ payload, owner }) => ({
    method: 'POST',
    path: pathOf(owner, 'records'),
    body: payload,
  }),
})

const touch = defineOperation({
  kind: 'touch',
  payload: recordPayload,
  request: ({ payload, owner }) => ({
    method: 'PATCH',
    path: pathOf(owner, 'records'),
    body: payload,
  }),
})

const unsubscribe = defineOperation({
  kind: 'unsubscribe',
  payload: z.strictObject({}),
  request: ({ owner }) => ({ method: 'POST', path: pathOf(owner, 'unsubscribe'), body: {} }),
})

export const scenarioKinds: readonly AnyOperationKind[] = [
  note,
  tag,
  count,
  create,
  touch,
  unsubscribe,
]
