/**
 * Judges the outcome of an attempt, and the outcome of a read: the rules Q4 to Q9, T4 and R5 as pure functions. They
 * decide only about this envelope or this read, never about tokens or other lanes.
 */
import type { EnvelopeRow } from '../../../storage/rows.ts'
import type { DeadReason, Instant } from '../../model.ts'
import type { Settings } from '../../options.ts'
import type { Interpreted } from '../../operations/interpreted.ts'
import { countsTowardsDeath, isSuccess } from '../../operations/reply-status.ts'
import { type Failure, wordOf } from '../../failure.ts'
import { retryAfterMs } from '../../transport/retry-after.ts'
import type { Reply } from '../../ports/transport.ts'
import { backoffMs } from '../backoff.ts'
import { withRandomPart } from './asked-wait.ts'

export type Verdict =
  | { readonly verdict: 'completed' }
  /** The members of a rejected envelope are sent once more one by one (Q4). */
  | { readonly verdict: 'alone' }
  | {
      readonly verdict: 'dead'
      readonly reason: DeadReason
      /** Since when the outcome is unknown, or null. Such an envelope dies and comes back whole, with its key (Q8). */
      readonly unknownSince: Instant | null
      readonly limitMs: number | null
    }
  | { readonly verdict: 'refused' }
  /** Sent again after a wait. `limitMs`: how long the server asks every lane to wait. */
  | { readonly verdict: 'waiting'; readonly envelope: EnvelopeRow; readonly limitMs: number | null }

export interface Judged {
  /** The envelope as it is known so far. */
  readonly envelope: EnvelopeRow
  /** Null: there was no reply. */
  readonly reply: Reply | null
  /** The reason why there was no reply; null: there was a reply. */
  readonly failure: Failure | null
  /** True if no byte of the request has left (Q6). */
  readonly isUnsent: boolean
  /** The generation of the token that was sent; null: the request was unsigned. */
  readonly generation: number | null
  /** True if a captive portal gave the reply, and not the server (Q6). */
  readonly isPortal: boolean
  /** Null: the kind's code threw, or there was no reply. */
  readonly interpretation:
    (Pick<Interpreted, 'outcome'> & { readonly reason?: Interpreted['reason'] }) | null
  readonly sentAt: Instant
  readonly now: Instant
  /** The same moment by the corrected clock (T9). */
  readonly serverNow: Instant
  /** True if another request to that origin was answered since the attempt before (Q8). */
  readonly othersWereAnswered: boolean
  /** At least 0, less than 1: the jitter of the wait. */
  readonly fraction: number
  /** The same for the random part of a wait that a `Retry-After` asks for; 0: there is none. */
  readonly askedFraction: number
  readonly settings: Pick<Settings, 'backoff' | 'maxAttempts' | 'patienceMs'>
}

export function judge(judged: Judged): Verdict {
  const { envelope, interpretation } = judged
  switch (interpretation?.outcome) {
    case 'accepted':
      return { verdict: 'completed' }
    case 'refused-token':
      return { verdict: 'refused' }
    case 'rejected':
      return envelope.members.length > 1
        ? { verdict: 'alone' }
        : {
            verdict: 'dead',
            reason: interpretation.reason ?? 'rejected',
            unknownSince: null,
            limitMs: null,
          }
    case 'retry':
    case undefined:
      return judgeAgain(judged)
  }
}

/** The outcomes `retry`, `unknown` and `unsent`. */
function judgeAgain(judged: Judged): Verdict {
  const { envelope, reply, failure, isUnsent, generation, sentAt, now, settings } = judged
  const isUnknown = reply === null && !isUnsent
  // The status says that the server has taken it, the rest of the reply does not: the outcome is unknown (Q5, Q8).
  const isDoubtful = reply !== null && !judged.isPortal && isSuccess(reply.status)
  const attempts = envelope.attempts + 1
  const unsentAttempts = envelope.unsentAttempts + (isUnsent ? 1 : 0)
  const countedAttempts = envelope.countedAttempts + (isCounted(judged) ? 1 : 0)
  const firstAttemptAt = isUnsent ? envelope.firstAttemptAt : firstAttemptOf(judged)
  const unknownSince = envelope.unknownSince ?? (isUnknown || isDoubtful ? sentAt : null)
  const asked = reply === null ? null : retryAfterMs(reply.headers, judged.serverNow)
  const askedMs = asked === null ? null : withRandomPart(asked, judged.askedFraction)
  const limitMs = reply?.status === 429 || reply?.status === 503 ? askedMs : null
  // An attempt that was not sent causes only a wait, never a death (Q8).
  const patientSince = isUnsent ? Number.POSITIVE_INFINITY : (firstAttemptAt ?? sentAt)
  if (countedAttempts >= settings.maxAttempts && now - patientSince >= settings.patienceMs) {
    return { verdict: 'dead', reason: 'attempts-exhausted', unknownSince, limitMs }
  }
  const waitMs = Math.max(backoffMs(attempts, judged.fraction, settings.backoff), askedMs ?? 0)
  const isRefusal = reply?.status === 425 || reply?.status === 429
  const isUntouched = isUnsent && !isBound(envelope)
  const mayBeFormedAnew = (isRefusal || isUntouched) && unknownSince === null
  return {
    verdict: 'waiting',
    limitMs,
    envelope: {
      ...envelope,
      ...(mayBeFormedAnew ? { key: null, members: [] } : {}),
      attempts,
      unsentAttempts,
      countedAttempts,
      firstAttemptAt,
      unknownSince,
      retryAt: now + waitMs,
      waitMs,
      askedMs: askedMs ?? 0,
      waitsAfterUnknown: reply === null,
      tooLargeGeneration:
        (reply?.status === 431 ? generation : null) ?? envelope.tooLargeGeneration,
      lastStatus: reply?.status ?? envelope.lastStatus,
      lastCode: failure === null ? null : wordOf(failure),
      lastFailedAt: now,
    },
  }
}

