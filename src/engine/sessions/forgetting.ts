/**
 * I12: erases all stored data of a user. If that user is logged in, the user is logged out first. A failed erasure is not
 * repeated, because it would erase operations that came later. Only the end of the session is repeated.
 */
import type { Affected, Change } from '../../../storage/changes.ts'
import type { UserId } from '../../model.ts'
import type { Wallet } from '../tokens/wallet.ts'
import type { Settle } from '../boundary/boundary.ts'
import type { Context } from '../context.ts'
import type { Lane } from '../lanes/lane.ts'
import type { BackoffWaits } from '../holds/backoff-waits.ts'
import type { Records } from '../stored/records.ts'
import type { Requests } from '../sending/request.ts'
import type { IdentityStore } from './identity-store.ts'

export interface ForgettingParts {
  readonly context: Context
  readonly wallet: Wallet
  readonly waits: BackoffWaits
  readonly records: Records
  readonly store: IdentityStore
  readonly requests: Requests
}

export class Forgetting {
  readonly #context: Context
  readonly #parts: ForgettingParts

  constructor(parts: ForgettingParts) {
    this.#parts = parts
    this.#context = parts.context
  }

  forget(user: UserId, settle: Settle<void>): void {
    const { boundary, store, lanes, pilot } = this.#context
    if (pilot.user === user) pilot.identity({ type: 'user.loggedOut' })
    const { stored } = this.#parts.wallet.end(user)
    lanes.halt(user)
    const changes: Change[] = [
      { change: 'forget', user, at: boundary.wall },
      this.#parts.store.identity(),
    ]
    store.commit(changes, {}, (answer) => {
      const itsLanes = lanes.resume(user)
      if (answer.ok) {
        const [forgotten] = answer.value
        this.#parts.wallet.forget(user)
        stored()
        this.#forgotten(user, itsLanes, forgotten?.applied === true ? forgotten.affected : [])
        settle.resolve()
      } else {
        const end = (): Change[] => [this.#parts.store.identity(), { change: 'endSession', user }]
        this.#parts.store.commitAtLast(end, stored)
        settle.reject(answer.error)
      }
      for (const lane of itsLanes) lane.changeEnded()
    })
  }

  #forgotten(user: UserId, itsLanes: readonly Lane[], dropped: readonly Affected[]): void {
    const { store, laneEvents, report } = this.#context
    for (const lane of itsLanes) {
      const ofLine = dropped.filter(({ lane: laneId }) => laneId === lane.id)
      lane.removed(ofLine.map(({ place }) => place))
      // This includes operations that another process erased just before.
      lane.reordered(0)
      lane.letters = 0
      this.#parts.waits.end(lane)
      this.#parts.requests.abandon(lane)
      laneEvents.operationsRemoved(lane)
    }
    for (const { id, kind } of dropped) {
      report('operation.dropped', { id, user, kind, reason: 'forgotten' })
    }
    this.#parts.records.changed()
    store.tidy()
  }
}
