/**
 * Logout: the identity changes at the call. The session ends once no operation of that user is pending: at once if none
 * is pending at the call, or if all are dropped (I7, T11).
 */
import type { Resumed } from '../part.ts'
import { alarmOf } from '../alarms.ts'
import type { EnqueueChange } from '../../../storage/changes.ts'
import type { UserId } from '../../model.ts'
import type { Wallet } from '../tokens/wallet.ts'
import type { Settle } from '../boundary/boundary.ts'
import type { Context } from '../context.ts'
import type { DiscardedLanes } from './discarded-lanes.ts'
import type { EndSession } from './end-session.ts'
import type { LogoutOperations } from './logout-operations.ts'
import type { DropLane } from './drop-lane.ts'

export interface LogoutArgs {
  readonly pending: 'keep' | 'flush' | 'discard'
  readonly deadlineMs: number
}

/** The operations that a logout left behind. */
export interface LogoutResult {
  /** Operations of that user that are still to be sent, under that user's token. */
  readonly pending: number
}

export interface LogoutsParts {
  readonly context: Context
  readonly wallet: Wallet
  readonly discardedLanes: DiscardedLanes
  readonly dropLane: DropLane
  readonly logoutOperations: LogoutOperations
  readonly endSession: EndSession
}

/** A logout that flushes, in the summary of a journal. */
export interface SavedLogout {
  readonly user: UserId
  readonly calls: readonly number[]
}

export class Logouts {
  readonly #parts: LogoutsParts
  /** Logouts that wait for their lane to be empty (I7). */
  readonly #flushing = new Map<UserId, Settle<LogoutResult>[]>()

  constructor(parts: LogoutsParts) {
    this.#parts = parts
  }

  /** The engine begins: a session that was ending in the last run ends now if it has no pending operations. */
  begin(): void {
    for (const user of this.#parts.wallet.leaving()) this.emptied(user)
  }

  logout({ pending, deadlineMs }: LogoutArgs, settle: Settle<LogoutResult>): void {
    const { context, wallet, logoutOperations, endSession } = this.#parts
    const { pilot, phase, lanes, boundary } = context
    const { user } = pilot
    if (user === null) {
      settle.resolve({ pending: 0 })
      return
    }
    const operations = logoutOperations.of(user)
    pilot.identity({ type: 'user.loggedOut' })
    const left = () => settle.resolve(this.#left(user))
    if (pending === 'discard' && !phase.dispatches) {
      this.#discardElsewhere(user, operations, settle)
      return
    }
    if (operations.length === 0 && lanes.isEmpty(user)) {
      endSession.end(user, left)
      return
    }
    if (pending === 'discard') {
      this.#discard(user, operations, left)
      return
    }
    wallet.setLeaving(user, true)
    const stored = () => {
      if (pending === 'keep') left()
    }
    logoutOperations.put(user, operations, stored)
    if (pending === 'keep') return
    this.#flushing.set(user, [...(this.#flushing.get(user) ?? []), settle])
    boundary.arm(alarmOf('logout', user), deadlineMs, () => this.#flushed(user))
  }

  /** This owner has no pending operations: if the owner has logged out, the session ends (T11). */
  emptied(user: UserId | null): void {
    const { context, wallet, discardedLanes, logoutOperations, endSession } = this.#parts
    if (user === null || logoutOperations.isOwed(user) || !context.lanes.isEmpty(user)) return
    discardedLanes.end(user)
    if (wallet.isLeaving(user)) endSession.ended(user, () => this.#flushed(user))
  }

  /** The logouts that flush, for a journal that begins here. */
  save(): readonly SavedLogout[] {
    return Array.from(this.#flushing, ([user, waiting]) => ({
      user,
      calls: waiting.map(({ call }) => call ?? 0),
    }))
  }

  restore(saved: readonly SavedLogout[], { settleOf }: Resumed): void {
    for (const { user, calls } of saved) {
      this.#flushing.set(user, calls.map(settleOf))
      this.#parts.context.boundary.rearm(alarmOf('logout', user), () => this.#flushed(user))
    }
  }

  /** The engine is closing: each waiting logout resolves with the number of operations that are left. */
  endAll(): void {
    for (const user of Array.from(this.#flushing.keys())) this.#flushed(user)
  }

  #discard(user: UserId, operations: readonly EnqueueChange[], left: () => void): void {
    const { context, discardedLanes, dropLane, logoutOperations, endSession } = this.#parts
    // Operations on their way into storage at the call are dropped after the others, and are not left.
    const then = () => dropLane.whenDone(context.lanes.ofUser(user), left)
    if (operations.length > 0) {
      logoutOperations.putAfterPurge(user, operations, then)
      return
    }
    discardedLanes.begin(user)
    const lane = context.lanes.ofUser(user)
    if (lane === undefined || lane.pending === 0) endSession.end(user, then)
    else dropLane.drop(lane, 'logout', then, endSession.of(user))
  }

  /**
   * Only the process that dispatches knows which operations are in flight (Q17). So a mark tells it to drop the present
   * operations. It does so when it hears of the mark; otherwise the next dispatching process does.
   */
  #discardElsewhere(
    user: UserId,
    operations: readonly EnqueueChange[],
    settle: Settle<LogoutResult>,
  ): void {
    const { discardedLanes, logoutOperations, endSession } = this.#parts
    const stored = () => settle.resolve({ pending: operations.length })
    if (operations.length > 0) {
      logoutOperations.putBehindMark(user, operations, stored)
      return
    }
    discardedLanes.begin(user)
    endSession.end(user, stored)
  }

  #flushed(user: UserId): void {
    this.#parts.context.boundary.disarm(alarmOf('logout', user))
    const waiting = this.#flushing.get(user) ?? []
    this.#flushing.delete(user)
    for (const settle of waiting) settle.resolve(this.#left(user))
  }

  #left(user: UserId): LogoutResult {
    return { pending: this.#parts.context.lanes.ofUser(user)?.pending ?? 0 }
  }
}
