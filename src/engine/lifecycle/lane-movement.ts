/** Tells whether a lane can still send something by itself, without an event from outside (Q19, Q7). */
import type { Hold } from '../../../machines/holds.ts'
import type { UserId } from '../../model.ts'
import type { Context } from '../context.ts'
import type { Dispatcher } from '../dispatcher/dispatcher.ts'
import type { Connectivity } from '../holds/connectivity.ts'
import type { Holds } from '../holds/holds.ts'
import type { Lane } from '../lanes/lane.ts'
import type { RequirementAsker } from '../sessions/requirement-asker.ts'
import { VAULT_IS_OPENING } from '../tokens/stored-tokens.ts'
import type { Wallet } from '../tokens/wallet.ts'

export interface LaneMovementParts {
  readonly context: Context
  readonly holds: Holds
  readonly wallet: Wallet
  readonly connectivity: Connectivity
  readonly asker: RequirementAsker
  readonly dispatcher: Dispatcher
}

export class LaneMovement {
  readonly #parts: LaneMovementParts

  constructor(parts: LaneMovementParts) {
    this.#parts = parts
  }

  /** True if an attempt of the lane is under way, or can begin without an event from outside. */
  isMoving(lane: Lane): boolean {
    if (lane.attempt !== null) return true
    return this.#parts.holds.of(lane).every((hold) => this.#isPassing(hold, lane.user))
  }

  /** The same, but a lane that waits for a time does not count: its next attempt is not near. */
  isAboutToSend(lane: Lane): boolean {
    if (lane.attempt !== null) return true
    const isTimed = ({ name }: Hold) => name === 'backing-off' || name === 'rate-limited'
    return this.isMoving(lane) && !this.#parts.holds.of(lane).some(isTimed)
  }

  /** True if the hold ends by an alarm, or by an answer that is already on its way. */
  #isPassing({ name, cause }: Hold, user: UserId | null): boolean {
    const { context, wallet, connectivity, asker, dispatcher } = this.#parts
    switch (name) {
      case 'backing-off':
      case 'rate-limited':
        return true
      case 'storage-failed':
        return context.store.broken === null
      case 'offline':
        return connectivity.isProbing
      case 'awaiting-token':
        if (context.settings.hasSource || cause === VAULT_IS_OPENING) return true
        return user !== null && (wallet.isStoring(user) || context.pilot.tokenWaitsForAlarm(user))
      case 'requirement-unknown':
        return asker.isAsking
      case 'other-process':
        return dispatcher.isTakingOver
      case 'awaiting-record':
      case 'dead-letter':
      case 'paused':
      case 'signed-out':
      case 'suspended':
        return false
    }
  }
}
