/** What `status()` answers: made anew after something has changed, the same object until then. */
import type { EventPublisher } from './events/publisher.ts'
import type { Holds } from './holds/holds.ts'
import type { Lanes } from './lanes/lanes.ts'
import type { Needs } from './tokens/needs.ts'
import type { Pilot } from './pilot/pilot.ts'
import { makeStatus, type Status } from './status.ts'

export interface StatusViewParts {
  readonly publisher: EventPublisher
  readonly pilot: Pilot
  readonly lanes: Lanes
  readonly holds: Holds
  readonly needs: Needs
}

export class StatusView {
  readonly #parts: StatusViewParts
  #shown: Status | null = null
  #version = -1

  constructor(parts: StatusViewParts) {
    this.#parts = parts
  }

  get status(): Status {
    const { publisher, pilot, lanes, holds, needs } = this.#parts
    if (this.#shown !== null && this.#version === publisher.statusVersion) return this.#shown
    const { queueState: queue, user, requirement } = pilot
    this.#shown = makeStatus({ queue, user, requirement, lanes, holds, needs })
    this.#version = publisher.statusVersion
    return this.#shown
  }
}
