/**
 * Changes of rows that no attempt makes: they are found, committed while their lanes send nothing, and then the lanes in
 * memory, the holds and the machines hear of them.
 */
import type { Affected, Answer, Change, ReviveChange, Shift } from '../../../storage/changes.ts'
import type { EnvelopeRow } from '../../../storage/rows.ts'
import { HoldfastError } from '../../errors.ts'
import type { LaneId, OperationId } from '../../model.ts'
import type { Answered, Settle } from '../boundary/boundary.ts'
import type { Context } from '../context.ts'
import type { BackoffWaits } from '../holds/backoff-waits.ts'
import type { Holds } from '../holds/holds.ts'
import type { Records } from '../stored/records.ts'
import type { CommitWish, Found } from '../stored/store.ts'
import { type Lane, WINDOW_ROWS } from './lane.ts'
import { windowLoaded } from './loaded-window.ts'

export interface RowChangesParts {
  readonly context: Context
  readonly holds: Holds
  readonly waits: BackoffWaits
  readonly records: Records
}

type Applied = Extract<Answer, { applied: true }>

export class RowChanges {
  readonly #context: Context
  readonly #parts: RowChangesParts

  constructor(parts: RowChangesParts) {
    this.#parts = parts
    this.#context = parts.context
  }

  /** Finds an operation, and reads the head of its lane if it is unknown. `settled`: the error for a settled operation. */
  locate<T>(
    id: OperationId,
    settle: Settle<T>,
    then: (found: Found, lane: Lane | undefined) => void,
    settled: HoldfastError = unknownOperation(id),
  ): void {
    const { store, lanes } = this.#context
    store.find(id, (found) => {
      if (!found.ok) settle.reject(found.error)
      else if (found.value === null) settle.reject(unknownOperation(id))
      else if (found.value === 'settled') settle.reject(settled)
      else {
        const { value } = found
        const lane = lanes.get(value.lane)
        this.withHeads(lanesOf(lane), settle, () => then(value, lane))
      }
    })
  }

