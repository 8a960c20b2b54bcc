/**
 * Who has logged out with `discard`: from then on all that is in their lane is to be dropped, until they
 * come back (I7). The wallet has it for who is known here, the lane for what is marked in storage.
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
  /** Those who have come back before their lane was dropped, until that is stored. */
  readonly #returning = new Set<UserId>()

  constructor(parts: DiscardedLanesParts) {
    this.#parts = parts
    this.#context = parts.context
  }

  /** From now on; in storage, and of the lane, once that is marked. */
  begin(user: UserId): void {
    this.#returning.delete(user)
    this.#parts.wallet.setDiscarding(user, true)
  }

  /** `lane`: of this user; undefined: there is none. */
  isDiscarding(lane: Lane | undefined, user: UserId): boolean {
    return (lane?.discardThrough ?? 0) > 0 || this.#parts.wallet.isDiscarding(user)
  }

  isReturning(user: UserId): boolean {
    return this.#returning.has(user)
  }

  /** Up to which place this lane is to be dropped; null: all of it. */
  through({ user, discardThrough }: Lane): number | null {
    return user === null || this.#parts.wallet.isDiscarding(user) ? null : discardThrough
  }

  change(user: UserId): Change {
    return { change: 'discardLane', user, discarding: this.#parts.wallet.isDiscarding(user) }
  }

  /** The lane is marked: what comes later is not meant, but for what is on its way already. */
  marked(user: UserId): void {
    const { lanes } = this.#context
    if (!this.#parts.wallet.isDiscarding(user)) return
    const lane = lanes.ofUser(user)
    if (lane !== undefined) lane.discardThrough = lane.tail
    lanes.whenNoneUnstored(user, () => this.#parts.wallet.setDiscarding(user, false))
  }

  /** There is nothing left to drop. */
  end(user: UserId): void {
    this.#parts.wallet.setDiscarding(user, false)
    this.#unmark(user)
  }

  /** They keep what is left; `returning` until that is stored. */
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
