/**
 * The calls of the token source: at most one per user that anybody still waits for (T6). The token
 * machine decides when to call; this does it, and tells the machine what came of it.
 */
import type { CoolDownCause } from '../../machines/token.machine.ts'
import { jitter } from '../engine/chance.ts'
import type { Core } from '../engine/core.ts'
import { backoffMs } from '../engine/judge.ts'
import { HoldfastError, TokenDeniedError } from '../errors.ts'
import type { TokenNeedReason, UserId } from '../model.ts'
import type { Token } from './token.ts'
import type { Taken, Wallet } from './wallet.ts'

/** A source that has given no answer for so long counts as unavailable; a late answer is still taken. */
const ANSWER_TIMEOUT_MS = 60_000

/** After a failure: 1 s, doubling to 5 min (T6). */
const UNAVAILABLE = { base: 1000, cap: 300_000 } as const
/** After a refreshed token was refused too: 30 s, doubling to 15 min (T8). */
const REFUSED_AGAIN = { base: 30_000, cap: 900_000, jitter: false } as const

/** What the source answered: a token, nothing, or something that is no token. */
type Yield = Token | null | 'malformed'

export class Refresher {
  readonly #core: Core
  readonly #wallet: Wallet
  readonly #readToken: (secret: string) => Token
  readonly #tokenOf: (facts: Token['facts']) => Token
  /** The call that each user's machine waits for. */
  readonly #calls = new Map<UserId, AbortController>()

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
  }

  ask(user: UserId, reason: TokenNeedReason): void {
    const { boundary, ports, pilot } = this.#core
    const epoch = this.#wallet.epoch(user)
    const abort = new AbortController()
    const alarm = `source:${user}`
    this.#calls.set(user, abort)
    boundary.arm(alarm, ANSWER_TIMEOUT_MS, () => {
      this.#calls.delete(user)
      this.#reportUnavailable(user, new Error('no answer in time'))
      pilot.token(user, { type: 'source.failed' })
    })
    boundary.ask<Yield>(
      {
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
          const answer: unknown = await ports.tokens?.({ user, reason, signal: abort.signal })
          if (answer === null || answer === undefined) return null
          if (typeof answer !== 'string' || answer === '') return 'malformed'
          return this.#readToken(answer)
        },
      },
      (answer) => {
        const isAwaited = this.#calls.get(user) === abort
        if (isAwaited) {
          this.#calls.delete(user)
          boundary.disarm(alarm)
        }
        // A session that has ended wants nothing of it any more (T11).
        if (epoch !== this.#wallet.epoch(user)) return
        if (!answer.ok) this.#failed(user, answer.error, isAwaited)
        else if (answer.value === null) this.#denied(user, isAwaited)
        else if (answer.value === 'malformed') {
          this.#failed(
            user,
            new TypeError('the token source must answer a string or null'),
            isAwaited,
          )
        } else this.#yielded(user, answer.value, isAwaited)
      },
    )
  }

  coolDown(user: UserId, cause: CoolDownCause, round: number): void {
    const { boundary, settings, lanes, pilot } = this.#core
    const waitMs =
      cause === 'refused-again'
        ? backoffMs(round, 1, REFUSED_AGAIN)
        : backoffMs(round, jitter(this.#core), { ...UNAVAILABLE, jitter: settings.backoff.jitter })
    boundary.arm(`refresh:${user}`, waitMs, () => {
      const working = (lanes.ofUser(user)?.pending ?? 0) > 0
      pilot.token(user, { type: 'alarm.fired', working })
    })
  }

  coolDownEnded(user: UserId): void {
    this.#core.boundary.disarm(`refresh:${user}`)
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
    for (const abort of this.#calls.values()) abort.abort()
    this.#calls.clear()
  }

  #yielded(user: UserId, token: Token, isAwaited: boolean): void {
    const { pilot } = this.#core
    this.#wallet.take(user, token, (taken: Taken) => {
      if (!isAwaited) return
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
    if (error instanceof TokenDeniedError) {
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
