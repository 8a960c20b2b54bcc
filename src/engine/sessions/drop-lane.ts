/**
 * Drops the operations of a lane and reports each. An operation in flight is left until its outcome is known. A lane has
 * one purge at a time; an operation that comes back from flight during the purge is swept after it.
 */
import type { DropReason } from '../../model.ts'
import type { Context } from '../context.ts'
import type { Lane } from '../lanes/lane.ts'
import type { BackoffWaits } from '../holds/backoff-waits.ts'
import type { Records } from '../stored/records.ts'
import type { DiscardedLanes } from './discarded-lanes.ts'
import type { IdentityStore } from './identity-store.ts'
import { NOTHING, type StoredTogether } from './stored-together.ts'

export interface DropLaneParts {
  readonly context: Context
  readonly waits: BackoffWaits
  readonly records: Records
  readonly store: IdentityStore
  readonly discardedLanes: DiscardedLanes
  /** Drops the operations of a lane that may not stay. */
  readonly sweep: (lane: Lane) => void
}

export class DropLane {
  readonly #parts: DropLaneParts
  /** The lanes that are being dropped. `again`: an operation that was in flight has come back since the purge began. */
  readonly #dropping = new Map<Lane, 'once' | 'again'>()
  readonly #waiting = new Map<Lane, (() => void)[]>()

  constructor(parts: DropLaneParts) {
    this.#parts = parts
  }

  drop(lane: Lane, reason: DropReason, then: () => void, also: StoredTogether = NOTHING): void {
    const { context, waits, records, store, discardedLanes, sweep } = this.#parts
    const { boundary, report, laneEvents } = context
    const { id: laneId, user } = lane
    const except = () => lane.attempt?.members.map(({ place }) => place) ?? []
    const through = () => discardedLanes.through(lane)
    const isBehind = lane.head !== undefined && lane.head.place > (through() ?? Infinity)
    const isDone = isBehind || lane.pending <= except().length
    if (also === NOTHING && (this.#dropping.has(lane) || isDone)) {
      if (!isDone) this.#dropping.set(lane, 'again')
      then()
      return
    }
    this.#dropping.set(lane, 'once')
    lane.isBeingDropped = true
    lane.changeBegun()
    store.commitAtLast(
      () => [
        {
          change: 'purge',
          lane: laneId,
          except: except(),
          reason,
          at: boundary.wall,
          ...upTo(through()),
        },
        ...also.changes(),
      ],
      (answers) => {
        const [answer] = answers
        also.stored(answers)
        const dropped = answer?.applied === true ? answer.affected : []
        lane.removed(dropped.map(({ place }) => place))
        if (lane.attempt === null) waits.end(lane)
        for (const { id, kind } of dropped) {
          report('operation.dropped', { id, user, kind, reason })
        }
        const isToDoAgain = this.#dropping.get(lane) === 'again'
        this.#dropping.delete(lane)
        lane.isBeingDropped = false
        records.changed()
        laneEvents.operationsRemoved(lane)
        if (isToDoAgain) sweep(lane)
        lane.changeEnded()
        then()
        this.#doneWith(lane)
      },
    )
  }

  /** Calls `then` when the drop of this lane is done; at once if this lane is not being dropped. */
  whenDone(lane: Lane | undefined, then: () => void): void {
    if (lane === undefined || !this.#dropping.has(lane)) then()
    else this.#waiting.set(lane, [...(this.#waiting.get(lane) ?? []), then])
  }

  #doneWith(lane: Lane): void {
    if (this.#dropping.has(lane)) return
    const waiting = this.#waiting.get(lane) ?? []
    this.#waiting.delete(lane)
    for (const run of waiting) run()
  }
}

function upTo(through: number | null): { readonly through?: number } {
  return through === null ? {} : { through }
}