/** Statuses after which the server has certainly not begun to process the request (Q5). */
const DEFINITE_REFUSALS: ReadonlySet<number | null> = new Set([401, 425, 429])

/**
 * True if the envelope may only be sent again unchanged (Q5). This is so after every attempt that has left, except after
 * a definite refusal. An attempt with the outcome `unsent` changes nothing of that.
 */
export function isBound(envelope: EnvelopeRow): boolean {
  const { attempts, unsentAttempts, unknownSince, lastStatus } = envelope
  if (unknownSince !== null) return true
  return attempts > unsentAttempts && !DEFINITE_REFUSALS.has(lastStatus)
}

/** The time of the first attempt that was not `unsent`: patience begins with it (Q8). */
function firstAttemptOf({ envelope, sentAt, now }: Judged): Instant {
  // An envelope that was only recorded until now has not been attempted, however long ago that was. A process that died
  // after the recording may have sent it, or not; patience is never shorter for that.
  const isFirst = envelope.attempts === envelope.unsentAttempts
  const firstSentAt = isFirst ? sentAt : (envelope.firstAttemptAt ?? sentAt)
  // A clock that jumped back does not make the patience longer than it is from now on.
  return Math.min(firstSentAt, now)
}

function isCounted({ envelope, reply, isUnsent, generation, ...judged }: Judged): boolean {
  if (isUnsent) return false
  if (reply === null) return judged.othersWereAnswered
  // With this token the server has not even read the request: a newer token can help. Nothing can help a request without
  // a token, so it counts from the first attempt.
  const isFirstTooLarge = generation !== null && generation !== envelope.tooLargeGeneration
  if (reply.status === 431 && isFirstTooLarge) return false
  return countsTowardsDeath(reply.status)
}

/**
 * True if only this lane meets a captive portal, because the server itself has answered other lanes since this lane first
 * met the portal. Then there is no portal, and the reply is judged (Q6). `repliesAtPortal`: the count of replies at that
 * time; null: this is the first time.
 */
export function meetsPortalAlone(repliesAtPortal: number | null, replyCount: number): boolean {
  return repliesAtPortal !== null && replyCount > repliesAtPortal
}

/** The consequence of a reply for its read. */
export type ReadVerdict =
  /** A 401: it has the full effect of T4. */
  | 'refused'
  /** A refused token under another status: only the read waits for a newer token (R3). */
  | 'doubted'
  | 'later'
  | 'accepted'
  | 'failed'

export interface JudgedRead {
  readonly status: number
  /** True if a captive portal gave the reply, and not the server (Q6). */
  readonly isPortal: boolean
  /** True if the server has already told the read once to come later (R5). */
  readonly isLastTry: boolean
  /** The judgement of the app's code. Null: the read has no such code, or a captive portal gave the reply. */
  readonly outcome: Interpreted['outcome'] | null
}

export function judgeRead({ status, isPortal, isLastTry, outcome }: JudgedRead): ReadVerdict {
  switch (outcome) {
    case 'accepted':
      return 'accepted'
    case 'refused-token':
      return status === 401 ? 'refused' : 'doubted'
    case 'retry':
      return isLastTry ? 'failed' : 'later'
    case 'rejected':
      return 'failed'
    case null:
      if (status === 401 && !isPortal) return 'refused'
      if ((status === 425 || status === 429) && !isLastTry) return 'later'
      return isSuccess(status) && !isPortal ? 'accepted' : 'failed'
  }
}