  /** Reads the head of each of these lanes, if it is unknown. */
  withHeads<T>(itsLanes: readonly Lane[], settle: Settle<T>, then: () => void): void {
    const lane = itsLanes.find(({ pending, head }) => pending > 0 && head === undefined)
    if (lane === undefined) {
      then()
      return
    }
    this.#context.store.window(lane.id, Number.MIN_SAFE_INTEGER, WINDOW_ROWS, (answer) => {
      if (!answer.ok) {
        settle.reject(answer.error)
        return
      }
      windowLoaded(this.#context, lane, answer.value)
      const others = itsLanes.filter((one) => one !== lane)
      this.withHeads(answer.value.length === 0 ? others : itsLanes, settle, then)
    })
  }

  /**
   * Commits the changes. Until then these lanes send nothing: neither an operation that is being removed, nor an operation
   * ahead of one that comes back. `heard` hears the answers before the lanes go on.
   */
  commit(
    itsLanes: readonly Lane[],
    changes: readonly Change[],
    wish: CommitWish,
    heard: (answered: Answered<readonly Answer[]>) => void,
  ): void {
    for (const lane of itsLanes) lane.changeBegun()
    this.#context.store.commit(changes, wish, (answered) => {
      heard(answered)
      for (const lane of itsLanes) lane.changeEnded()
    })
  }

  /** The lanes that letters may come back to (Q12), and whose head the former process may have sent (Q2). */
  whereHeadsMatter(): Lane[] {
    return Array.from(this.#context.lanes.pending()).filter(
      ({ letters, mayHaveBeenSent }) => letters > 0 && mayHaveBeenSent,
    )
  }

  /** Puts letters back to their places, but never ahead of an envelope that has been sent (Q2). */
  reviveChanges(ids: readonly OperationId[]): readonly ReviveChange[] {
    const revive = this.reviveChange()
    return ids.map((id) => ({ ...revive, id }))
  }

  /** The same change of any letter. */
  reviveChange(): Omit<ReviveChange, 'id'> {
    return { change: 'revive', behind: this.#sent(), at: this.#context.boundary.wall }
  }

  /** Letters have come back. */
  revived({ affected, envelopes = [], shifts = [] }: Applied): void {
    // The operations come back before the hold is lifted: operations that lie behind must not be sent first.
    this.#back(affected, envelopes, shifts)
    this.lettersGone(affected)
  }

  /** Operations were discarded, pending ones or letters. */
  discarded({ affected, from }: Applied): void {
    if (from === 'dead') this.lettersGone(affected)
    else this.gone(affected)
    for (const { id, user, kind } of affected) {
      this.#context.report('operation.dropped', { id, user, kind, reason: 'discarded' })
    }
  }

  /** A record may exist now, or be lost: an operation that waits for it may go on (Q12). */
  changedRecords(): void {
    this.#parts.records.changed()
  }

  /** Pending operations of one lane are gone. */
  gone(affected: readonly Affected[]): void {
    this.#context.lifetimes.settled(affected)
    const first = affected[0]
    const lane = first === undefined ? undefined : this.#context.lanes.get(first.lane)
    if (lane === undefined) return
    const wasHead = affected.some(({ place }) => place === lane.head?.place)
    lane.removed(affected.map(({ place }) => place))
    if (wasHead || lane.envelope === null) this.#parts.waits.end(lane)
    this.#context.laneEvents.operationsRemoved(lane)
  }

  /** An operation may be in another lane than the creation of the record that it depends on (Q12). */
  lettersGone(affected: readonly Affected[]): void {
    const { lanes, laneEvents } = this.#context
    for (const [laneId, { length }] of Map.groupBy(affected, (one) => one.lane)) {
      const lane = lanes.get(laneId)
      if (lane === undefined) continue
      lane.letters -= length
      if (lane.letters === 0) this.#parts.holds.liftFromLane(lane, 'dead-letter')
      // An attempt that finds nothing to send may still be under way: the lane is forgotten only when it ends.
      laneEvents.operationsRemoved(lane)
    }
  }

  #back(
    affected: readonly Affected[],
    envelopes: readonly EnvelopeRow[],
    shifts: readonly Shift[],
  ): void {
    const { lanes, laneEvents } = this.#context
    for (const [laneId, ofLane] of Map.groupBy(affected, (one) => one.lane)) {
      const user = ofLane[0]?.user ?? null
      const lane = lanes.make({ lane: laneId, user, pending: 0, letters: 0, soloThrough: 0 })
      const waiting = lane.envelope
      lane.inserted(
        ofLane.map(({ place }) => place),
        shifts.filter((shift) => shift.lane === laneId),
      )
      lane.restored(envelopes.filter((envelope) => envelope.lane === laneId))
      // An operation that was put ahead of a waiting envelope does not wait for it.
      const isAhead = waiting !== null && ofLane.some(({ place }) => place < waiting.place)
      if (isAhead) this.#parts.waits.end(lane)
      laneEvents.operationsAdded(lane)
    }
  }

  /** How far each lane has been sent: an operation may be in another lane than the creation of its record (Q12). */
  #sent(): readonly { readonly lane: LaneId; readonly place: number }[] {
    return Array.from(this.#context.lanes.pending(), ({ id: laneId, sentThrough: place }) => ({
      lane: laneId,
      place,
    })).flatMap(({ lane: laneId, place }) => (place === null ? [] : [{ lane: laneId, place }]))
  }
}

export function lanesOf(lane: Lane | undefined): readonly Lane[] {
  return lane === undefined ? [] : [lane]
}

export function unknownOperation(id: OperationId): HoldfastError {
  const message = `no operation ${id} is pending or dead`
  return new HoldfastError('UNKNOWN_OPERATION', message, { operationId: id })
}
