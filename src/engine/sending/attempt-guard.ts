/**
 * Guards the steps of an attempt (E3). An attempt is a chain of steps; each step that is not part of the step before is
 * guarded, so that a fault in it ends the attempt and never leaves the lane in it for ever.
 */
import { internalFault } from '../../errors.ts'
import { errorOf } from '../../thrown.ts'
import type { Boundary } from '../boundary/boundary.ts'
import { Signal } from '../events/signal.ts'
import type { EventPublisher } from '../events/publisher.ts'
import type { Lane } from '../lanes/lane.ts'

export interface AttemptGuardParts {
  readonly boundary: Boundary
  readonly publisher: EventPublisher
}

export class AttemptGuard {
  /** Told of a fault in an attempt that is not over. */
  readonly failed = new Signal<{ readonly lane: Lane; readonly error: Error }>()
  readonly #parts: AttemptGuardParts

  constructor(parts: AttemptGuardParts) {
    this.#parts = parts
  }

  /** Wraps a step of the attempt of this lane. */
  readonly guarded = <Args extends readonly unknown[]>(
    lane: Lane,
    run: (...args: Args) => void,
  ): ((...args: Args) => void) => {
    const { attemptCount } = lane
    return (...args) => {
      try {
        run(...args)
      } catch (thrown) {
        if (this.#parts.boundary.isEnd(thrown)) throw thrown
        const error = errorOf(thrown)
        this.#parts.publisher.report('error', { error: internalFault(error) })
        // The attempt may be over by now, and another attempt may have begun.
        if (attemptCount === lane.attemptCount) this.failed.tell({ lane, error })
      }
    }
  }
}
