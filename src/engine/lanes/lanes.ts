/** The lanes with pending operations or dead letters, found by number or by owner. */
import type { EnvelopeRow, LaneRow } from '../../../storage/rows.ts'
import type { LaneId, UserId } from '../../model.ts'
import { Lane, type Totals } from './lane.ts'

/** An owner whose lane is about to be changed. The lane itself may not exist yet. */
interface Halt {
  /** The number of calls of `halt()` without a `resume()` yet. */
  count: number
  /** The lanes of the owner. Each has `count` changes in progress. */
  readonly lanes: Set<Lane>
}

export class Lanes {
  readonly #byLane = new Map<LaneId, Lane>()
  readonly #byUser = new Map<UserId | null, Lane>()
  readonly #totals: Totals = { pending: 0, letters: 0 }
  /** The numbers of operations that are not stored yet, by owner. One entry may be 0. */
  readonly #unstored = new Map<UserId | null, number>()
  /** The owner whose entry is 0. It is kept because often the next operation has the same owner. */
  #lastWithoutUnstored: UserId | null = null
  #unstoredCount = 0

  readonly #waiting = new Map<UserId | null, (() => void)[]>()
  readonly #halts = new Map<UserId, Halt>()
  /** The number of logins that changed the user of the device, and the user of the last one (I8). */
  #deviceEpoch = 0
  #deviceUser: UserId | null = null
  /** The last epoch in which another user than `#deviceUser` had the device. */
  #epochOfOtherUser = 0

  /** The lane of this row. It is made if there is none. */
  make(row: LaneRow, envelopes: readonly EnvelopeRow[] = []): Lane {
    const known = this.#byLane.get(row.lane)
    if (known !== undefined) return known
    const lane = new Lane(row, envelopes, this.#totals)
    this.#byLane.set(row.lane, lane)
    // An owner has one lane at a time: a new lane means that another process has forgotten the user (I12).
    this.#byUser.get(row.user)?.reordered(0)
    this.#byUser.set(row.user, lane)
    const halt = row.user === null ? undefined : this.#halts.get(row.user)
    if (halt === undefined) return lane
    halt.lanes.add(lane)
    for (let nth = 0; nth < halt.count; nth += 1) lane.changeBegun()
    return lane
  }

  /** This owner's lane is about to be changed, even if it does not exist yet. It sends nothing until `resume()`. */
  halt(user: UserId): void {
    const halt = this.#halts.get(user) ?? { count: 0, lanes: new Set() }
    this.#halts.set(user, halt)
    halt.count += 1
    const lane = this.ofUser(user)
    if (lane !== undefined) halt.lanes.add(lane)
    for (const each of halt.lanes) each.changeBegun()
  }

  /**
   * The change is over. The caller ends the change of each returned lane. There is no lane if no operation has arrived, and
   * there are two lanes if another process had forgotten the user before.
   */
  resume(user: UserId): readonly Lane[] {
    const halt = this.#halts.get(user)
    if (halt === undefined) return []
    halt.count -= 1
    if (halt.count === 0) this.#halts.delete(user)
    return [...halt.lanes]
  }

  /** True if this user's operations are being erased or dropped, and the change is not stored yet. */
  isLosing(user: UserId | null): boolean {
    if (user === null) return false
    return this.#halts.has(user) || this.ofUser(user)?.isBeingDropped === true
  }

  get(laneId: LaneId): Lane | undefined {
    return this.#byLane.get(laneId)
  }

  ofUser(user: UserId | null): Lane | undefined {
    return this.#byUser.get(user)
  }

  /** Counts an operation of this owner that is on its way into storage (`1`), or whose way has ended (`-1`). */
  countUnstored(user: UserId | null, difference: 1 | -1): void {
    const count = (this.#unstored.get(user) ?? 0) + difference
    this.#unstored.set(user, count)
    this.#unstoredCount += difference
    if (count > 0) return
    if (this.#lastWithoutUnstored !== user && !this.hasUnstored(this.#lastWithoutUnstored))
      this.#unstored.delete(this.#lastWithoutUnstored)
    this.#lastWithoutUnstored = user
    if (this.#waiting.size === 0) return
    const waiting = this.#waiting.get(user) ?? []
    this.#waiting.delete(user)
    for (const run of waiting) run()
  }

  /** Calls `then` when no operation of this owner is on its way into storage; at once if there is none now. */
  whenNoneUnstored(user: UserId | null, then: () => void): void {
    if (this.hasUnstored(user)) this.#waiting.set(user, [...(this.#waiting.get(user) ?? []), then])
    else then()
  }

  /** The number of logins since the start that changed the user of the device. */
  get deviceEpoch(): number {
    return this.#deviceEpoch
  }

  /** Another user has the device now (I8). */
  deviceClaimedBy(user: UserId): void {
    if (user !== this.#deviceUser) this.#epochOfOtherUser = this.#deviceEpoch
    this.#deviceUser = user
    this.#deviceEpoch += 1
  }

  /** True if another user has had the device since that epoch. Operations on their way then are superseded (I8). */
  hasLostDevice(user: UserId, since: number): boolean {
    return (user === this.#deviceUser ? this.#epochOfOtherUser : this.#deviceEpoch) > since
  }

  /** True if an operation of this owner is on its way into storage. */
  hasUnstored(user: UserId | null): boolean {
    return (this.#unstored.get(user) ?? 0) > 0
  }

  /** True if this owner has no pending operation, and no operation on its way into storage. */
  isEmpty(user: UserId | null): boolean {
    return (this.ofUser(user)?.pending ?? 0) === 0 && !this.hasUnstored(user)
  }

  /** Operations on their way into storage, of every owner. */
  get unstoredCount(): number {
    return this.#unstoredCount
  }

  /** Forgets a lane without operations and letters whose machine is at rest: the machine would wait for ever. */
  forgetIfBare(lane: Lane): void {
    if (lane.pending > 0 || lane.letters > 0) return
    // On a second call for the same lane, the lane may be gone already.
    if (this.#byLane.get(lane.id) === lane) {
      this.#byLane.delete(lane.id)
      lane.forgotten()
    }
    // A forgotten user may have a new lane by now.
    if (this.#byUser.get(lane.user) === lane) this.#byUser.delete(lane.user)
  }

  /** The lanes with pending operations. */
  *pending(): Iterable<Lane> {
    for (const lane of this.#byLane.values()) {
      if (lane.pending > 0) yield lane
    }
  }

  all(): Iterable<Lane> {
    return this.#byLane.values()
  }

  count(of: 'pending' | 'letters'): number {
    return this.#totals[of]
  }
}
