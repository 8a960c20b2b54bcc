/**
 * The calls of the token source: at most one per user that anybody still waits for (T6). The token
 * machine decides when to call; this does it, and tells the machine what came of it.
 */
import type { CoolDownCause } from '../../machines/token.machine.ts'
import type { Answered, Question } from '../engine/boundary/boundary.ts'
import { jitteredMs } from '../engine/boundary/chance.ts'
import type { Core } from '../engine/core.ts'
import { backoffMs } from '../engine/sending/judge.ts'
import { HoldfastError } from '../errors.ts'
import type { TokenNeedReason, UserId } from '../model.ts'
import { ANSWER_TIMEOUT_MS } from '../ports/answer-timeout.ts'
import { codeIn } from '../thrown.ts'
import type { Token } from './token.ts'
import { tokenTextOf } from './token-text.ts'
import type { Taken } from './takings.ts'
import type { Wallet } from './wallet.ts'

/** After a failure: 1 s, doubling to 5 min (T6). */
const UNAVAILABLE = { base: 1000, cap: 300_000 } as const
/** After a refreshed token was refused too: 30 s, doubling to 15 min (T8). */
const REFUSED_AGAIN = { base: 30_000, cap: 900_000, jitter: false } as const

/** What the source answered: a token, nothing, or something that is no token. */
type Yield = Token | null | 'malformed'

interface Call {
  readonly user: UserId
  readonly reason: TokenNeedReason
  /** The one it was made for (T11). */
  readonly session: number
  readonly abort: AbortController
  /** The number of the question. */
  ask: number
}

/** A call under way, as a journal's summary has it. */
export type SavedCall = Omit<Call, 'abort'> & {
  /** Does the user's machine still wait for it? */
  readonly isAwaited: boolean
}

export class Refresher {
  readonly #core: Core
  readonly #wallet: Wallet
  readonly #readToken: (secret: string) => Token
  readonly #tokenOf: (facts: Token['facts']) => Token
  /** The call that each user's machine waits for. */
  readonly #calls = new Map<UserId, Call>()
  /** Every call without an answer, also those that nobody waits for any more. */
  readonly #open = new Set<Call>()

  constructor(
    core: Core,
    wallet: Wallet,
    readToken: (secret: string) => Token,
    tokenOf: (facts: Token['facts']) => Token,
  ) {
    this.#core = core
    this.#wallet = wallet
    this.#readToken = readToken
    this.#tokenOf = tokenOf
    wallet.onEnd = (user) => this.#forget(user)
  }

