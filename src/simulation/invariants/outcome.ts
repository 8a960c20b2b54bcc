/** What a request came to, judged anew by Q6 and not by the engine's own code. */
import type { Reply } from '../../ports/transport.ts'
import { SCENARIO_ORIGIN, type SeenRequest } from '../scripted-server.ts'
import { isStorable } from '../storable.ts'
import { isRead } from './invariant.ts'
import type { RunRecord } from './run-record.ts'

/** `doubtful`: by its status the server has taken it, and the rest of the reply no kind understands (Q6, Q8). */
export type Came =
  'accepted' | 'rejected' | 'refused-token' | 'retry' | 'doubtful' | 'portal' | 'unsent' | 'unknown'

/** Of a request that is over. `afterUnknown`: nobody knows what an earlier sending of it came to. */
export function outcomeOf(request: SeenRequest, afterUnknown = false): Came {
  const { reply, givenUpAt } = request
  if (request.unsent !== null) return 'unsent'
  if (reply === null || givenUpAt !== null) return 'unknown'
  const { status, headers } = reply
  if (status === 407 || status === 511) return 'portal'
  if (status === 401) return 'refused-token'
  if (status >= 200 && status < 300) {
    if (isPage(reply)) return 'portal'
    return isRead(request) || isUnderstood(request.kind, reply) ? 'accepted' : 'doubtful'
  }
  if (status >= 300 && status < 400 && leadsAway(headers['location'])) return 'portal'
  if (status === 409 && afterUnknown) return 'retry'
  if ([408, 425, 429, 431].includes(status) || status < 400 || status >= 500) return 'retry'
  return 'rejected'
}

/** A redirect to another origin. */
function leadsAway(location: string | undefined): boolean {
  return location !== undefined && new URL(location, SCENARIO_ORIGIN).origin !== SCENARIO_ORIGIN
}

/** Labelled as HTML, and it begins like HTML: the label alone says nothing. */
function isPage({ headers, body }: Reply): boolean {
  return headers['content-type']?.startsWith('text/html') === true && body.trim().startsWith('<')
}

/** The kinds whose reply says what the operation has made. */
const TELLING: ReadonlySet<string> = new Set(['create', 'register', 'spawn'])

/** By the built-in kinds: nothing, or JSON, an object, and what it names can be stored. */
function isUnderstood(kind: string, { body, isCut = false }: Reply): boolean {
  const text = isCut ? '' : body.trim()
  if (text === '') return !TELLING.has(kind)
  try {
    const { record, id, ryw } = JSON.parse(text) as {
      readonly record?: unknown
      readonly id?: unknown
      readonly ryw?: { readonly token?: unknown }
    }
    const texts = [record, id, ryw?.token].filter((value) => value !== undefined)
    return !text.startsWith('[') && texts.every((value) => isText(value))
  } catch {
    return false
  }
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && isStorable(value)
}

/** When the client knew; null: it never did, because its process ended first. */
export function knownAt(
  { lives, settings }: RunRecord,
  { at, endedAt, givenUpAt, client }: SeenRequest,
): number | null {
  const { endedAt: diedAt, leftover = null } = lives[client.life] ?? {}
  // Given up sooner, it was given up by a process that was closing.
  if (givenUpAt !== null) {
    return givenUpAt - at >= settings.replyTimeoutMs && givenUpAt !== diedAt ? givenUpAt : null
  }
  // In the instant of its death nobody can tell whether it still heard. A process that closes lives until it has heard (Q19).
  return diedAt === endedAt && leftover === null ? null : endedAt
}

/** The shapes of an HTTP date, by its ends; the rest is left to `Date.parse`. */
const HTTP_DATE = /^[A-Z][a-z]{2,8},? [\w -]+ \d\d:\d\d:\d\d (?:GMT|\d{4})$/

/** How long the reply asks at least to wait, at most 1 h (Q7). */
export function retryAfterMs(
  { requests }: RunRecord,
  { reply, endedWall }: SeenRequest,
): number | null {
  const value = reply?.headers['retry-after']?.trim() ?? ''
  if (/^\d+(\.\d+)?$/.test(value)) return Math.min(3_600_000, Math.ceil(Number(value)) * 1000)
  if (!HTTP_DATE.test(value)) return null
  const date = reply?.headers['date']
  // Without a date of its own the corrected clock decides, and any reply may have corrected it.
  const isCorrected = requests.some((sent) => sent.reply?.headers['date'] !== undefined)
  if (date === undefined && isCorrected) return 0
  const from = date === undefined ? (endedWall ?? 0) : atGreenwich(date)
  const ms = atGreenwich(value) - from
  return Number.isFinite(ms) ? Math.min(3_600_000, Math.max(0, ms)) : null
}

/** The format of asctime does not name the zone. */
function atGreenwich(date: string): number {
  return Date.parse(date.endsWith('GMT') ? date : `${date} GMT`)
}
