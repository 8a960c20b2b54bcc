/**
 * The calls of the token source: one at a time per user, and `maxSourceCalls` over all users; the others wait in a
 * queue (T6). The token machine decides when to call; this class calls, and tells the machine the result. A call of a
 * former session is no longer in flight, and neither is a call without an answer for 60 s.
 */
import { alarmOf } from '../alarms.ts'
import type { Answered, Question } from '../boundary/boundary.ts'
import type { Context } from '../context.ts'
import { HoldfastError } from '../../errors.ts'
import type { TokenNeedReason, UserId } from '../../model.ts'
import { ANSWER_TIMEOUT_MS } from '../../ports/answer-timeout.ts'
import { rebuilt } from '../../scrub/rebuilt.ts'
import { codeIn } from '../../thrown.ts'
import { type Token, tokenWithoutSecret } from './token.ts'
import type { TokenReader } from './token-reader.ts'
import { tokenTextOf } from './token-text.ts'
import type { TokenAcceptance } from './accept-token.ts'
import type { Wallet } from './wallet.ts'

/** The answer of the source: a token, nothing, or a value that is no token. */
type Yield = Token | null | 'malformed'

interface Call {
  readonly user: UserId
  readonly reason: TokenNeedReason
  /** The session for which it was made (T11). */
  readonly session: number
  /**
   * How many tokens of the user had arrived when the call began. If another token arrives, the answer is not used
   * (T6).
   */
  readonly arrivalCount: number
  readonly abort: AbortController
  /** The number of the question. */
  ask: number
}

/** A call that stands in the queue. */
interface Waiting {
  readonly reason: TokenNeedReason
  /**
   * How many tokens of the user had arrived when the call was asked for. If another token arrives, the call is not
   * needed. Null: the call is made in any case.
   */
  readonly arrivalCount: number | null
}

/** The calls as a journal's summary has them. */
export interface SavedCalls {
  /** `isInFlight`: true if the user's machine still waits for the call. */
  readonly open: readonly (Omit<Call, 'abort'> & { readonly isInFlight: boolean })[]
  readonly line: readonly (readonly [UserId, Waiting])[]
}

export interface RefresherParts {
  readonly context: Context
  readonly wallet: Wallet
  readonly tokenReader: TokenReader
}

export class Refresher {
  readonly #context: Context
  readonly #parts: RefresherParts
  readonly #inFlight = new Map<UserId, Call>()
  /** Users whose call waits in the queue, in the order of asking. */
  readonly #queue = new Map<UserId, Waiting>()
  /** Every call without an answer, including calls that are no longer in flight. */
  readonly #open = new Set<Call>()
  #isStopped = false

  constructor(parts: RefresherParts) {
    this.#parts = parts
    this.#context = parts.context
  }

  /**
   * Asks for a call of the source. A token that another process stored does not end a call that is in flight or in
   * the queue: that call is joined (T6).
   */
  ask(user: UserId, reason: TokenNeedReason): void {
    // Nothing can be sent now, so no token is needed (E2).
    if (this.#isStopped || this.#context.store.broken !== null) return
    if (this.isAsked(user)) return
    this.#queue.set(user, { reason, arrivalCount: this.#parts.wallet.arrivalCount(user) })
    this.#callNext()
  }

  /** True if the source is asked for a token of this user now, or will be as soon as other calls have ended. */
  isAsked(user: UserId): boolean {
    return this.#inFlight.has(user) || this.#queue.has(user)
  }

  /** `refreshToken()` was called: a call in the queue is made even if a token arrives first (T6). */
  insist(user: UserId): void {
    const waiting = this.#queue.get(user)
    if (waiting !== undefined) this.#queue.set(user, { ...waiting, arrivalCount: null })
  }

  /** For a journal that begins here. */
  save(): SavedCalls {
    return {
      open: Array.from(this.#open, ({ abort: _abort, ...call }) => ({
        ...call,
        isInFlight: this.#inFlight.get(call.user)?.ask === call.ask,
      })),
      line: [...this.#queue],
    }
  }

