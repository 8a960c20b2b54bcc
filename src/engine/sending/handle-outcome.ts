/**
 * Handles the end of an attempt: a reply, or the reason why there is none. The code of the kind interprets a reply; then
 * the outcome is judged (`judge.ts`), and the consequences are settled (`settle.ts`).
 */
import { blankEnvelope } from '../../../storage/blank-envelope.ts'
import type { DeadlineChange } from '../../../storage/changes.ts'
import type { EnvelopeRow, OperationRow } from '../../../storage/rows.ts'
import { HoldfastError } from '../../errors.ts'
import { wordOf } from '../../failure.ts'
import type { Instant, OperationId } from '../../model.ts'
import type { Misjudged } from '../../operations/interpreted.ts'
import type { Reply } from '../../ports/transport.ts'
import { excerptOf } from '../../scrub/excerpt.ts'
import type { Wallet } from '../tokens/wallet.ts'
import { askedFraction, jitter } from '../random-draws.ts'
import type { Context } from '../context.ts'
import type { Connectivity } from '../holds/connectivity.ts'
import type { Lane } from '../lanes/lane.ts'
import type { Attempt, Credential } from './attempt.ts'
import type { AttemptEnd } from './attempt-watch.ts'
import type { Ending } from './ending.ts'
import { admitFollowUps, type AdmittedFollowUp } from './follow-ups.ts'
import { judge, meetsPortalAlone, type Verdict } from './judge.ts'
import type { Replies } from './reply.ts'
import type { Settlement, Sensible } from './settle.ts'
import type { Refusals } from './refusals.ts'

/** The judgement of a reply, or of a missing reply. */
interface Judgement {
  readonly ending: Ending
  readonly verdict: Verdict
  readonly interpreted: Sensible | null
  readonly limit: DeadlineChange | null
}

export interface OutcomeHandlerParts {
  readonly context: Context
  readonly wallet: Wallet
  readonly connectivity: Connectivity
  readonly replies: Replies
  readonly settlement: Settlement
  readonly refusals: Refusals
}

export class OutcomeHandler {
  readonly #context: Context
  readonly #wallet: Wallet
  readonly #connectivity: Connectivity
  readonly #replies: Replies
  readonly #settlement: Settlement
  readonly #refusals: Refusals

  constructor(parts: OutcomeHandlerParts) {
    this.#context = parts.context
    this.#wallet = parts.wallet
    this.#connectivity = parts.connectivity
    this.#replies = parts.replies
    this.#settlement = parts.settlement
    this.#refusals = parts.refusals
  }

