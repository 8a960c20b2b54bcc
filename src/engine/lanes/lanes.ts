/** The lanes that have something pending, or dead letters, found by number or by owner. */
import type { EnvelopeRow, LaneRow } from '../../../storage/storage.ts'
import type { LaneId, UserId } from '../../model.ts'
import { LaneLine, type Totals } from './lane-line.ts'

/** An owner whose lane is about to be changed, also if it is only on its way. */
interface Halt {
  /** How often it has been halted, and not resumed. */
  count: number
  /** Each of them is being changed so often. */
  readonly lines: Set<LaneLine>
}

export class Lanes {
  readonly #byLane = new Map<LaneId, LaneLine>()
  readonly #byUser = new Map<UserId | null, LaneLine>()
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

  /** The line of a lane, made if need be. */
  make(row: LaneRow, envelopes: readonly EnvelopeRow[] = []): LaneLine {
    const known = this.#byLane.get(row.lane)
    if (known !== undefined) return known
    const line = new LaneLine(row, envelopes, this.#totals)
    this.#byLane.set(row.lane, line)
    // An owner has one lane at a time: a new one means that another process has forgotten the user (I12).
    this.#byUser.get(row.user)?.reordered(0)
    this.#byUser.set(row.user, line)
    const halt = row.user === null ? undefined : this.#halts.get(row.user)
    if (halt === undefined) return line
    halt.lines.add(line)
    for (let nth = 0; nth < halt.count; nth += 1) line.changeBegun()
    return line
  }

  /** This owner's lane is about to be changed, also if it is only on its way: nothing is sent until `resume()`. */
  halt(user: UserId): void {
    const halt = this.#halts.get(user) ?? { count: 0, lines: new Set() }
    this.#halts.set(user, halt)
    halt.count += 1
    const line = this.ofUser(user)
    if (line !== undefined) halt.lines.add(line)
    for (const each of halt.lines) each.changeBegun()
  }

  /**
   * It has been changed: the caller ends the change of each of these lines. There is none where nothing has
   * arrived, and there are two where another process had forgotten the user before.
   */
  resume(user: UserId): readonly LaneLine[] {
    const halt = this.#halts.get(user)
    if (halt === undefined) return []
    halt.count -= 1
    if (halt.count === 0) this.#halts.delete(user)
    return [...halt.lines]
  }

  /** True if this user's operations are being erased or dropped, and that is on its way into storage. */
  isLosing(user: UserId | null): boolean {
    if (user === null) return false
    return this.#halts.has(user) || this.ofUser(user)?.isBeingDropped === true
  }

  get(lane: LaneId): LaneLine | undefined {
    return this.#byLane.get(lane)
  }

  ofUser(user: UserId | null): LaneLine | undefined {
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

  /** Has somebody else had the device since that turn? Then what was on its way is superseded (I8). */
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
  forgetIfBare(line: LaneLine): void {
    if (line.pending > 0 || line.letters > 0) return
    // Asked again, it may be gone already.
    if (this.#byLane.get(line.lane) === line) {
      this.#byLane.delete(line.lane)
      line.forgotten()
    }
    // A user who was forgotten may have a new lane by now.
    if (this.#byUser.get(line.user) === line) this.#byUser.delete(line.user)
  }

  /** Lanes with something pending, by number. */
  *pending(): Iterable<LaneLine> {
    for (const line of this.#byLane.values()) {
      if (line.pending > 0) yield line
    }
  }

  all(): Iterable<LaneLine> {
    return this.#byLane.values()
  }

  count(of: 'pending' | 'letters'): number {
    return this.#totals[of]
  }
}
