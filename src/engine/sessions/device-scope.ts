/**
 * A login drops what is device-scoped and of others, each reported (I8). What is in flight is marked:
 * that goes too, once its outcome is known, unless the server took it.
 */
import type { Affected } from '../../../storage/changes.ts'
import type { UserId } from '../../model.ts'
import type { Core } from '../core.ts'
import type { LaneLine } from '../lanes/lane-line.ts'
import type { BackoffWaits } from '../lanes/backoff-waits.ts'
import type { Records } from '../stored/records.ts'
import type { IdentityStore } from './identity-store.ts'
import { NOTHING, type StoredTogether } from './stored-together.ts'

export class DeviceScope {
  readonly #core: Core
  readonly #waits: BackoffWaits
  readonly #records: Records
  readonly #store: IdentityStore

  constructor(core: Core, waits: BackoffWaits, records: Records, store: IdentityStore) {
    this.#core = core
    this.#waits = waits
    this.#records = records
    this.#store = store
  }

  /** To be stored with the identity, so that nobody finds the one without the other. */
  claimedBy(user: UserId): StoredTogether {
    const { boundary, lanes, kinds, pilot } = this.#core
    const isNeeded = [...kinds.all()].some(({ deviceScoped }) => deviceScoped)
    if (!isNeeded) return NOTHING
    if (!pilot.dispatches) return this.#elsewhere(user)
    for (const { user: owner, attempt, rows, superseded } of lanes.pending()) {
      if (owner === null || owner === user) continue
      // Those that wait are dropped; until that is stored, they are not sent either.
      for (const row of [...(attempt?.members ?? []), ...rows]) {
        if (row.deviceScoped) superseded.add(row.id)
      }
    }
    const inFlight = () =>
      [...lanes.pending()].flatMap((line) => line.attempt?.members.map((row) => row.id) ?? [])
    return {
      changes: () => [{ change: 'supersede', user, except: inFlight(), at: boundary.wall }],
      stored: ([answer]) => this.#dropped(answer?.applied === true ? answer.affected : []),
    }
  }

  /** What is in flight, only the process that dispatches knows: it drops what is marked when it hears of it (Q17). */
  #elsewhere(user: UserId): StoredTogether {
    const { boundary, lanes, pilot } = this.#core
    return {
      changes: () => [{ change: 'supersede', user, except: 'all', at: boundary.wall }],
      stored: () => {
        // This one has taken over meanwhile, and does not hear of its own marks.
        if (!pilot.dispatches) return
        for (const line of Array.from(lanes.pending())) {
          if (line.user !== null && line.user !== user) this.dropMarked(line)
        }
      },
    }
  }

  dropMarked(line: LaneLine): void {
    const { boundary } = this.#core
    const { lane } = line
    const except = () => line.attempt?.members.map(({ place }) => place) ?? []
    line.hasSuperseded = false
    line.changeBegun()
    this.#store.commitAtLast(
      () => [
        {
          change: 'purge',
          lane,
          except: except(),
          superseded: true,
          reason: 'superseded',
          at: boundary.wall,
        },
      ],
      ([answer]) => {
        this.#dropped(answer?.applied === true ? answer.affected : [])
        // What is in flight is read again, with its mark.
        line.reordered(line.pending)
        line.changeEnded()
      },
    )
  }

  #dropped(dropped: readonly Affected[]): void {
    const { lanes, report, pilot } = this.#core
    const gone = Map.groupBy(dropped, ({ lane }) => lane)
    const freed: LaneLine[] = []
    // All of it, before a wait ends and the lane goes on.
    for (const [lane, rows] of gone) {
      const line = lanes.get(lane)
      const places = rows.map(({ place }) => place)
      const wasHead = line?.head === undefined || places.includes(line.head.place)
      line?.removed(places)
      if (line !== undefined && wasHead && line.attempt === null) freed.push(line)
    }
    for (const { id, kind, user } of dropped) {
      report('operation.dropped', { id, user, kind, reason: 'superseded' })
    }
    for (const line of freed) this.#waits.end(line)
    for (const lane of gone.keys()) {
      const line = lanes.get(lane)
      if (line !== undefined) pilot.operationsRemoved(line)
    }
    if (dropped.length > 0) this.#records.changed()
  }
}
