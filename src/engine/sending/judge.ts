/**
 * Judges what an attempt came to, and what a read came to: the rules Q4 to Q9, T4 and R5 as pure functions. They say what
 * becomes of this envelope or this read; tokens and other lanes are not theirs.
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
      /** Since when its outcome is unknown, if it is: it dies whole then, and comes back whole under the same key (Q8). */
      readonly unknownSince: Instant | null
      readonly limitMs: number | null
    }
  | { readonly verdict: 'refused' }
  /** Sent again after a wait. `limitMs`: how long the server asks every lane to wait. */
  | { readonly verdict: 'waiting'; readonly envelope: EnvelopeRow; readonly limitMs: number | null }

export interface Judged {
  /** What is known of the envelope so far. */
  readonly envelope: EnvelopeRow
  /** Null: there was no reply. */
  readonly reply: Reply | null
  /** Why there was none; null: there was one. */
  readonly failure: Failure | null
  /** True if no byte of the request has left (Q6). */
  readonly isUnsent: boolean
  /** The generation of the token that was sent; null: the request was unsigned. */
  readonly generation: number | null
  /** True if a captive portal gave the reply: it is no word of the server (Q6). */
  readonly isPortal: boolean
  /** Null: the kind's code threw, or there was no reply. */
  readonly interpretation:
    (Pick<Interpreted, 'outcome'> & { readonly reason?: Interpreted['reason'] }) | null
  readonly sentAt: Instant
  readonly now: Instant
  /** The same moment by the corrected clock (T9). */
  readonly serverNow: Instant
  /** Was some other request to that origin answered since the attempt before? (Q8) */
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
  // By the status the server has taken it, by the rest of the reply not: nobody knows (Q5, Q8).
  const isDoubtful = reply !== null && !judged.isPortal && isSuccess(reply.status)
  const attempts = envelope.attempts + 1
  const unsentAttempts = envelope.unsentAttempts + (isUnsent ? 1 : 0)
  const countedAttempts = envelope.countedAttempts + (isCounted(judged) ? 1 : 0)
  const firstAttemptAt = isUnsent ? envelope.firstAttemptAt : firstAttemptOf(judged)
  const unknownSince = envelope.unknownSince ?? (isUnknown || isDoubtful ? sentAt : null)
  const asked = reply === null ? null : retryAfterMs(reply.headers, judged.serverNow)
  const askedMs = asked === null ? null : withRandomPart(asked, judged.askedFraction)
  const limitMs = reply?.status === 429 || reply?.status === 503 ? askedMs : null
  // What was not sent leaves nothing but its wait: nothing dies of it (Q8).
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
      waitsAfterUnknown: reply === null,
      tooLargeGeneration:
        (reply?.status === 431 ? generation : null) ?? envelope.tooLargeGeneration,
      lastStatus: reply?.status ?? envelope.lastStatus,
      lastCode: failure === null ? null : wordOf(failure),
      lastFailedAt: now,
    },
  }
}

/** After these the server has surely not begun with it (Q5). */
const DEFINITE_REFUSALS: ReadonlySet<number | null> = new Set([401, 425, 429])

/**
 * May the envelope only be sent again as it was (Q5)? So it is after every attempt that has left, but for a definite
 * refusal; an attempt that came to `unsent` changes nothing of that.
 */
export function isBound(envelope: EnvelopeRow): boolean {
  const { attempts, unsentAttempts, unknownSince, lastStatus } = envelope
  if (unknownSince !== null) return true
  return attempts > unsentAttempts && !DEFINITE_REFUSALS.has(lastStatus)
}

/** The first attempt that was not `unsent`: patience begins with it (Q8). */
function firstAttemptOf({ envelope, sentAt, now }: Judged): Instant {
  // What was only recorded until now has not been attempted, however long ago that was; a process that died
  // after recording it may have sent it, or not, and patience is never shorter for that.
  const isFirst = envelope.attempts === envelope.unsentAttempts
  const firstSentAt = isFirst ? sentAt : (envelope.firstAttemptAt ?? sentAt)
  // A clock that jumped back does not make the patience longer than it is from now on.
  return Math.min(firstSentAt, now)
}

function isCounted({ envelope, reply, isUnsent, generation, ...judged }: Judged): boolean {
  if (isUnsent) return false
  if (reply === null) return judged.othersWereAnswered
  // With this token the server has not even read the request: a newer token can help. Nothing can for a request
  // without a token, so it counts from the first.
  const isFirstTooLarge = generation !== null && generation !== envelope.tooLargeGeneration
  if (reply.status === 431 && isFirstTooLarge) return false
  return countsTowardsDeath(reply.status)
}

/**
 * True if only this lane meets a captive portal, because the server itself has answered others since the lane first met it:
 * then it is no portal, and the reply is judged (Q6). `repliesAtPortal`: how many replies there were by then; null: this is the
 * first time.
 */
export function meetsPortalAlone(repliesAtPortal: number | null, replyCount: number): boolean {
  return repliesAtPortal !== null && replyCount > repliesAtPortal
}

/** What becomes of a read that was answered. */
export type ReadVerdict = 'refused' | 'later' | 'accepted' | 'failed'

/** `isLastTry`: the read has been told to come later once (R5). */
export function judgeRead(status: number, isPortal: boolean, isLastTry: boolean): ReadVerdict {
  if (status === 401 && !isPortal) return 'refused'
  if ((status === 425 || status === 429) && !isLastTry) return 'later'
  return isSuccess(status) && !isPortal ? 'accepted' : 'failed'
}
