/**
 * Sends one request and waits for its reply. The request is sent under the token that the owner has at that moment; the
 * attempt captures that token (T3). The wait is never longer than `replyTimeoutMs`.
 */
import { alarmOf } from '../alarms.ts'
import type { OperationRow } from '../../../storage/rows.ts'
import type { Json } from '../../journal/lines.ts'
import type { Instant } from '../../model.ts'
import type { BuiltRequest } from '../../operations/render-request.ts'
import type { Reply } from '../../ports/transport.ts'
import { type TokenFacts, tokenWithoutSecret } from '../tokens/token.ts'
import type { Wallet } from '../tokens/wallet.ts'
import { timeoutError } from '../../failure.ts'
import type { Attempt, Credential } from './attempt.ts'
import { AttemptWatch } from './attempt-watch.ts'
import { checkedReply } from './checked-reply.ts'
import type { Answered, Question } from '../boundary/boundary.ts'
import type { Context } from '../context.ts'
import type { Lane } from '../lanes/lane.ts'
import { replyCodecOf } from '../boundary/reply-codec.ts'
import { rowsCodec } from '../boundary/rows-codec.ts'
import { type Ending, failed, replied, timedOut } from './ending.ts'
import type { Settlement } from './settle.ts'
import type { OutcomeHandler } from './handle-outcome.ts'

/** An attempt in flight, in the summary of a journal. */
export interface SavedAttempt {
  readonly ask: number
  readonly members: Json
  readonly key: string
  readonly credential: { readonly token: TokenFacts; readonly generation: number } | null
  readonly sentAt: Instant
}

export interface RequestsParts {
  readonly context: Context
  readonly wallet: Wallet
  readonly settlement: Settlement
  readonly outcomeHandler: OutcomeHandler
}

export class Requests {
  readonly #context: Context
  readonly #parts: RequestsParts
  /** True if the engine has closed: an attempt that is still being prepared is not sent. */
  #isStopped = false

  constructor(parts: RequestsParts) {
    this.#parts = parts
    this.#context = parts.context
  }

  send(lane: Lane, members: readonly OperationRow[], key: string, request: BuiltRequest): void {
    const { boundary, settings, report } = this.#context
    const { user } = lane
    if (this.#isStopped || !this.#parts.wallet.mayLeave(user)) {
      this.#parts.settlement.end(lane)
      return
    }
    const credential = user === null ? null : this.#parts.wallet.credential(user)
    const attempt: Attempt = {
      members,
      key,
      credential,
      sentAt: boundary.wall,
      abort: new AbortController(),
      watch: this.#watch(lane, members, key, credential),
      ask: 0,
      isAnswered: false,
      isLate: false,
    }
    lane.attempt = attempt
    for (const { id, kind } of members) report('operation.sent', { id, user, kind })
    const answered = this.#context.guarded(lane, (answer: Answered<Reply>) =>
      this.#answered(lane, attempt, this.#endingOf(lane, answer, credential)),
    )
    boundary.arm(alarmOf('reply', lane.id), settings.replyTimeoutMs, () =>
      this.#giveUp(lane, attempt),
    )
    attempt.ask = boundary.ask(this.#question(lane, attempt, request), answered)
  }

  /** The members of the attempt are erased: no reply to it may be judged against later state of the lane (T3). */
  abandon(lane: Lane): void {
    const { attempt } = lane
    if (attempt === null || attempt.isAnswered) return
    attempt.isAnswered = true
    this.#context.boundary.disarm(alarmOf('reply', lane.id))
    attempt.abort.abort()
    this.#parts.settlement.end(lane)
  }

  /** Stops waiting for the replies that are still out: the engine is closing. Nothing is sent from now on. */
  end(): void {
    this.#isStopped = true
    // This includes lanes without pending operations: another process may have forgotten the user in between.
    for (const lane of this.#context.lanes.all()) {
      if (lane.attempt === null) continue
      lane.attempt.isAnswered = true
      lane.attempt.abort.abort()
      lane.attempt.watch.ended()
    }
  }

  /** The attempt of the lane, for a journal that begins here. */
  save({ attempt }: Lane): SavedAttempt | null {
    if (attempt === null) return null
    const { ask, members, key, credential, sentAt } = attempt
    return {
      ask,
      members: rowsCodec.write(members),
      key,
      credential:
        credential === null
          ? null
          : { token: credential.token.facts, generation: credential.generation },
      sentAt,
    }
  }

