/** Kinds of operations for tests: with reading positions, follow-ups and records. */
import { z } from 'zod'
import {
  defineOperation,
  type FollowUpDraft,
  type Interpretation,
  type InterpretContext,
  type ReadingPosition,
} from '../../src/operations/define-operation.ts'
import { interpretReply } from '../../src/operations/interpret-reply.ts'
import type { Reply } from '../../src/ports/transport.ts'
import { JSON_REPLY, type Sent } from './rig.ts'

/** The server answers with what it was sent, which is what the kinds below go by. */
export function echo({ request, reply }: Sent, status = 200): void {
  reply(status, { ...JSON_REPLY, body: request.body ?? '{}' })
}

function fromEcho<Body>(more: (body: Body) => Partial<Interpretation>) {
  return (reply: Reply, context: InterpretContext): Interpretation => {
    const interpretation = interpretReply(reply, context)
    if (interpretation.outcome !== 'accepted') return interpretation
    return { ...interpretation, ...more(JSON.parse(reply.body) as Body) }
  }
}

/** Its reply registers a reading position (R1). */
export const positioned = defineOperation({
  kind: 'positioned',
  payload: z.object({
    token: z.string(),
    delayMs: z.number().optional(),
    key: z.string().optional(),
  }),
  request: ({ payload }) => ({ method: 'POST', path: '/positioned', body: payload }),
  interpret: fromEcho<ReadingPosition>((ryw) => ({ readingPosition: ryw })),
})

/** Its reply yields follow-ups: notes, unless they say otherwise (Q13). */
export const parent = defineOperation({
  kind: 'parent',
  payload: z.object({ followUps: z.array(z.looseObject({})) }),
  request: ({ payload }) => ({ method: 'POST', path: '/parents', body: payload }),
  interpret: fromEcho<{ readonly followUps: readonly Partial<FollowUpDraft>[] }>(
    ({ followUps }) => ({
      followUps: followUps.map(({ kind = 'note', payload, ...rest }) => ({
        kind,
        payload,
        ...rest,
      })),
    }),
  ),
})

/** A follow-up that is a note. */
export function noteOf(text: string): Record<string, unknown> {
  return { kind: 'note', payload: { text } }
}

/** Creates a record, which the server calls `srv-` and its local id (Q12). */
export const create = defineOperation({
  kind: 'create',
  payload: z.object({ record: z.string(), needs: z.array(z.string()).default([]) }),
  creates: ({ record }) => [record],
  needs: ({ needs }) => ({ required: needs }),
  request: ({ payload, record }) => ({
    method: 'POST',
    path: '/records',
    body: { record: payload.record, text: [payload.record, ...payload.needs.map(record)].join() },
  }),
  interpret: fromEcho<{ readonly record: string }>(({ record }) => ({
    translations: { [record]: `srv-${record}` },
  })),
})

/** Uses records: the required ones, then the optional ones (Q12). */
export const use = defineOperation({
  kind: 'use',
  payload: z.object({
    required: z.array(z.string()).default([]),
    optional: z.array(z.string()).default([]),
  }),
  needs: ({ required, optional }) => ({ required, optional }),
  request: ({ payload, record, optionalRecord }) => ({
    method: 'POST',
    path: '/uses',
    body: { text: [...payload.required.map(record), ...payload.optional.map(optionalRecord)] },
  }),
})

/** The same, but neighbours merge (Q4). */
export const mergingUse = defineOperation({
  kind: 'mergingUse',
  payload: z.object({ record: z.string() }),
  needs: ({ record }) => ({ required: [record] }),
  request: ({ payload, record }) => ({
    method: 'POST',
    path: '/uses',
    body: { text: [record(payload.record)] },
  }),
  merge: {
    key: () => '',
    combine: (payloads, { record }) => ({
      method: 'POST',
      path: '/uses',
      body: { text: payloads.map((payload) => record(payload.record)) },
    }),
  },
})
