/** What the built-in kinds of scenarios have in common: the paths of their requests, and the meaning of their replies. */
import { z } from 'zod'
import type { Owner } from '../model.ts'
import type {
  FollowUpDraft,
  InterpretContext,
  Interpretation,
} from '../operations/define-operation.ts'
import { interpretReply } from '../operations/interpret-reply.ts'
import { path } from '../operations/path.ts'
import type { Reply } from '../ports/transport.ts'

/** The path of what belongs to an owner. */
export const pathOf = ({ user }: Owner, what: string) =>
  user === null ? path`/anonymous/${what}` : path`/users/${user}/${what}`

/** What the scripted server's replies may say beside the outcome. */
const replyBody = z.object({
  record: z.string().optional(),
  id: z.string().optional(),
  ryw: z
    .object({ token: z.string(), delay: z.number().optional(), key: z.string().optional() })
    .optional(),
  /** How many notes follow. */
  spawn: z.number().optional(),
})

/** Judges a reply of the scripted server. */
export function interpret(
  reply: Reply,
  context: Pick<InterpretContext, 'reply' | 'afterUnknown'>,
): Interpretation {
  const interpretation = interpretReply(reply, context)
  if (interpretation.outcome !== 'accepted') return interpretation
  const text = reply.isCut === true ? '' : reply.body.trim()
  if (text === '') return interpretation
  const { record, id, ryw, spawn } = replyBody.parse(JSON.parse(text))
  return {
    ...interpretation,
    ...(record === undefined || id === undefined ? {} : { translations: { [record]: id } }),
    ...(ryw === undefined ? {} : { readingPosition: positionOf(ryw) }),
    ...(spawn === undefined ? {} : { followUps: followingNotes(spawn) }),
  }
}

function positionOf({ token, delay, key }: NonNullable<z.infer<typeof replyBody>['ryw']>) {
  return {
    token,
    ...(delay === undefined ? {} : { delayMs: delay }),
    ...(key === undefined ? {} : { key }),
  }
}

/** Of a kind whose reply says something: without it the same request is sent again, and answered as the first time. */
export function interpretWhole(reply: Reply, context: InterpretContext<unknown>): Interpretation {
  const interpretation = interpret(reply, context)
  const isMute = reply.isCut === true || reply.body.trim() === ''
  return interpretation.outcome === 'accepted' && isMute ? { outcome: 'retry' } : interpretation
}

function followingNotes(count: number): FollowUpDraft[] {
  const nth = (_: unknown, index: number) => ({
    kind: 'note',
    payload: { text: `follows ${index}` },
  })
  return Array.from({ length: count }, nth)
}
