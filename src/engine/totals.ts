/**
 * Counts the events of this engine for `status().totals`. The counts decide nothing: no part of the engine reads them,
 * and no journal has them. Each count is a number of events, so that an app that counts events comes to the same.
 */
import { DEAD_REASONS } from '../dead-reasons.ts'
import type { EventName, HoldfastEvents } from '../events.ts'
import type { DeadReason } from '../model.ts'
import type { Totals } from './status.ts'

/** Every reason, so that a reader of the counts need not ask whether one of them is there. */
const NO_DEAD = Object.fromEntries(DEAD_REASONS.map((reason) => [reason, 0])) as Readonly<
  Record<DeadReason, number>
>

/** The counts, without the head of a lane, which is a fact of the present. */
export type Counted = Omit<Totals, 'oldestHeadAt'>

export class EventTotals {
  #accepted = 0
  #retried = 0
  #refreshed = 0
  readonly #dead: Record<DeadReason, number> = { ...NO_DEAD }

  readonly hear = <Name extends EventName>(name: Name, detail: HoldfastEvents[Name]): void => {
    if (name === 'operation.completed') this.#accepted += 1
    else if (name === 'operation.retrying') this.#retried += 1
    else if (name === 'token.updated') this.#refreshed += 1
    else if (name === 'operation.dead') {
      this.#dead[(detail as HoldfastEvents['operation.dead']).reason] += 1
    }
  }

  get counted(): Counted {
    return {
      accepted: this.#accepted,
      retried: this.#retried,
      dead: Object.freeze({ ...this.#dead }),
      refreshed: this.#refreshed,
    }
  }
}
