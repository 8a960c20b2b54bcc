/**
 * The users that have logged out with `discard`. From then on all operations in such a user's lane must be dropped, until
 * the user comes back (I7). The wallet has the flag of each user known in this process; the lane has the mark in storage.
 */
import type { Change } from '../../../storage/changes.ts'
import type { UserId } from '../../model.ts'
import type { Wallet } from '../tokens/wallet.ts'
import type { Context } from '../context.ts'
import type { Lane } from '../lanes/lane.ts'

export interface DiscardedLanesParts {
  readonly context: Context
  readonly wallet: Wallet
}

export class DiscardedLanes {
  readonly #context: Context
  readonly #parts: DiscardedLanesParts
  /** The users that have come back before their lane was dropped, until the return is stored. */
  readonly #returning = new Set<UserId>()

  constructor(parts: DiscardedLanesParts) {
    this.#parts = parts
    this.#context = parts.context
  }

  /** The wallet has the flag from now on. Storage and the lane have the mark once it is stored. */
  begin(user: UserId): void {
    this.#returning.delete(user)
    this.#parts.wallet.setDiscarding(user, true)
  }

  /** True if operations of this user must be dropped. `lane`: the user's lane; undefined: there is none. */
  isDiscarding(lane: Lane | undefined, user: UserId): boolean {
    return (lane?.discardThrough ?? 0) > 0 || this.#parts.wallet.isDiscarding(user)
  }

  isReturning(user: UserId): boolean {
    return this.#returning.has(user)
  }

  /** The place up to which this lane must be dropped; null: all of it. */
  through({ user, discardThrough }: Lane): number | null {
    return user === null || this.#parts.wallet.isDiscarding(user) ? null : discardThrough
  }

  change(user: UserId): Change {
    return { change: 'discardLane', user, discarding: this.#parts.wallet.isDiscarding(user) }
  }

  /** The lane is marked in storage. Later operations are not dropped, except operations that are on their way already. */
  marked(user: UserId): void {
    const { lanes } = this.#context
    if (!this.#parts.wallet.isDiscarding(user)) return
    const lane = lanes.ofUser(user)
    if (lane !== undefined) lane.discardThrough = lane.tail
    lanes.whenNoneUnstored(user, () => this.#parts.wallet.setDiscarding(user, false))
  }

  /** No operation is left to drop. */
  end(user: UserId): void {
    this.#parts.wallet.setDiscarding(user, false)
    this.#unmark(user)
  }

  /** The user has come back and keeps the remaining operations. The user counts as returning until that is stored. */
  comeBack(user: UserId): void {
    this.#returning.add(user)
    this.#unmark(user)
  }

  returned(user: UserId): void {
    if (this.#returning.delete(user)) this.#unmark(user)
  }

  #unmark(user: UserId): void {
    const lane = this.#context.lanes.ofUser(user)
    if (lane !== undefined) lane.discardThrough = 0
  }
}
