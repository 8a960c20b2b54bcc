/** The lanes that have something pending, or dead letters, found by number or by owner. */
import type { EnvelopeRow, LaneRow } from '../../../storage/rows.ts'
import type { LaneId, UserId } from '../../model.ts'
import { Lane, type Totals } from './lane.ts'

/** An owner whose lane is about to be changed, also if it is only on its way. */
interface Halt {
  /** How often it has been halted, and not resumed. */
  count: number
  /** Each of them is being changed so often. */
  readonly lanes: Set<Lane>
}

export class Lanes {
  readonly #byLane = new Map<LaneId, Lane>()
  readonly #byUser = new Map<UserId | null, Lane>()
  readonly #totals: Totals = { pending: 0, letters: 0 }
  /** Operations that are on their way into storage, by owner; of one owner that may be none. */
  readonly #unstored = new Map<UserId | null, number>()
  /** The owner of whom that is so: often the next one too, who need not be put in again. */
  #lastWithoutUnstored: UserId | null = null
  #unstoredCount = 0

  readonly #waiting = new Map<UserId | null, (() => void)[]>()
  readonly #halts = new Map<UserId, Halt>()
  /** How often the device has gone over to another user; of the last time, to whom (I8). */
  #deviceEpoch = 0
  #deviceUser: UserId | null = null
  /** The last time it went to somebody else than that one. */
  #epochOfOtherUser = 0

  /** The lane of this row, made if need be. */
  make(row: LaneRow, envelopes: readonly EnvelopeRow[] = []): Lane {
    const known = this.#byLane.get(row.lane)
    if (known !== undefined) return known
    const lane = new Lane(row, envelopes, this.#totals)
    this.#byLane.set(row.lane, lane)
    // An owner has one lane at a time: a new one means that another process has forgotten the user (I12).
    this.#byUser.get(row.user)?.reordered(0)
    this.#byUser.set(row.user, lane)
    const halt = row.user === null ? undefined : this.#halts.get(row.user)
    if (halt === undefined) return lane
    halt.lanes.add(lane)
    for (let nth = 0; nth < halt.count; nth += 1) lane.changeBegun()
    return lane
  }

  /** This owner's lane is about to be changed, also if it is only on its way: nothing is sent until `resume()`. */
  halt(user: UserId): void {
    const halt = this.#halts.get(user) ?? { count: 0, lanes: new Set() }
    this.#halts.set(user, halt)
    halt.count += 1
    const lane = this.ofUser(user)
    if (lane !== undefined) halt.lanes.add(lane)
    for (const each of halt.lanes) each.changeBegun()
  }

  /**
   * It has been changed: the caller ends the change of each of these lanes. There is none where nothing has
   * arrived, and there are two where another process had forgotten the user before.
   */
  resume(user: UserId): readonly Lane[] {
    const halt = this.#halts.get(user)
    if (halt === undefined) return []
    halt.count -= 1
    if (halt.count === 0) this.#halts.delete(user)
    return [...halt.lanes]
  }

  /** True if this user's operations are being erased or dropped, and that is on its way into storage. */
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

  /** An operation of this owner is on its way into storage, or (`-1`) is not any more. */
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

  /** Hears when nothing of this owner is on its way into storage; at once, if nothing is. */
  whenNoneUnstored(user: UserId | null, then: () => void): void {
    if (this.hasUnstored(user)) this.#waiting.set(user, [...(this.#waiting.get(user) ?? []), then])
    else then()
  }

  /** Which user of the device this is, counted since the start. */
  get deviceEpoch(): number {
    return this.#deviceEpoch
  }

  /** Another user has the device now (I8). */
  deviceClaimedBy(user: UserId): void {
    if (user !== this.#deviceUser) this.#epochOfOtherUser = this.#deviceEpoch
    this.#deviceUser = user
    this.#deviceEpoch += 1
  }

  /** Has somebody else had the device since that epoch? Then what was on its way is superseded (I8). */
  hasLostDevice(user: UserId, since: number): boolean {
    return (user === this.#deviceUser ? this.#epochOfOtherUser : this.#deviceEpoch) > since
  }

  /** Is an operation of this owner on its way into storage? */
  hasUnstored(user: UserId | null): boolean {
    return (this.#unstored.get(user) ?? 0) > 0
  }

  /** Has this owner neither anything pending nor anything on its way? */
  isEmpty(user: UserId | null): boolean {
    return (this.ofUser(user)?.pending ?? 0) === 0 && !this.hasUnstored(user)
  }

  /** Operations on their way into storage, of every owner. */
  get unstoredCount(): number {
    return this.#unstoredCount
  }

  /** Forgets a lane that has neither operations nor letters, and whose machine has come to rest: it would wait for it for ever. */
  forgetIfBare(lane: Lane): void {
    if (lane.pending > 0 || lane.letters > 0) return
    // Asked again, it may be gone already.
    if (this.#byLane.get(lane.id) === lane) {
      this.#byLane.delete(lane.id)
      lane.forgotten()
    }
    // A user who was forgotten may have a new lane by now.
    if (this.#byUser.get(lane.user) === lane) this.#byUser.delete(lane.user)
  }

  /** Lanes with something pending, by number. */
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
