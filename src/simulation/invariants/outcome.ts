/** What a request came to, judged anew by Q6 and not by the engine's own code. */
import type { SeenRequest } from '../scripted-server.ts'
import { isRead } from './invariant.ts'
import type { RunRecord } from './run-record.ts'

/** `doubtful`: by its status the server has taken it, and the rest of the reply no kind understands (Q6, Q8). */
export type Came =
  'accepted' | 'rejected' | 'refused-token' | 'retry' | 'doubtful' | 'portal' | 'unknown'

/** Of a request that is over. `afterUnknown`: nobody knows what an earlier sending of it came to. */
export function outcomeOf(request: SeenRequest, afterUnknown = false): Came {
  const { reply, givenUpAt } = request
  if (reply === null || givenUpAt !== null) return 'unknown'
  const { status, headers } = reply
  if (status === 407 || status === 511) return 'portal'
  if (status === 401) return 'refused-token'
  if (status >= 200 && status < 300) {
    if (headers['content-type']?.startsWith('text/html') === true) return 'portal'
    return isRead(request) || isUnderstood(reply.body) ? 'accepted' : 'doubtful'
  }
  if (status >= 300 && status < 400 && headers['location'] !== undefined) return 'portal'
  if (status === 409 && afterUnknown) return 'retry'
  if ([408, 425, 429].includes(status) || status < 400 || status >= 500) return 'retry'
  return 'rejected'
}

/** By the built-in kinds: JSON, an object, and a record in it has a name. */
function isUnderstood(body: string): boolean {
  try {
    const { record } = JSON.parse(body) as { readonly record?: unknown }
    return !body.startsWith('[') && (record === undefined || typeof record === 'string')
  } catch {
    return false
  }
}

/** When the client knew; null: it never did, because its process ended first. */
export function knownAt(
  { lives, settings }: RunRecord,
  { at, endedAt, givenUpAt, client }: SeenRequest,
): number | null {
  const diedAt = lives[client.life]?.endedAt
  // Given up sooner, it was given up by a process that was closing.
  if (givenUpAt !== null) {
    return givenUpAt - at >= settings.replyTimeoutMs && givenUpAt !== diedAt ? givenUpAt : null
  }
  // In the instant of its death nobody can tell whether it still heard.
  return diedAt === endedAt ? null : endedAt
}

/** How long the reply asks to wait, at most 1 h (Q7). */
export function retryAfterMs({ reply, endedWall }: SeenRequest): number | null {
  const value = reply?.headers['retry-after']?.trim()
  if (value === undefined || value === '') return null
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - (endedWall ?? 0)
  return Number.isFinite(ms) ? Math.min(3_600_000, Math.max(0, ms)) : null
}
