/**
 * A login drops the device-scoped operations of other users, and reports each (I8). An operation in flight is marked: it
 * is dropped once its outcome is known, unless the server took it.
 */
import type { Affected } from '../../../storage/changes.ts'
import type { UserId } from '../../model.ts'
import type { Context } from '../context.ts'
import type { Lane } from '../lanes/lane.ts'
import type { BackoffWaits } from '../holds/backoff-waits.ts'
import type { Records } from '../stored/records.ts'
import type { IdentityStore } from './identity-store.ts'
import { NOTHING, type StoredTogether } from './stored-together.ts'

export interface DeviceScopeParts {
  readonly context: Context
  readonly waits: BackoffWaits
  readonly records: Records
  readonly store: IdentityStore
}

export class DeviceScope {
  readonly #context: Context
  readonly #parts: DeviceScopeParts

  constructor(parts: DeviceScopeParts) {
    this.#parts = parts
    this.#context = parts.context
  }

  /** The changes to store together with the identity, so that no process finds the identity without them. */
  claimedBy(user: UserId): StoredTogether {
    const { boundary, lanes, kinds, phase } = this.#context
    const isNeeded = [...kinds.all()].some(({ deviceScoped }) => deviceScoped)
    if (!isNeeded) return NOTHING
    if (!phase.dispatches) return this.#elsewhere(user)
    for (const { user: owner, attempt, rows, superseded } of lanes.pending()) {
      if (owner === null || owner === user) continue
      // Waiting operations are dropped. They are not sent while the drop is not stored yet.
      for (const row of [...(attempt?.members ?? []), ...rows]) {
        if (row.deviceScoped) superseded.add(row.id)
      }
    }
    const inFlight = () =>
      [...lanes.pending()].flatMap((lane) => lane.attempt?.members.map((row) => row.id) ?? [])
    return {
      changes: () => [{ change: 'supersede', user, except: inFlight(), at: boundary.wall }],
      stored: ([answer]) => this.#dropped(answer?.applied === true ? answer.affected : []),
    }
  }

  /** Only the process that dispatches knows the operations in flight. It drops the marked operations on news (Q17). */
  #elsewhere(user: UserId): StoredTogether {
    const { boundary, lanes, phase } = this.#context
    return {
      changes: () => [{ change: 'supersede', user, except: 'all', at: boundary.wall }],
      stored: () => {
        // A process that has taken over by now does not hear of its own marks.
        if (!phase.dispatches) return
        for (const lane of Array.from(lanes.pending())) {
          if (lane.user !== null && lane.user !== user) this.dropMarked(lane)
        }
      },
    }
  }

  dropMarked(lane: Lane): void {
    const { boundary } = this.#context
    const { id: laneId } = lane
    const except = () => lane.attempt?.members.map(({ place }) => place) ?? []
    lane.hasSuperseded = false
    lane.changeBegun()
    this.#parts.store.commitAtLast(
      () => [
        {
          change: 'purge',
          lane: laneId,
          except: except(),
          superseded: true,
          reason: 'superseded',
          at: boundary.wall,
        },
      ],
      ([answer]) => {
        this.#dropped(answer?.applied === true ? answer.affected : [])
        // The operations in flight are read again, with their marks.
        lane.reordered(lane.pending)
        lane.changeEnded()
      },
    )
  }

  #dropped(dropped: readonly Affected[]): void {
    const { lanes, report, laneEvents } = this.#context
    const gone = Map.groupBy(dropped, ({ lane: laneId }) => laneId)
    const freed: Lane[] = []
    // All dropped operations are removed before a wait ends and a lane goes on.
    for (const [laneId, rows] of gone) {
      const lane = lanes.get(laneId)
      const places = rows.map(({ place }) => place)
      const wasHead = lane?.head === undefined || places.includes(lane.head.place)
      lane?.removed(places)
      if (lane !== undefined && wasHead && lane.attempt === null) freed.push(lane)
    }
    for (const { id, kind, user } of dropped) {
      report('operation.dropped', { id, user, kind, reason: 'superseded' })
    }
    for (const lane of freed) this.#parts.waits.end(lane)
    for (const laneId of gone.keys()) {
      const lane = lanes.get(laneId)
      if (lane !== undefined) laneEvents.operationsRemoved(lane)
    }
    if (dropped.length > 0) this.#parts.records.changed()
  }
}