  handle(lane: Lane, attempt: Attempt, ending: Ending): void {
    const { reply } = ending
    const declared = this.#context.kinds.facts(attempt.members[0]?.kind ?? '')?.reply ?? null
    const isPortal = reply !== null && this.#replies.isPortal(reply, declared)
    if (isPortal && !meetsPortalAlone(lane.repliesAtPortal, this.#connectivity.replyCount)) {
      lane.repliesAtPortal = this.#connectivity.replyCount
      this.#connectivity.portalMet(reply.status)
      attempt.watch.ended({ outcome: null, status: reply.status, failure: null })
      this.#settlement.end(lane)
      return
    }
    if (reply !== null && !isPortal) this.#replies.genuine(reply)
    this.#interpret(lane, attempt, reply, (interpreted) => {
      attempt.watch.ended(endOf(ending, interpreted))
      const verdict = this.#judge(lane, attempt, ending, interpreted, isPortal)
      const limitMs = 'limitMs' in verdict ? verdict.limitMs : null
      const limit = limitMs === null ? null : this.#connectivity.limited(limitMs)
      if (reply !== null && !isPortal) this.#replies.portalGone()
      if (verdict.verdict === 'refused') {
        this.#refusals.refused(lane, attempt)
        return
      }
      if (reply !== null && !isPortal) this.#replies.accepted(lane.user, attempt.credential)
      this.#carryOut(lane, attempt, { ending, verdict, interpreted, limit })
    })
  }

  #judge(
    lane: Lane,
    attempt: Attempt,
    { reply, failure, isUnsent }: Ending,
    interpretation: Sensible | null,
    isPortal: boolean,
  ): Verdict {
    // Most replies are accepted, and then no other fact matters.
    if (interpretation?.outcome === 'accepted') return { verdict: 'completed' }
    const { boundary, settings } = this.#context
    const { members, key, credential, sentAt } = attempt
    const place = members[0]?.place ?? 0
    const known = lane.envelopeAt(place) ?? blankEnvelope(lane.id, place)
    const unknownSince = this.#unknownSince(lane, members, reply)
    const envelope = { ...known, key, members: members.map((row) => row.place), unknownSince }
    const isWaiting = interpretation === null || interpretation.outcome === 'retry'
    return judge({
      envelope,
      reply,
      failure,
      isUnsent,
      generation: credential?.generation ?? null,
      isPortal,
      interpretation,
      sentAt,
      now: boundary.wall,
      serverNow: this.#wallet.now(),
      othersWereAnswered:
        lane.repliesAtLastEnd !== null && this.#connectivity.replyCount > lane.repliesAtLastEnd,
      fraction: isWaiting ? jitter(this.#context) : 0,
      askedFraction: isWaiting && asksToWait(reply) ? askedFraction(this.#context) : 0,
      settings,
    })
  }

  /** Passes the interpretation of the reply by the kind's code; null: the code failed, or there was no reply. */
  #interpret(
    lane: Lane,
    { members }: Attempt,
    reply: Reply | null,
    then: (interpreted: Sensible | null) => void,
  ): void {
    if (reply === null) {
      then(null)
      return
    }
    const kind = members[0]?.kind ?? ''
    const afterUnknown = this.#unknownSince(lane, members, reply) !== null
    const interpreted = this.#context.kinds.interpret(members, lane.owner, reply, afterUnknown)
    if ('misjudged' in interpreted) {
      this.#reportMisjudged(kind, interpreted)
      then(null)
      return
    }
    for (const { id, why } of interpreted.lostResults ?? []) this.#reportLostResult(kind, id, why)
    const admitted = (followUps: readonly AdmittedFollowUp[] | Error) => {
      if (!(followUps instanceof Error)) {
        then({ ...interpreted, followUps })
        return
      }
      this.#reportNoSense(kind, followUps)
      then(null)
    }
    admitFollowUps(this.#context, interpreted.followUps, this.#context.guarded(lane, admitted))
  }

  /** Since when the outcome of this envelope is unknown, by its recorded envelope and by this reply. */
  #unknownSince(lane: Lane, members: readonly OperationRow[], reply: Reply | null): Instant | null {
    const known = lane.envelopeAt(members[0]?.place ?? 0)?.unknownSince ?? null
    // After a crash in the middle of a send, a 409 shows a conflict with the first sending, and proves that send (Q5).
    const isUnknown = lane.isOutcomeUnknown || (lane.mayHaveBeenSent && reply?.status === 409)
    return known ?? (isUnknown ? (lane.attempt?.sentAt ?? this.#context.boundary.wall) : null)
  }

  /** A reply that the kind's code could not interpret is a `retry`, bounded by Q8: never a loss. */
  #reportMisjudged(kind: string, { misjudged, cause }: Misjudged): void {
    if (misjudged === 'threw') {
      this.#reportNoSense(kind, cause)
      return
    }
    const message = `a follow-up of ${kind} names another owner`
    this.#context.report('error', { error: new HoldfastError('FOREIGN_FOLLOW_UP', message) })
  }

  /** The operation is completed all the same (Q23). */
  #reportLostResult(kind: string, id: OperationId, why: string): void {
    const message = `the result of ${id} (${kind}) was left out: ${why}`
    const error = new HoldfastError('APP_CODE_FAILED', message, { operationId: id })
    this.#context.report('error', { error })
  }

  #reportNoSense(kind: string, cause: Error | null): void {
    const message = `interpret of ${kind} threw, or made no sense`
    this.#context.report('error', {
      error: new HoldfastError('APP_CODE_FAILED', message, { cause }),
    })
  }

  #carryOut(
    lane: Lane,
    attempt: Attempt,
    { ending, verdict, interpreted, limit }: Judgement,
  ): void {
    const { members } = attempt
    const { reply } = ending
    switch (verdict.verdict) {
      case 'completed':
        this.#settlement.complete(lane, members, interpreted)
        return
      case 'alone':
        this.#settlement.sendAlone(lane, members)
        return
      case 'dead': {
        const { unknownSince } = verdict
        this.#settlement.bury(lane, unknownSince === null ? members.slice(0, 1) : members, {
          reason: verdict.reason,
          // Without a reply, the code of the failure says why (Q22): a journal does not have the failure's text.
          excerpt: reply === null ? wordOf(ending.failure) : this.#excerptOf(lane, attempt, reply),
          status: reply?.status ?? null,
          envelopeKey: unknownSince === null ? null : attempt.key,
          unknownSince,
          limit,
        })
        return
      }
      case 'waiting':
        this.#wait(lane, attempt, ending, verdict.envelope, limit)
        return
      case 'refused':
    }
  }

  #excerptOf({ user }: Lane, { credential }: Attempt, { body, isCut = false }: Reply): string {
    return excerptOf(body, { tokens: this.#wallet.knownTokens(user, credential), isCut })
  }

  #wait(
    lane: Lane,
    { members, credential }: Attempt,
    { reply, failure, isUnsent }: Ending,
    judged: EnvelopeRow,
    limit: DeadlineChange | null,
  ): void {
    const isOver = reply?.status === 431 && this.#hasNewerToken(lane, credential)
    const envelope = isOver ? { ...judged, retryAt: null } : judged
    const outcome = isUnsent ? 'unsent' : reply === null ? 'unknown' : 'retry'
    const why = { outcome, status: reply?.status ?? null, error: failure } as const
    this.#settlement.wait(lane, members, envelope, why, limit === null ? [] : [limit], () => {
      // An unsent attempt changes nothing: the process before this one may still have sent the head (Q10).
      if (!isUnsent) lane.mayHaveBeenSent = false
    })
  }

  /** A newer token ends the wait after 431 (Q7), also a token that has come during the attempt. */
  #hasNewerToken({ user }: Lane, sent: Credential | null): boolean {
    return user !== null && sent !== null && this.#wallet.generation(user) > sent.generation
  }
}

/** The outcome by the table of Q6. */
function endOf({ reply, failure, isUnsent }: Ending, interpreted: Sensible | null): AttemptEnd {
  if (reply === null) return { outcome: isUnsent ? 'unsent' : 'unknown', status: null, failure }
  return { outcome: interpreted?.outcome ?? 'retry', status: reply.status, failure }
}

function asksToWait(reply: Reply | null): boolean {
  return reply?.headers['retry-after'] !== undefined
}