  restore({ open, line }: SavedCalls): void {
    const { boundary } = this.#context
    for (const { isInFlight, ...rest } of open) {
      const call: Call = { ...rest, abort: new AbortController() }
      const { user } = call
      this.#open.add(call)
      if (isInFlight) {
        this.#inFlight.set(user, call)
        boundary.rearm(alarmOf('source', user), () => this.#timedOut(call))
      }
      boundary.reask(call.ask, this.#question(call), (answer) => this.#answered(call, answer))
    }
    for (const [user, waiting] of line) this.#queue.set(user, waiting)
  }

  /** Reports the failed refresh. Its cause is the very error of the first 401 (T8). */
  refreshFailed(user: UserId): void {
    const error = new HoldfastError(
      'AUTH_REFRESH_FAILED',
      `the server refused a fresh token of ${user} too`,
      { cause: this.#parts.wallet.firstRefusal(user), retryable: true, user },
    )
    this.#context.report('token.refreshFailed', { user, error })
  }

  /** The engine closes: no call begins, and no call is in flight. */
  stop(): void {
    this.#isStopped = true
    this.#queue.clear()
    for (const call of Array.from(this.#inFlight.values())) this.#endCall(call, 'aborted')
  }

  #callNext(): void {
    for (const [user, waiting] of this.#queue) {
      if (this.#inFlight.size >= this.#context.settings.maxSourceCalls) return
      this.#queue.delete(user)
      if (this.#isNeedless(user, waiting)) {
        this.#context.pilot.token(user, { type: 'source.overtaken' })
      } else this.#call(user, waiting.reason)
    }
  }

  /** True if a token has arrived while the call stood in the queue. */
  #isNeedless(user: UserId, { arrivalCount }: Waiting): boolean {
    return arrivalCount !== null && arrivalCount !== this.#parts.wallet.arrivalCount(user)
  }

  #call(user: UserId, reason: TokenNeedReason): void {
    const { boundary } = this.#context
    const call: Call = {
      user,
      reason,
      session: this.#parts.wallet.session(user),
      arrivalCount: this.#parts.wallet.arrivalCount(user),
      abort: new AbortController(),
      ask: 0,
    }
    this.#inFlight.set(user, call)
    this.#open.add(call)
    boundary.arm(alarmOf('source', user), ANSWER_TIMEOUT_MS, () => this.#timedOut(call))
    call.ask = boundary.ask(this.#question(call), (answer) => this.#answered(call, answer))
  }

  /** Returns true if the call was in flight until now. */
  #endCall(call: Call, how: 'answered' | 'aborted'): boolean {
    const { user, abort } = call
    if (this.#inFlight.get(user) !== call) return false
    this.#inFlight.delete(user)
    this.#context.boundary.disarm(alarmOf('source', user))
    if (how === 'aborted') abort.abort()
    return true
  }

  /** The session of this user has ended. */
  readonly sessionEnded = (user: UserId): void => {
    this.#queue.delete(user)
    const call = this.#inFlight.get(user)
    if (call === undefined) return
    this.#endCall(call, 'aborted')
    this.#callNext()
  }

  #question({ user, reason, abort }: Call): Question<Yield> {
    return {
      name: 'source',
      args: () => ({ user, reason }),
      codec: {
        write: (answer) =>
          answer === null || answer === 'malformed' ? answer : { token: answer.toJSON() },
        read: (json) =>
          json === null || json === 'malformed'
            ? json
            : tokenWithoutSecret((json as unknown as { token: Token['facts'] }).token),
      },
      put: async () => {
        const answer: unknown = await this.#context.ports.tokenSource?.({
          user,
          reason,
          signal: abort.signal,
        })
        if (answer === null || answer === undefined) return null
        const text = tokenTextOf(answer)
        return text === null ? 'malformed' : this.#parts.tokenReader.read(text)
      },
    }
  }

  #answered(call: Call, answer: Answered<Yield>): void {
    const { user, session } = call
    this.#open.delete(call)
    const wasInFlight = this.#endCall(call, 'answered')
    // The answer to a call of a former session is not used (T11).
    if (session === this.#parts.wallet.session(user)) this.#handleAnswer(call, answer, wasInFlight)
    if (wasInFlight) this.#callNext()
  }

  /** The machine hears only of a call that was in flight. */
  #handleAnswer(call: Call, answer: Answered<Yield>, wasInFlight: boolean): void {
    const { user } = call
    if (answer.ok && answer.value !== null && answer.value !== 'malformed') {
      this.#yielded(call, answer.value, wasInFlight)
      return
    }
    if (!wasInFlight) return
    const isDenial = answer.ok ? answer.value === null : isDeniedBy(answer.error)
    const isOvertaken = call.arrivalCount !== this.#parts.wallet.arrivalCount(user)
    if (isDenial) {
      const type = isOvertaken ? 'source.overtaken' : 'source.denied'
      this.#context.pilot.token(user, { type })
    } else {
      const message = 'the token source must answer null or a token that a header can carry'
      this.#failed(user, answer.ok ? new TypeError(message) : answer.error)
    }
  }

  #timedOut(call: Call): void {
    if (!this.#endCall(call, 'aborted')) return
    this.#failed(call.user, new Error('no answer in time'))
    this.#callNext()
  }

  #yielded({ user, arrivalCount }: Call, token: Token, wasInFlight: boolean): void {
    const { pilot } = this.#context
    const then = (acceptance: TokenAcceptance) => {
      if (!wasInFlight || acceptance.result === 'sessionEnded') return
      if (acceptance.result === 'refused') pilot.token(user, { type: 'source.repeated' })
      else if (acceptance.result === 'overtaken') pilot.token(user, { type: 'source.overtaken' })
      else if (acceptance.result === 'failed') this.#failed(user, acceptance.error)
      else pilot.token(user, { type: 'source.answered' })
    }
    this.#parts.wallet.accept(user, token, then, arrivalCount)
  }

  /** The source gave no token: it is asked again after a while. */
  #failed(user: UserId, thrown: Error): void {
    // Never the object of a library, which can hold the whole answer (T16).
    const cause = rebuilt(thrown, this.#parts.wallet.knownTokens(user))
    const message = `the token source gave no token for ${user}`
    const options = { cause, retryable: true, user }
    const error = new HoldfastError('AUTH_SOURCE_FAILED', message, options)
    this.#context.report('token.refreshFailed', { user, error })
    this.#context.pilot.token(user, { type: 'source.failed' })
  }
}

/** True if the error is a denial, even one of another realm or of another copy of this package. */
function isDeniedBy(error: Error): boolean {
  return error.name === 'TokenDeniedError' || codeIn(error) === 'AUTH_DENIED'
}
