/**
 * The current user, the requirement of the server, and the beginning and end of each user's session. The identity changes
 * at the call, before it is stored (I1). Storing is repeated until it succeeds.
 */
import type { Resumed } from '../part.ts'
import { dropsAnonymous } from '../../../machines/anonymous-policy.ts'
import type { DropReason, Requirement, UserId } from '../../model.ts'
import { mismatchOf } from '../tokens/subject.ts'
import { type Token, tokenWithoutSecret } from '../tokens/token.ts'
import type { Wallet } from '../tokens/wallet.ts'
import type { Codec, Settle } from '../boundary/boundary.ts'
import type { Context } from '../context.ts'
import type { Lane } from '../lanes/lane.ts'
import type { BackoffWaits } from '../holds/backoff-waits.ts'
import type { Needs } from '../tokens/needs.ts'
import type { Requests } from '../sending/request.ts'
import type { Records } from '../stored/records.ts'
import { Adoption } from './adoption.ts'
import { DiscardedLanes } from './discarded-lanes.ts'
import { EndSession } from './end-session.ts'
import { LogoutOperations } from './logout-operations.ts'
import { Forgetting } from './forgetting.ts'
import { IdentityStore } from './identity-store.ts'
import { type LogoutArgs, type LogoutResult, Logouts, type SavedLogout } from './logouts.ts'
import { DropLane } from './drop-lane.ts'
import { DeviceScope } from './device-scope.ts'

export interface LoginArgs {
  readonly user: UserId
  readonly token: Token | null
}

/** A journal has only the facts of a token, not its secret. */
export const loginCodec: Codec<LoginArgs> = {
  write: ({ user, token }) => ({ user, token: token?.toJSON() ?? null }),
  read: (json) => {
    const { user, token } = json as unknown as {
      readonly user: UserId
      readonly token: Token['facts'] | null
    }
    return { user, token: token === null ? null : tokenWithoutSecret(token) }
  },
}

export interface SessionsParts {
  readonly context: Context
  readonly wallet: Wallet
  readonly waits: BackoffWaits
  readonly records: Records
  readonly needs: Needs
  readonly requests: Requests
}

export class Sessions {
  readonly #context: Context
  readonly #needs: Needs
  readonly #wallet: Wallet
  readonly #store: IdentityStore
  readonly #discardedLanes: DiscardedLanes
  readonly #dropLane: DropLane
  readonly #logoutOperations: LogoutOperations
  readonly #logouts: Logouts
  readonly #deviceScope: DeviceScope
  readonly #adoption: Adoption
  readonly #forgetting: Forgetting

