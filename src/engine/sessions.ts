/**
 * Who is logged in, what the server demands, and the beginning and end of each user's session. The
 * identity changes at the call, before anything is stored (I1); storing is repeated until it succeeds.
 */
import type { Change } from '../../storage/changes.ts'
import { asHoldfastError, HoldfastError } from '../errors.ts'
import type { DropReason, Requirement, UserId } from '../model.ts'
import type { Token } from '../tokens/token.ts'
import type { Wallet } from '../tokens/wallet.ts'
import type { Codec, Settle } from './boundary.ts'
import type { Core } from './core.ts'
import type { LaneLine } from './lane-line.ts'
import type { Waits } from './waits.ts'

export interface LoginArgs {
  readonly user: UserId
  readonly token: Token | null
}

export interface LogoutArgs {
  readonly pending: 'keep' | 'flush' | 'discard'
  readonly deadlineMs: number
}

/** What a logout left behind. */
export interface LogoutResult {
  /** Operations of that user that are still to be sent, under that user's token. */
  readonly pending: number
}

export function loginCodec(tokenOf: (facts: Token['facts']) => Token): Codec<LoginArgs> {
  return {
    write: ({ user, token }) => ({ user, token: token?.toJSON() ?? null }),
    read: (json) => {
      const { user, token } = json as unknown as {
        readonly user: UserId
        readonly token: Token['facts'] | null
      }
      return { user, token: token === null ? null : tokenOf(token) }
    },
  }
}

export class Sessions {
  readonly #core: Core
  readonly #wallet: Wallet
  readonly #waits: Waits
  /** Logouts that wait for their lane to be empty (I7). */
  readonly #flushing = new Map<UserId, () => void>()

  constructor(core: Core, wallet: Wallet, waits: Waits) {
    this.#core = core
    this.#wallet = wallet
    this.#waits = waits
  }

  login({ user, token }: LoginArgs, settle: Settle<void>): void {
    const { pilot } = this.#core
    if (token !== null && isOfAnother(user, token)) {
      settle.reject(mismatch(user))
      return
    }
    const stored = both(settle)
    if (pilot.user !== user) {
      pilot.identity({ type: 'user.loggedIn', user })
      const changes: Change[] = [{ change: 'identity', user }]
      if (this.#wallet.isLeaving(user)) {
        this.#wallet.setLeaving(user, false)
        changes.push({ change: 'leave', user, leaving: false })
      }
      this.#storeAtLast(changes, stored.first)
    } else {
      stored.first()
    }
    if (token === null) stored.second(null)
    else this.#take(user, token, stored.second)
  }

  logout({ pending, deadlineMs }: LogoutArgs, settle: Settle<LogoutResult>): void {
    const { pilot, lanes, boundary } = this.#core
    const { user } = pilot
    if (user === null) {
      settle.resolve({ pending: 0 })
      return
    }
    pilot.identity({ type: 'user.loggedOut' })
    const left = () => settle.resolve({ pending: lanes.ofUser(user)?.pending ?? 0 })
    const identity: Change = { change: 'identity', user: null }
    const line = lanes.ofUser(user)
    const isEmpty = line === undefined || line.pending === 0
    if (isEmpty || pending === 'discard') {
      this.#storeAtLast([identity], () => {
        if (line === undefined || isEmpty) this.#end(user, left)
        else this.#purge(line, 'logout', () => this.#end(user, left))
      })
      return
    }
    this.#wallet.setLeaving(user, true)
    this.#storeAtLast([identity, { change: 'leave', user, leaving: true }], () => {
      if (pending === 'keep') left()
      else this.#flushing.set(user, left)
    })
    if (pending === 'flush') {
      boundary.arm(`logout:${user}`, deadlineMs, () => this.#flushed(user))
    }
  }

  updateToken({ user, token }: LoginArgs, settle: Settle<void>): void {
    if (token === null) settle.resolve()
    else
      this.#take(user, token, (error) => (error === null ? settle.resolve() : settle.reject(error)))
  }

  setRequirement(requirement: Requirement, settle: Settle<void>): void {
    this.#core.pilot.identity({ type: 'requirement.learned', requirement })
    this.#storeAtLast([{ change: 'requirement', requirement }], () => settle.resolve())
  }

  /**
   * I3: what the anonymous identity has stored is dropped, each reported. What is in flight is left
   * until its outcome is known; it is dropped then, unless the server took it.
   */
  dropAnonymous(): void {
    const line = this.#core.lanes.ofUser(null)
    if (line !== undefined && line.pending > 0) this.#purge(line, 'anonymous', () => undefined)
  }

  /** A user's lane is empty: if they have logged out, their session ends (T11). */
  emptied(user: UserId): void {
    if (this.#wallet.isLeaving(user)) this.#end(user, () => this.#flushed(user))
  }

  #flushed(user: UserId): void {
    this.#core.boundary.disarm(`logout:${user}`)
    this.#flushing.get(user)?.()
    this.#flushing.delete(user)
  }

  #end(user: UserId, then: () => void): void {
    this.#storeAtLast([{ change: 'endSession', user }], () => {
      this.#wallet.ended(user)
      then()
    })
  }

  #purge(line: LaneLine, reason: DropReason, then: () => void): void {
    const { boundary, store, report, pilot } = this.#core
    const except = line.attempt?.members.map((row) => row.place) ?? []
    if (line.pending <= except.length) {
      then()
      return
    }
    const { lane } = line
    store.commitAtLast(
      [{ change: 'purge', lane, except, reason, at: boundary.wall }],
      {},
      (error) => this.#reportFailure(error),
      ([answer]) => {
        const dropped = answer?.applied === true ? answer.affected : []
        line.removed(dropped.map(({ place }) => place))
        if (except.length === 0) this.#waits.end(line)
        for (const { id, user, kind } of dropped) {
          report('operation.dropped', { id, user, kind, reason })
        }
        pilot.shrunk(line)
        then()
      },
    )
  }

  #take(user: UserId, token: Token, then: (error: Error | null) => void): void {
    this.#wallet.take(user, token, (taken) => then(taken.taken === 'failed' ? taken.error : null))
  }

  #storeAtLast(changes: readonly Change[], then: () => void): void {
    this.#core.store.commitAtLast(changes, {}, (error) => this.#reportFailure(error), then)
  }

  #reportFailure(cause: Error): void {
    const error = asHoldfastError(
      cause,
      'STORAGE_UNAVAILABLE',
      'a change of identity was not stored yet',
    )
    this.#core.report('error', { error })
  }
}

function isOfAnother(user: UserId, token: Token): boolean {
  const { subject } = token.facts
  return subject !== null && subject !== user
}

function mismatch(user: UserId): HoldfastError {
  return new HoldfastError(
    'AUTH_USER_MISMATCH',
    `the token given for ${user} names another user in its subject claim`,
  )
}

/** Settles a call that waits for two things: the storing of the identity, and of the token. */
function both(settle: Settle<void>): { first: () => void; second: (error: Error | null) => void } {
  let open = 2
  let failure: Error | null = null
  const done = () => {
    open -= 1
    if (open > 0) return
    if (failure === null) settle.resolve()
    else settle.reject(failure)
  }
  return {
    first: done,
    second: (error) => {
      failure = error
      done()
    },
  }
}
