/** Recognises the reply of a captive portal, which answers in place of the server (Q6). Pure. */
import type { Reply } from '../ports/transport.ts'
import type { DeclaredReply } from './define-operation.ts'
import { isSuccess } from './reply-status.ts'

/** Statuses that only a network in between answers with. */
const PORTAL: ReadonlySet<number> = new Set([407, 511])

const HTML_TYPE = /^\s*(?:text\/html|application\/xhtml\+xml)\b/i

/** The first character after a byte order mark and white space; `\s` has the byte order mark among it. */
const BEGINS_WITH_TAG = /^\s*</

/** True if a captive portal answered in place of the server. `origin`: of the server. */
export function isCaptivePortal(reply: Reply, declared: DeclaredReply, origin: string): boolean {
  const { status, headers } = reply
  if (isPortalStatus(status)) return true
  if (status >= 300 && status < 400 && headers.location !== undefined) {
    return URL.parse(headers.location, origin)?.origin !== origin
  }
  return isSuccess(status) && declared !== 'any' && isHtmlPage(reply)
}

export function isPortalStatus(status: number): boolean {
  return PORTAL.has(status)
}

/** The label alone makes no page: many servers label everything as HTML, also JSON and an empty body. */
export function isHtmlPage({ headers, body }: Reply): boolean {
  return HTML_TYPE.test(headers['content-type'] ?? '') && BEGINS_WITH_TAG.test(body)
}
