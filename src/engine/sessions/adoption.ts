/** I3: moves the pending operations of the anonymous identity to the current user; those in flight move later. */
import { adoptsAnonymous } from '../../../machines/anonymous-policy.ts'
import type { Affected } from '../../../storage/changes.ts'
import type { EnvelopeRow } from '../../../storage/rows.ts'
import type { LaneId, UserId } from '../../model.ts'
import type { Context } from '../context.ts'
import type { BackoffWaits } from '../holds/backoff-waits.ts'
import type { Records } from '../stored/records.ts'
import type { IdentityStore } from './identity-store.ts'

const ANONYMOUS_LANE = { lane: 0 as LaneId, user: null, pending: 0, letters: 0, soloThrough: 0 }

export interface AdoptionParts {
  readonly context: Context
  readonly waits: BackoffWaits
  readonly records: Records
  readonly store: IdentityStore
}

export class Adoption {
  readonly #context: Context
  readonly #parts: AdoptionParts

  constructor(parts: AdoptionParts) {
    this.#parts = parts
    this.#context = parts.context
  }

  adopt(): void {
    const { lanes, pilot, phase, settings } = this.#context
    const { user } = pilot
    const mayBe = adoptsAnonymous(settings.anonymous, pilot.requirement)
    // Only the process that dispatches knows which operations are in flight.
    if (user === null || !mayBe || !phase.dispatches || lanes.isEmpty(null)) return
    // The lane is made even if no operation has arrived: operations on their way must not be sent from this lane.
    const lane = lanes.make(ANONYMOUS_LANE)
    const except = () => lane.attempt?.members.map((row) => row.place) ?? []
    if (!lanes.hasUnstored(null) && lane.pending <= except().length) return
    lane.changeBegun()
    this.#parts.store.commitAtLast(
      () => [{ change: 'adopt', user, except: except() }],
      ([answer]) => {
        if (answer?.applied === true) this.#adopted(user, answer.affected, answer.envelopes ?? [])
        lane.changeEnded()
      },
    )
  }

  #adopted(user: UserId, adopted: readonly Affected[], envelopes: readonly EnvelopeRow[]): void {
    const { lanes, laneEvents } = this.#context
    const [first] = adopted
    if (first === undefined) return
    const from = lanes.ofUser(null)
    const lane = lanes.make({ lane: first.lane, user, pending: 0, letters: 0, soloThrough: 0 })
    lane.inserted(adopted.map(({ place }) => place))
    lane.restored(envelopes.filter(({ lane: laneId }) => laneId === lane.id))
    laneEvents.operationsAdded(lane)
    // Operations that waited for a record of the adopted operations need not wait now (Q12).
    this.#parts.records.changed()
    if (from === undefined) return
    if (from.attempt === null) from.handedOver()
    from.reordered(from.pending - adopted.length)
    from.restored(envelopes.filter(({ lane: laneId }) => laneId === from.id))
    if (from.attempt === null) this.#parts.waits.end(from)
    laneEvents.operationsRemoved(from)
  }
}
