/**
 * Tells the app early that a user must sign in: while the user's operations are stopped for a reason that is not
 * their own (T5). It does so only without a token source: a source is asked only when a request is about to go out,
 * else it would be asked in vain.
 */
import type { HoldName } from '../../../machines/holds.ts'
import type { Context } from '../context.ts'
import type { Holds } from '../holds/holds.ts'
import type { Lane } from '../lanes/lane.ts'
import type { Wallet } from './wallet.ts'

/** Holds that say nothing of the operations they stop. */
const OUTER_HOLDS: ReadonlySet<HoldName> = new Set([
  'offline',
  'suspended',
  'paused',
  'rate-limited',
])

export interface EarlyTokenNeedParts {
  readonly context: Context
  readonly wallet: Wallet
  readonly holds: Holds
}

export class EarlyTokenNeed {
  readonly #context: Context
  readonly #parts: EarlyTokenNeedParts

  constructor(parts: EarlyTokenNeedParts) {
    this.#parts = parts
    this.#context = parts.context
  }

  readonly check = (lane: Lane): void => {
    const { settings, pilot, phase } = this.#context
    const { user } = lane
    if (user === null || settings.hasSource || !phase.dispatches) return
    if (this.#parts.wallet.credential(user) !== null || !this.#isBlocked(lane)) return
    this.#parts.wallet.whenStored(user, () => {
      const hasToken = this.#parts.wallet.credential(user) !== null
      const isNeeded = lane.pending > 0 && !hasToken && this.#isBlocked(lane)
      if (!isNeeded || pilot.requirement !== 'required' || phase.isClosing) return
      pilot.token(user, { type: 'work.due', now: this.#parts.wallet.now(), demanded: true })
    })
  }

  #isBlocked(lane: Lane): boolean {
    const holds = this.#parts.holds.of(lane)
    return holds.length > 0 && holds.every(({ name }) => OUTER_HOLDS.has(name))
  }
}
