/** What a reply means where a kind does not say otherwise (Q6). Pure. */
import type { Reply } from '../ports/transport.ts'
import type { InterpretContext, Interpretation } from './define-operation.ts'

/** Statuses that mean "not now", however long it lasts (Q8). */
const NOT_NOW: ReadonlySet<number> = new Set([408, 425, 429, 502, 503, 504])

/** Statuses of 4xx that say nothing of the operation (Q6). */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429, 431])

/** Statuses that only a network in between answers with. */
const PORTAL: ReadonlySet<number> = new Set([407, 511])

/** Judges a reply as Q6 says. The default of `interpret`, to be called by a kind's own. */
export function interpretReply(reply: Reply, context: InterpretContext): Interpretation {
  const { status } = reply
  if (status === 401) return { outcome: 'refused-token' }
  if (status >= 200 && status < 300) {
    return { outcome: isAsDeclared(reply, context) ? 'accepted' : 'retry' }
  }
  // Where it was no portal after all, its answers still say nothing of the operation.
  if (PORTAL.has(status)) return { outcome: 'retry' }
  if (PASSING.has(status)) return { outcome: 'retry' }
  // The first sending may still be in progress (Q5).
  if (status === 409 && context.afterUnknown) return { outcome: 'retry' }
  if (status >= 400 && status < 500) return { outcome: 'rejected' }
  return { outcome: 'retry' }
}

/** Did a captive portal answer instead of the server? (Q6) */
export function isCaptivePortal(reply: Reply, declared: 'json' | 'any', origin: string): boolean {
  const { status, headers } = reply
  if (PORTAL.has(status)) return true
  if (status >= 300 && status < 400 && headers.location !== undefined) {
    return URL.parse(headers.location, origin)?.origin !== origin
  }
  return status >= 200 && status < 300 && declared === 'json' && isHtml(reply)
}

/** Does a `retry` with this status count towards death? (Q8) */
export function countsTowardsDeath(status: number): boolean {
  return !NOT_NOW.has(status)
}

function isAsDeclared(reply: Reply, context: InterpretContext): boolean {
  if (context.reply === 'any' || reply.body === '') return true
  // Too long to be read whole, so that it cannot be parsed: what the server calls it must do.
  if (reply.isCut === true) return /\bjson\b/i.test(reply.headers['content-type'] ?? '')
  try {
    JSON.parse(reply.body)
    return true
  } catch {
    return false
  }
}

function isHtml(reply: Reply): boolean {
  const type = reply.headers['content-type']
  if (type !== undefined) return /^\s*(text\/html|application\/xhtml\+xml)\b/i.test(type)
  return /^\s*<(!doctype html|html)\b/i.test(reply.body)
}