  restore(lane: Lane, saved: SavedAttempt): void {
    const { boundary } = this.#context
    const { ask, members, key, credential, sentAt } = saved
    const rows = rowsCodec.read(members)
    const attempt: Attempt = {
      members: rows,
      key,
      credential:
        credential === null ? null : { ...credential, token: tokenWithoutSecret(credential.token) },
      sentAt,
      abort: new AbortController(),
      watch: this.#watch(lane, rows, key, null),
      ask,
      isAnswered: false,
      isLate: false,
    }
    lane.attempt = attempt
    const request = { method: '', path: '', headers: {}, body: null }
    boundary.rearm(alarmOf('reply', lane.id), () => this.#giveUp(lane, attempt))
    const answered = this.#context.guarded(lane, (answer: Answered<Reply>) =>
      this.#answered(lane, attempt, this.#endingOf(lane, answer, attempt.credential)),
    )
    boundary.reask(ask, this.#question(lane, attempt, request), answered)
  }

  /** Takes up the questions whose replies no attempt waits for, and which may still arrive. */
  restoreLate(
    open: readonly { readonly ask: number; readonly name: string }[],
    awaited: ReadonlySet<number | undefined>,
  ): void {
    for (const { ask, name } of open) {
      if (name !== 'send' || awaited.has(ask)) continue
      const put = () => Promise.reject<Reply>(new Error('nobody waits for it'))
      const codec = replyCodecOf(this.#context.boundary)
      const question = { name, args: () => null, codec, put }
      this.#context.boundary.reask(ask, question, () => undefined)
    }
  }

  #watch(
    lane: Lane,
    members: readonly OperationRow[],
    key: string,
    credential: Credential | null,
  ): AttemptWatch {
    const { place = 0, kind = '' } = members[0] ?? {}
    const attempt = (lane.envelopeAt(place)?.attempts ?? 0) + 1
    return new AttemptWatch(this.#context.boundary, () => ({
      operations: members.map((row) => row.id),
      kind,
      user: lane.user,
      key,
      attempt,
      generation: credential?.generation ?? null,
    }))
  }

  #question(lane: Lane, attempt: Attempt, request: BuiltRequest): Question<Reply> {
    const { members, key, credential, abort } = attempt
    const { user } = lane
    const operations = members.map((row) => row.id)
    const kind = members[0]?.kind ?? ''
    const generation = credential?.generation ?? null
    return {
      name: 'send',
      args: () => ({ user, kind, operations, key, generation }),
      codec: replyCodecOf(this.#context.boundary),
      put: async () => {
        const outgoing = {
          method: request.method,
          path: request.path,
          headers: headersOf(request, key),
          body: request.body,
          kind,
          user,
          operations,
        }
        const token = credential?.token.reveal() ?? null
        const { transport } = this.#context.ports
        const reply: unknown = await attempt.watch.send(() =>
          transport.send(outgoing, { token, signal: abort.signal }),
        )
        return checkedReply(reply)
      },
    }
  }

  /**
   * No reply came in time. The transport has until the end of this turn to tell whether a status has arrived, or whether
   * there was no connection (Q6).
   */
  #giveUp(lane: Lane, attempt: Attempt): void {
    const { boundary, settings } = this.#context
    attempt.isLate = true
    attempt.abort.abort(timeoutError(settings.replyTimeoutMs))
    const answered = () => this.#answered(lane, attempt, timedOut(settings.replyTimeoutMs))
    boundary.nextTurn(this.#context.guarded(lane, answered))
  }

  #endingOf({ user }: Lane, answer: Answered<Reply>, sent: Credential | null): Ending {
    return answer.ok
      ? replied(answer.value)
      : failed(answer.error, this.#parts.wallet.knownTokens(user, sent))
  }

  /** Only the first end is heard: giving up aborts the request, which then fails. */
  #answered(lane: Lane, attempt: Attempt, ending: Ending): void {
    if (attempt.isAnswered) return
    attempt.isAnswered = true
    this.#context.boundary.disarm(alarmOf('reply', lane.id))
    const isAborted = attempt.isLate && ending.reply === null && !ending.isUnsent
    // The error of an aborted transport says only that it was aborted.
    const known = isAborted ? timedOut(this.#context.settings.replyTimeoutMs) : ending
    this.#parts.outcomeHandler.handle(lane, attempt, known)
  }
}

function headersOf({ headers, body }: BuiltRequest, key: string): Record<string, string> {
  return {
    accept: 'application/json',
    ...(body === null ? {} : { 'content-type': 'application/json' }),
    ...headers,
    'idempotency-key': key,
  }
}
