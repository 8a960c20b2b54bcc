/** The events of a lane's operations, and the order in which the parts hear of them. The root subscribes the parts. */
import type { UserId } from '../../model.ts'
import type { EventPublisher } from '../events/publisher.ts'
import { Signal } from '../events/signal.ts'
import type { EnginePhase } from '../phase.ts'
import type { Pilot } from '../pilot/pilot.ts'
import type { Attempt } from '../sending/attempt.ts'
import type { Lanes } from './lanes.ts'
import type { Lane } from './lane.ts'

/** An attempt with a request that is over. */
export interface Attempted {
  readonly lane: Lane
  readonly attempt: Attempt
}

export interface LaneEventsParts {
  readonly publisher: EventPublisher
  readonly phase: EnginePhase
  readonly pilot: Pilot
  readonly lanes: Lanes
}

export class LaneEvents {
  /** Told after operations were added, once the engine has begun. */
  readonly added = new Signal<Lane>()
  /** Told when an attempt is over, before the machine of the lane hears of it: a part may drop operations of the lane. */
  readonly attemptOver = new Signal<Lane>()
  /** Told when an attempt with a request is over, after all that follows from it. */
  readonly attempted = new Signal<Attempted>()
  /** Told when an attempt of the anonymous lane is over. */
  readonly anonymousAttemptOver = new Signal()
  /** Told after the app has enqueued an operation for this owner, and it is stored. */
  readonly enqueued = new Signal<UserId | null>()
  /** Told when an operation of this owner that was on its way into storage was not stored. */
  readonly abandoned = new Signal<UserId | null>()
  readonly #parts: LaneEventsParts

  constructor(parts: LaneEventsParts) {
    this.#parts = parts
  }

  /** More operations of this lane are pending now. */
  operationsAdded(lane: Lane): void {
    const { publisher, phase } = this.#parts
    publisher.statusChanged()
    if (phase.isBegun) this.added.tell(lane)
  }

  /** Operations of this lane are gone, other than by an attempt. */
  operationsRemoved(lane: Lane): void {
    const { publisher, pilot, lanes } = this.#parts
    publisher.statusChanged()
    if (lane.pending > 0) return
    if (pilot.hasLane(lane)) pilot.lane(lane, { type: 'operations.gone' })
    else lanes.forgetIfBare(lane)
  }

  /**
   * The attempt of this lane is over, and everything that follows from it has been told. `attempt`: null if no request was
   * made.
   */
  attemptEnded(lane: Lane, attempt: Attempt | null): void {
    const { publisher, pilot } = this.#parts
    publisher.statusChanged()
    this.attemptOver.tell(lane)
    pilot.attemptEnded(lane)
    if (lane.user === null) this.anonymousAttemptOver.tell()
    if (attempt !== null) this.attempted.tell({ lane, attempt })
  }

  /** An operation of this owner that was on its way into storage was not stored. */
  enqueueAbandoned(user: UserId | null): void {
    const { lanes, pilot } = this.#parts
    lanes.countUnstored(user, -1)
    this.abandoned.tell(user)
    if (user !== null) pilot.letRest(user)
  }
}
