/** The lanes that have something pending, or dead letters, found by number or by owner. */
import type { EnvelopeRow, LaneRow } from '../../storage/storage.ts'
import type { LaneId, UserId } from '../model.ts'
import { LaneLine } from './lane-line.ts'

export class Lanes {
  readonly #byLane = new Map<LaneId, LaneLine>()
  readonly #byUser = new Map<UserId | null, LaneLine>()

  /** The line of a lane, made if need be. */
  make(row: LaneRow, envelopes: readonly EnvelopeRow[] = []): LaneLine {
    const known = this.#byLane.get(row.lane)
    if (known !== undefined) return known
    const line = new LaneLine(row, envelopes)
    this.#byLane.set(row.lane, line)
    this.#byUser.set(row.user, line)
    return line
  }

  get(lane: LaneId): LaneLine | undefined {
    return this.#byLane.get(lane)
  }

  ofUser(user: UserId | null): LaneLine | undefined {
    return this.#byUser.get(user)
  }

  /** Forgets a lane that has neither operations nor letters. */
  forgetIfBare(line: LaneLine): void {
    if (line.pending > 0 || line.letters > 0) return
    this.#byLane.delete(line.lane)
    this.#byUser.delete(line.user)
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
    let count = 0
    for (const line of this.#byLane.values()) count += line[of]
    return count
  }
}
