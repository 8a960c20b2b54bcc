/**
 * Tells until when a hold lasts, for `status()`: when the engine lifts it by itself, or tries again by itself. The
 * engine waits by the monotonic clock, so each end is the present of the wall clock and the time that is left. It
 * decides nothing.
 */
import type { HoldName } from '../../../machines/holds.ts'
import type { Instant, UserId } from '../../model.ts'
import type { Context } from '../context.ts'
import type { Lane } from '../lanes/lane.ts'
import type { Needs } from '../tokens/needs.ts'
import type { TokenAlarms } from '../tokens/token-alarms.ts'
import type { BackoffWaits } from './backoff-waits.ts'
import type { Connectivity } from './connectivity.ts'
import type { Holds } from './holds.ts'

/** A smaller difference to the stored end is the inaccuracy of two clocks, not a clock that was set. */
const CLOCK_SET_MS = 1000

export interface HoldEndsParts {
  readonly context: Context
  readonly holds: Holds
  readonly waits: BackoffWaits
  readonly connectivity: Connectivity
  readonly needs: Needs
  readonly tokenAlarms: TokenAlarms
}

export class HoldEnds {
  readonly #parts: HoldEndsParts

  constructor(parts: HoldEndsParts) {
    this.#parts = parts
  }

  /** The end of a hold that is set on this lane; null: it does not end by a time, or the time is not known. */
  of(lane: Lane, name: HoldName): Instant | null {
    const { waits, connectivity } = this.#parts
    switch (name) {
      case 'backing-off':
        return this.#instantOf(waits.endsAt(lane), lane.shownEnvelope?.retryAt ?? null)
      case 'rate-limited':
        return this.#instantOf(connectivity.limitedUntil)
      case 'suspended':
        return this.#instantOf(connectivity.suspendedUntil)
      case 'awaiting-token':
        return lane.user === null ? null : this.#instantOf(this.#tokenEndsAt(lane.user))
      case 'requirement-unknown':
      case 'signed-out':
      case 'offline':
      case 'paused':
      case 'storage-failed':
      case 'other-process':
      case 'dead-letter':
      case 'awaiting-record':
        return null
    }
  }

  /** When the lanes of this user are released, or the token source is asked again. */
  #tokenEndsAt(user: UserId): number | null {
    const { context, holds, needs, tokenAlarms } = this.#parts
    const early = tokenAlarms.endsAt(user, 'early')
    if (early !== null) return early
    const wait = tokenAlarms.endsAt(user, 'wait')
    // No need is open: the newest token is sent when the wait is over (T8).
    if (!needs.isOpen(user)) return wait
    // Only the app can answer the need.
    if (!context.settings.hasSource || holds.isOnOwner(user, 'signed-out')) return null
    const coolDown = tokenAlarms.endsAt(user, 'coolDown')
    // The source is asked when the longer wait is over (T8).
    return wait === null || coolDown === null ? (wait ?? coolDown) : Math.max(wait, coolDown)
  }

  /** `stored`: the end as a row has it, by the wall clock of the time when it was stored. */
  #instantOf(endsAt: number | null, stored: Instant | null = null): Instant | null {
    if (endsAt === null) return stored
    const { wall, monotonic } = this.#parts.context.boundary
    const instant = Math.round(wall + endsAt - monotonic)
    return stored !== null && Math.abs(instant - stored) < CLOCK_SET_MS ? stored : instant
  }
}
