/** What a reply means where a kind does not say otherwise (Q6). Pure. */
import type { Reply } from '../ports/transport.ts'
import { isHtmlPage, isPortalStatus } from './captive-portal.ts'
import type { DeclaredReply, InterpretContext, Interpretation } from './define-operation.ts'
import { isSuccess } from './reply-status.ts'

/** The statuses from 400 to 499 after which the same request may succeed later. */
const NOT_YET: ReadonlySet<number> = new Set([408, 425, 429, 431])

/** What the judgement needs. A read has no earlier attempt. */
export type ReplyContext = Pick<InterpretContext, 'reply'> &
  Partial<Pick<InterpretContext, 'afterUnknown'>>

/** Judges a reply as Q6 says. The default of `interpret` of a kind, to be called by the `interpret` of a kind or a read. */
export function interpretReply(reply: Reply, context: ReplyContext): Interpretation {
  const { status } = reply
  if (status === 401) return { outcome: 'refused-token' }
  if (isSuccess(status)) {
    return { outcome: isAsDeclared(reply, context.reply) ? 'accepted' : 'retry' }
  }
  // Where it was no portal after all, its answers still say nothing of the operation.
  if (isPortalStatus(status) || NOT_YET.has(status)) return { outcome: 'retry' }
  // The first sending may still be in progress (Q5).
  if (status === 409 && context.afterUnknown === true) return { outcome: 'retry' }
  if (status >= 400 && status < 500) return { outcome: 'rejected' }
  return { outcome: 'retry' }
}

/** True if a 2xx holds what the kind declares. A page that one operation gets alone is no answer either. */
function isAsDeclared(reply: Reply, declared: DeclaredReply): boolean {
  if (declared === 'any') return true
  if (isHtmlPage(reply)) return false
  // Of a body that was not read to its end nobody can tell whether it is JSON: the status decides.
  return declared !== 'json' || reply.isCut === true || isJsonOrBlank(reply.body)
}

function isJsonOrBlank(body: string): boolean {
  // It takes a byte order mark away too.
  const text = body.trim()
  if (text === '') return true
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
