/** The built-in kinds of scenarios, all with JSON replies. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { z } from 'zod'
import { type AnyOperationKind, defineOperation } from '../operations/define-operation.ts'
import { count, fold, misfit, quote, tag } from './merging-kinds.ts'
import { interpret, interpretWhole, pathOf } from './scenario-replies.ts'

const note = defineOperation({
  kind: 'note',
  reply: 'json',
  payload: z.strictObject({ text: z.string() }),
  request: ({ payload, owner }) => ({
    method: 'POST',
    path: pathOf(owner, 'notes'),
    body: payload,
  }),
  interpret,
})

const recordPayload = z.strictObject({ record: z.string() })

/** Creates a record under a local id; the reply translates it. */
const create = defineOperation({
  kind: 'create',
  payload: recordPayload,
  creates: ({ record }) => [record],
  request: ({ payload, owner }) => ({
    method: 'POST',
    path: pathOf(owner, 'records'),
    body: payload,
  }),
  interpret: interpretWhole,
})

/** Uses a record, local or translated; it may require another one beside it. */
const touch = defineOperation({
  kind: 'touch',
  payload: recordPayload.extend({ beside: z.string().optional() }),
  needs: ({ record, beside }) => ({ required: beside === undefined ? [record] : [record, beside] }),
  request: ({ payload, owner, record }) => ({
    method: 'PATCH',
    path: pathOf(owner, 'records'),
    body: { record: record(payload.record) },
  }),
  interpret,
})

const unsubscribe = defineOperation({
  kind: 'unsubscribe',
  payload: z.strictObject({}),
  request: ({ owner }) => ({ method: 'POST', path: pathOf(owner, 'unsubscribe'), body: {} }),
  deviceScoped: true,
  interpret,
})

/** Creates a record too, and is dropped once another user logs in: what waits for the record must hear of it (I8, Q12). */
const register = defineOperation({
  kind: 'register',
  payload: recordPayload,
  creates: ({ record }) => [record],
  request: ({ payload, owner }) => ({
    method: 'POST',
    path: pathOf(owner, 'devices'),
    body: payload,
  }),
  deviceScoped: true,
  interpret: interpretWhole,
})

/** Has a time of its own, unless the call names another (Q8). */
const mortal = defineOperation({
  kind: 'mortal',
  payload: z.strictObject({ text: z.string() }),
  expiresInMs: 30_000,
  request: ({ payload, owner }) => ({
    method: 'POST',
    path: pathOf(owner, 'mortals'),
    body: payload,
  }),
  interpret,
})

/** Uses a record if there is one, and goes without it if not. */
const link = defineOperation({
  kind: 'link',
  payload: recordPayload,
  needs: ({ record }) => ({ optional: [record] }),
  request: ({ payload, owner, optionalRecord }) => ({
    method: 'PUT',
    path: pathOf(owner, 'links'),
    body: { record: optionalRecord(payload.record) },
  }),
  interpret,
})

/** The reply to it yields so many notes. */
const spawn = defineOperation({
  kind: 'spawn',
  payload: z.strictObject({ notes: z.number().int() }),
  request: ({ payload, owner }) => ({
    method: 'POST',
    path: pathOf(owner, 'spawns'),
    body: payload,
  }),
  interpret: interpretWhole,
})

/** The server forgets its keys after a minute. */
const brief = defineOperation({
  kind: 'brief',
  payload: z.strictObject({ text: z.string() }),
  idempotencyWindowMs: 60_000,
  request: ({ payload, owner }) => ({
    method: 'POST',
    path: pathOf(owner, 'briefs'),
    body: payload,
  }),
  interpret,
})

/** Each release has a version of its own, and its upgrade draws something. */
function draftOf(release: number, draw: () => number): AnyOperationKind {
  return defineOperation({
    kind: 'draft',
    payload: z.strictObject({
      text: z.string(),
      since: z.number().optional(),
      drawn: z.number().optional(),
    }),
    version: release,
    upgrade: (payload, fromVersion) => ({
      ...(payload as object),
      since: fromVersion,
      drawn: draw(),
    }),
    request: ({ payload, owner }) => ({
      method: 'POST',
      path: pathOf(owner, 'drafts'),
      body: payload,
    }),
    interpret,
  })
}

/** Its schema draws a number, once for each operation. */
function stampOf(draw: () => number): AnyOperationKind {
  return defineOperation({
    kind: 'stamp',
    payload: z.strictObject({ text: z.string(), drawn: z.number().default(draw) }),
    request: ({ payload, owner }) => ({
      method: 'POST',
      path: pathOf(owner, 'stamps'),
      body: payload,
    }),
    interpret,
  })
}

/** How long the schema of `slow` takes to answer at most, in virtual milliseconds. So long unless the payload says less. */
export const CHECK_MS = 50

/** Runs something after so many virtual milliseconds; never, once the process that asks has died. */
export type Later = (delayMs: number, run: () => void) => void

const slowPayload = z.strictObject({
  text: z.string(),
  /** How long the check takes, in milliseconds. */
  takes: z.number().int().min(0).max(CHECK_MS).optional(),
})

/** Its schema answers later, at `enqueue()` and before each attempt: meanwhile anything may happen (I5). */
function slowOf(later: Later): AnyOperationKind {
  return defineOperation({
    kind: 'slow',
    payload: {
      '~standard': {
        version: 1,
        vendor: 'holdfast',
        validate: async (value) => {
          const checked = await slowPayload['~standard'].validate(value)
          const { takes = CHECK_MS } = 'value' in checked ? checked.value : {}
          await new Promise<void>((resolve) => later(takes, resolve))
          return checked
        },
      },
    } satisfies StandardSchemaV1<z.infer<typeof slowPayload>>,
    request: ({ payload, owner }) => ({
      method: 'POST',
      path: pathOf(owner, 'slow'),
      body: payload,
    }),
    interpret,
  })
}

const farewell = defineOperation({
  kind: 'farewell',
  payload: z.strictObject({}),
  onLogout: ({ user }) => (user === null ? null : {}),
  request: ({ owner }) => ({ method: 'POST', path: pathOf(owner, 'farewells'), body: {} }),
  interpret,
})

const always = [
  note,
  tag,
  count,
  create,
  touch,
  unsubscribe,
  register,
  mortal,
  link,
  spawn,
  brief,
  fold,
  misfit,
  quote,
] as const

/** The kinds of a release of the app; `draw` answers another number each time. */
export function kindsOf(
  release: number,
  saysFarewell: boolean,
  draw: () => number,
): readonly AnyOperationKind[] {
  return [
    ...always,
    stampOf(draw),
    draftOf(release, draw),
    NEVER_CHECKED,
    ...(saysFarewell ? [farewell] : []),
  ]
}

/** `slow` as the world sees it. Each process has one of its own, by its own clock: `kindsOfProcess()`. */
const NEVER_CHECKED = slowOf(() => undefined)

/** These kinds in a process whose time passes by `later`. */
export function kindsOfProcess(
  kinds: readonly AnyOperationKind[],
  later: Later,
): readonly AnyOperationKind[] {
  return kinds.map((kind) => (kind === NEVER_CHECKED ? slowOf(later) : kind))
}

/** Answers 1, 2, 3, … */
export function counter(): () => number {
  let count = 0
  return () => (count += 1)
}

export const scenarioKinds: readonly AnyOperationKind[] = kindsOf(1, false, counter())
