/** What a reply means where a kind does not say otherwise (Q6). Pure. */
import type { Reply } from '../ports/transport.ts'
import type { DeclaredReply, InterpretContext, Interpretation } from './define-operation.ts'

/** Statuses that mean "not now", however long it lasts (Q8). */
const NOT_NOW: ReadonlySet<number> = new Set([408, 425, 429, 502, 503, 504])

/** The statuses from 400 to 499 after which the same request may succeed later. */
const NOT_YET: ReadonlySet<number> = new Set([408, 425, 429, 431])

/** Statuses that only a network in between answers with. */
const PORTAL: ReadonlySet<number> = new Set([407, 511])

const HTML_TYPE = /^\s*(?:text\/html|application\/xhtml\+xml)\b/i

/** The first character after a byte order mark and white space; `\s` has the byte order mark among it. */
const BEGINS_WITH_TAG = /^\s*</

/** Judges a reply as Q6 says. The default of `interpret`, to be called by a kind's own. */
export function interpretReply(reply: Reply, context: InterpretContext): Interpretation {
  const { status } = reply
  if (status === 401) return { outcome: 'refused-token' }
  if (isSuccess(status)) {
    return { outcome: isAsDeclared(reply, context.reply) ? 'accepted' : 'retry' }
  }
  // Where it was no portal after all, its answers still say nothing of the operation.
  if (PORTAL.has(status) || NOT_YET.has(status)) return { outcome: 'retry' }
  // The first sending may still be in progress (Q5).
  if (status === 409 && context.afterUnknown) return { outcome: 'retry' }
  if (status >= 400 && status < 500) return { outcome: 'rejected' }
  return { outcome: 'retry' }
}

/** True if a captive portal answered in place of the server (Q6). */
export function isCaptivePortal(reply: Reply, declared: DeclaredReply, origin: string): boolean {
  const { status, headers } = reply
  if (PORTAL.has(status)) return true
  if (status >= 300 && status < 400 && headers.location !== undefined) {
    return URL.parse(headers.location, origin)?.origin !== origin
  }
  return isSuccess(status) && declared !== 'any' && isHtmlPage(reply)
}

/** Does a `retry` with this status count towards death? (Q8) */
export function countsTowardsDeath(status: number): boolean {
  return !NOT_NOW.has(status)
}

/** True if the server says by this status that it has done the request. */
export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300
}

/** True if a 2xx holds what the kind declares. A page that one operation gets alone is no answer either. */
function isAsDeclared(reply: Reply, declared: DeclaredReply): boolean {
  if (declared === 'any') return true
  if (isHtmlPage(reply)) return false
  // Of a body that was not read to its end nobody can tell whether it is JSON: the status decides.
  return declared !== 'json' || reply.isCut === true || isJsonOrBlank(reply.body)
}

/** The label alone makes no page: many servers label everything as HTML, also JSON and an empty body. */
function isHtmlPage({ headers, body }: Reply): boolean {
  return HTML_TYPE.test(headers['content-type'] ?? '') && BEGINS_WITH_TAG.test(body)
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