  constructor({ context, wallet, waits, records, needs, requests }: SessionsParts) {
    const store = new IdentityStore({ context, wallet })
    const discardedLanes = new DiscardedLanes({ context, wallet })
    const sweep = (lane: Lane) => this.sweep(lane)
    const dropLane = new DropLane({ context, waits, records, store, discardedLanes, sweep })
    const logoutOperations = new LogoutOperations({
      context,
      wallet,
      store,
      discardedLanes,
      dropLane,
    })
    const endSession = new EndSession({ wallet, store, discardedLanes })
    this.#context = context
    this.#needs = needs
    this.#wallet = wallet
    this.#store = store
    this.#discardedLanes = discardedLanes
    this.#dropLane = dropLane
    this.#logoutOperations = logoutOperations
    this.#logouts = new Logouts({
      context,
      wallet,
      discardedLanes,
      dropLane,
      logoutOperations,
      endSession,
    })
    this.#deviceScope = new DeviceScope({ context, waits, records, store })
    this.#adoption = new Adoption({ context, waits, records, store })
    this.#forgetting = new Forgetting({ context, wallet, waits, records, store, requests })
  }

  /** The engine begins: finishes the ends of sessions that the last run did not finish (I3, T11). */
  begin(): void {
    this.sweepAnonymous()
    this.adopt()
    this.#logouts.begin()
  }

  login({ user, token }: LoginArgs, settle: Settle<void>): void {
    const { subjectClaim } = this.#context.settings
    const mismatch = token === null ? null : mismatchOf(user, token, subjectClaim)
    if (mismatch !== null) {
      settle.reject(mismatch)
      return
    }
    const stored = both(settle)
    if (this.#context.pilot.user === user) this.#stay(user, stored.first)
    else this.#switchTo(user, stored.first)
    const accepted = (error: Error | null) => {
      // If the token need has no answer yet, the app is told again (I11, T5).
      this.#needs.loggedIn(user)
      stored.second(error)
    }
    if (token === null) accepted(null)
    else this.#accept(user, token, accepted)
  }

  logout(args: LogoutArgs, settle: Settle<LogoutResult>): void {
    this.#logouts.logout(args, settle)
  }

  /** The logouts that flush, for a journal that begins here. */
  save(): readonly SavedLogout[] {
    return this.#logouts.save()
  }

  savedCalls(): readonly number[] {
    return this.save().flatMap(({ calls }) => calls)
  }

  restore(saved: readonly SavedLogout[], resumed: Resumed): void {
    this.#logouts.restore(saved, resumed)
  }

  readonly adopt = (): void => this.#adoption.adopt()

  forget(user: UserId, settle: Settle<void>): void {
    this.#forgetting.forget(user, settle)
  }

  readonly emptied = (user: UserId | null): void => this.#logouts.emptied(user)

  /** The engine is closed. */
  end(): void {
    this.#logouts.endAll()
  }

  updateToken({ user, token }: LoginArgs, settle: Settle<void>): void {
    if (token === null) settle.resolve()
    else
      this.#accept(user, token, (error) =>
        error === null ? settle.resolve() : settle.reject(error),
      )
  }

  setRequirement(requirement: Requirement, settle: Settle<void>): void {
    const { pilot } = this.#context
    pilot.identity({ type: 'requirement.learned', requirement })
    const changes = () => [{ change: 'requirement', requirement: pilot.requirement } as const]
    this.#store.commitAtLast(changes, () => settle.resolve())
  }

  /**
   * Drops the operations that may not stay, and reports each: operations of the anonymous identity under `required` (I3),
   * of a user that logged out with `discard` (I7), and operations that a login elsewhere has marked (I8). An operation in
   * flight is left until its outcome is known; it is swept then, unless the server took it.
   */
  readonly sweep = (lane: Lane): void => {
    const { user } = lane
    if (!this.#context.phase.dispatches) return
    if (lane.hasSuperseded && lane.pending > 0) this.#deviceScope.dropMarked(lane)
    if (user === null) {
      if (this.#dropsAnonymous) this.#drop(lane, 'anonymous')
    } else if (this.#discardedLanes.isDiscarding(lane, user) && !this.#isKept(user)) {
      this.#drop(lane, 'logout')
    }
  }

  /** True while the operations that a logout adds are on their way into storage, and after the user has come back. */
  #isKept(user: UserId): boolean {
    return this.#logoutOperations.isStoring(user) || this.#discardedLanes.isReturning(user)
  }

  #drop(lane: Lane, reason: DropReason): void {
    if (lane.pending > 0) this.#dropLane.drop(lane, reason, () => undefined)
  }

  sweepAnonymous(): void {
    const lane = this.#context.lanes.ofUser(null)
    if (lane !== undefined) this.sweep(lane)
  }

  /** The user is logged in here. If the user has logged out in another process, the session goes on (T11). */
  #stay(user: UserId, then: () => void): void {
    if (!this.#wallet.isLeaving(user)) {
      then()
      return
    }
    this.#wallet.setLeaving(user, false)
    this.#store.commitAtLast(
      () => [this.#store.leave(user)],
      () => {
        this.#wallet.leavingStored(user)
        then()
      },
    )
  }

  #switchTo(user: UserId, then: () => void): void {
    const { pilot, phase, lanes } = this.#context
    pilot.identity({ type: 'user.loggedIn', user })
    // Only the process that dispatches has certainly heard of the marks of other processes.
    const isDiscarded =
      this.#discardedLanes.isDiscarding(lanes.ofUser(user), user) || !phase.dispatches
    this.#wallet.setDiscarding(user, false)
    if (isDiscarded) this.#discardedLanes.comeBack(user)
    this.#logoutOperations.comeBack(user)
    const wasLeaving = this.#wallet.isLeaving(user)
    if (wasLeaving) this.#wallet.setLeaving(user, false)
    lanes.deviceClaimedBy(user)
    const superseding = this.#deviceScope.claimedBy(user)
    this.#store.commitAtLast(
      () => [
        ...superseding.changes(),
        this.#store.identity(),
        ...(wasLeaving ? [this.#store.leave(user)] : []),
        ...(isDiscarded ? [this.#discardedLanes.change(user)] : []),
      ],
      (answers) => {
        superseding.stored(answers)
        if (wasLeaving) this.#wallet.leavingStored(user)
        if (isDiscarded) this.#discardedLanes.returned(user)
        then()
      },
    )
  }

  get #dropsAnonymous(): boolean {
    const { pilot, settings } = this.#context
    return dropsAnonymous(settings.anonymous, pilot.requirement)
  }

  #accept(user: UserId, token: Token, then: (error: Error | null) => void): void {
    this.#wallet.accept(user, token, (acceptance) =>
      then(acceptance.result === 'failed' ? acceptance.error : null),
    )
  }
}

/** Settles a call that waits until both the identity and the token are stored. */
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
