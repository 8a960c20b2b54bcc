/**
 * Drops a lane, each operation reported, but for what is in flight: that is left until its outcome is
 * known. One purge of a lane at a time; what came back meanwhile is swept behind it.
 */
import type { DropReason } from '../../model.ts'
import type { Core } from '../core.ts'
import type { LaneLine } from '../lanes/lane-line.ts'
import type { BackoffWaits } from '../lanes/backoff-waits.ts'
import type { Records } from '../stored/records.ts'
import type { DiscardedLanes } from './discarded-lanes.ts'
import type { IdentityStore } from './identity-store.ts'
import { NOTHING, type StoredTogether } from './stored-together.ts'

export interface DropLaneParts {
  readonly core: Core
  readonly waits: BackoffWaits
  readonly records: Records
  readonly store: IdentityStore
  readonly discardedLanes: DiscardedLanes
  /** Looks again at a lane. */
  readonly sweep: (line: LaneLine) => void
}

export class DropLane {
  readonly #parts: DropLaneParts
  /** Lanes that are being dropped; `again`: something that was in flight then has come back meanwhile. */
  readonly #dropping = new Map<LaneLine, 'once' | 'again'>()
  readonly #waiting = new Map<LaneLine, (() => void)[]>()

  constructor(parts: DropLaneParts) {
    this.#parts = parts
  }

  drop(line: LaneLine, reason: DropReason, then: () => void, also: StoredTogether = NOTHING): void {
    const { core, waits, records, store, discardedLanes, sweep } = this.#parts
    const { boundary, report, pilot } = core
    const { lane, user } = line
    const except = () => line.attempt?.members.map(({ place }) => place) ?? []
    const through = () => discardedLanes.through(line)
    const isBehind = line.head !== undefined && line.head.place > (through() ?? Infinity)
    const isDone = isBehind || line.pending <= except().length
    if (also === NOTHING && (this.#dropping.has(line) || isDone)) {
      if (!isDone) this.#dropping.set(line, 'again')
      then()
      return
    }
    this.#dropping.set(line, 'once')
    line.isBeingDropped = true
    line.changeBegun()
    store.commitAtLast(
      () => [
        { change: 'purge', lane, except: except(), reason, at: boundary.wall, ...upTo(through()) },
        ...also.changes(),
      ],
      (answers) => {
        const [answer] = answers
        also.stored(answers)
        const dropped = answer?.applied === true ? answer.affected : []
        line.removed(dropped.map(({ place }) => place))
        if (line.attempt === null) waits.end(line)
        for (const { id, kind } of dropped) {
          report('operation.dropped', { id, user, kind, reason })
        }
        const isToDoAgain = this.#dropping.get(line) === 'again'
        this.#dropping.delete(line)
        line.isBeingDropped = false
        records.changed()
        pilot.operationsRemoved(line)
        if (isToDoAgain) sweep(line)
        line.changeEnded()
        then()
        this.#doneWith(line)
      },
    )
  }

  /** Hears when everything that is being dropped of this lane has gone; at once, if nothing is. */
  whenDone(line: LaneLine | undefined, then: () => void): void {
    if (line === undefined || !this.#dropping.has(line)) then()
    else this.#waiting.set(line, [...(this.#waiting.get(line) ?? []), then])
  }

  #doneWith(line: LaneLine): void {
    if (this.#dropping.has(line)) return
    const waiting = this.#waiting.get(line) ?? []
    this.#waiting.delete(line)
    for (const run of waiting) run()
  }
}

function upTo(through: number | null): { readonly through?: number } {
  return through === null ? {} : { through }
}