  ask(user: UserId, reason: TokenNeedReason): void {
    // What came meanwhile from another process has not ended it: it is joined (T6).
    if (this.#calls.has(user)) return
    const { boundary } = this.#core
    const call: Call = {
      user,
      reason,
      session: this.#wallet.session(user),
      abort: new AbortController(),
      ask: 0,
    }
    this.#calls.set(user, call)
    this.#open.add(call)
    boundary.arm(timeoutOf(user), ANSWER_TIMEOUT_MS, () => this.#timedOut(user))
    call.ask = boundary.ask(this.#question(call), (answer) => this.#answered(call, answer))
  }

  coolDown(user: UserId, cause: CoolDownCause, round: number): void {
    const { boundary } = this.#core
    const waitMs =
      cause === 'refused-again'
        ? backoffMs(round, 1, REFUSED_AGAIN)
        : jitteredMs(this.#core, round, UNAVAILABLE)
    boundary.arm(coolDownOf(user), waitMs, () => this.#cooledDown(user))
  }

  /** For a journal that begins here. */
  save(): readonly SavedCall[] {
    return Array.from(this.#open, ({ abort: _abort, ...call }) => ({
      ...call,
      isAwaited: this.#calls.get(call.user)?.ask === call.ask,
    }))
  }

  restore(saved: readonly SavedCall[], alarms: ReadonlySet<string>, users: Iterable<UserId>): void {
    const { boundary } = this.#core
    for (const { isAwaited, ...rest } of saved) {
      const call: Call = { ...rest, abort: new AbortController() }
      const { user } = call
      this.#open.add(call)
      if (isAwaited) {
        this.#calls.set(user, call)
        boundary.rearm(timeoutOf(user), () => this.#timedOut(user))
      }
      boundary.reask(call.ask, this.#question(call), (answer) => this.#answered(call, answer))
    }
    for (const user of users) {
      if (alarms.has(coolDownOf(user)))
        boundary.rearm(coolDownOf(user), () => this.#cooledDown(user))
    }
  }

  #cooledDown(user: UserId): void {
    const working = (this.#core.lanes.ofUser(user)?.pending ?? 0) > 0
    this.#core.pilot.token(user, { type: 'alarm.fired', working })
  }

  coolDownEnded(user: UserId): void {
    this.#core.boundary.disarm(coolDownOf(user))
  }

  /** T8: the cause is the first 401, by identity. */
  refreshFailed(user: UserId): void {
    const error = new HoldfastError(
      'AUTH_REFRESH_FAILED',
      `the server refused a fresh token of ${user} too`,
      { cause: this.#wallet.firstRefusal(user), retryable: true },
    )
    this.#core.report('token.refreshFailed', { user, error })
  }

  /** Nobody waits any more. */
  abortAll(): void {
    for (const { abort } of this.#calls.values()) abort.abort()
    this.#calls.clear()
  }

  /** Nobody waits for it any more; it is not aborted, because it may have begun (T6). */
  #forget(user: UserId): void {
    if (this.#calls.delete(user)) this.#core.boundary.disarm(timeoutOf(user))
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
            : this.#tokenOf((json as unknown as { token: Token['facts'] }).token),
      },
      put: async () => {
        const answer: unknown = await this.#core.ports.tokens?.({
          user,
          reason,
          signal: abort.signal,
        })
        if (answer === null || answer === undefined) return null
        const text = tokenTextOf(answer)
        return text === null ? 'malformed' : this.#readToken(text)
      },
    }
  }

  #answered(call: Call, answer: Answered<Yield>): void {
    const { user, session } = call
    this.#open.delete(call)
    const isAwaited = this.#calls.get(user) === call
    if (isAwaited) {
      this.#calls.delete(user)
      this.#core.boundary.disarm(timeoutOf(user))
    }
    // A session that has ended wants nothing of it any more (T11).
    if (session !== this.#wallet.session(user)) return
    if (!answer.ok) this.#failed(user, answer.error, isAwaited)
    else if (answer.value === null) this.#denied(user, isAwaited)
    else if (answer.value === 'malformed') {
      const message = 'the token source must answer null or a token that a header can carry'
      this.#failed(user, new TypeError(message), isAwaited)
    } else this.#yielded(user, answer.value, isAwaited)
  }

  #timedOut(user: UserId): void {
    this.#calls.delete(user)
    this.#reportUnavailable(user, new Error('no answer in time'))
    this.#core.pilot.token(user, { type: 'source.failed' })
  }

  #yielded(user: UserId, token: Token, isAwaited: boolean): void {
    const { pilot } = this.#core
    this.#wallet.take(user, token, (taken: Taken) => {
      if (!isAwaited || taken.taken === 'late') return
      if (taken.taken === 'refused') pilot.token(user, { type: 'source.repeated' })
      else if (taken.taken === 'failed') this.#failed(user, taken.error, true)
      else pilot.token(user, { type: 'source.answered' })
    })
  }

  #denied(user: UserId, isAwaited: boolean): void {
    if (isAwaited) this.#core.pilot.token(user, { type: 'source.denied' })
  }

  #failed(user: UserId, error: Error, isAwaited: boolean): void {
    if (!isAwaited) return
    // Also one of another copy of this module, or of another realm.
    if (codeIn(error) === 'AUTH_DENIED') {
      this.#denied(user, true)
      return
    }
    this.#reportUnavailable(user, error)
    this.#core.pilot.token(user, { type: 'source.failed' })
  }

  #reportUnavailable(user: UserId, cause: Error): void {
    const message = `the token source gave no token for ${user}`
    const error = new HoldfastError('AUTH_SOURCE_FAILED', message, { cause, retryable: true })
    this.#core.report('token.refreshFailed', { user, error })
  }
}

function timeoutOf(user: UserId): string {
  return `source:${user}`
}

function coolDownOf(user: UserId): string {
  return `refresh:${user}`
}
