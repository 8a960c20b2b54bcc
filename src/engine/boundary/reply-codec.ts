/**
 * Replies in a journal: what decides, not what they say. Of headers only what is made of them, because a server may
 * put anything there, also a token (E6). A journal of an earlier version has the headers themselves.
 */
import type { Json } from '../../journal/lines.ts'
import { parseHttpDate } from '../../transport/http-date.ts'
import { secondsAskedFor } from '../../transport/retry-after.ts'
import type { Reply } from '../../ports/transport.ts'
import type { Boundary, Codec } from './boundary.ts'

type BodyType = 'json' | 'html' | 'other'

/** Of each type a label that has it. */
const LABELS: Readonly<Record<BodyType, string>> = {
  json: 'application/json',
  html: 'text/html',
  other: 'application/octet-stream',
}

interface WrittenReply {
  readonly status: number
  readonly cut?: boolean
  /** Milliseconds, an instant, or a value that says nothing. */
  readonly retryAfter?: { readonly ms: number } | { readonly at: number } | string
  /** An instant. */
  readonly date?: number | string
  readonly type?: string
}

/** `boundary`: its wall clock tells the century of a year of two digits. */
export function replyCodecOf(boundary: Pick<Boundary, 'wall'>): Codec<Reply> {
  return {
    write: ({ status, headers, body, isCut }) => ({
      status,
      cut: isCut,
      retryAfter: writtenRetryAfter(headers['retry-after'], boundary.wall),
      date: instantOf(headers.date, boundary.wall) ?? undefined,
      location: headers.location === undefined ? undefined : 'redacted',
      type: headers['content-type'] === undefined ? undefined : typeOf(headers['content-type']),
      bytes: Buffer.byteLength(body),
    }),
    read: (json) => {
      const { status, retryAfter, date, type } = json as unknown as WrittenReply
      return {
        status,
        body: '',
        headers: {
          ...(retryAfter === undefined ? {} : { 'retry-after': headerOf(retryAfter) }),
          ...(date === undefined ? {} : { date: dateOf(date) }),
          ...(type === undefined ? {} : { 'content-type': LABELS[type as BodyType] ?? type }),
        },
      }
    },
  }
}

/** A header that asks for nothing that can be understood still draws the random part of a wait. */
function writtenRetryAfter(header: string | undefined, now: number): Json | undefined {
  if (header === undefined) return undefined
  const seconds = secondsAskedFor(header)
  if (seconds !== null) return { ms: seconds * 1000 }
  const at = instantOf(header, now)
  return at === null ? 'other' : { at }
}

function headerOf(retryAfter: NonNullable<WrittenReply['retryAfter']>): string {
  if (typeof retryAfter === 'string') return retryAfter
  return 'ms' in retryAfter ? String(retryAfter.ms / 1000) : dateOf(retryAfter.at)
}

function instantOf(header: string | undefined, now: number): number | null {
  return header === undefined ? null : parseHttpDate(header.trim(), now)
}

function dateOf(date: number | string): string {
  return typeof date === 'string' ? date : new Date(date).toUTCString()
}

function typeOf(label: string): BodyType {
  if (/^[^;]{0,64}[/+]json\b/i.test(label)) return 'json'
  return /^[^;]{0,64}html\b/i.test(label) ? 'html' : 'other'
}
