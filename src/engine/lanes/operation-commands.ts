/** The commands of the app on single operations: cancel, retry, discard (Q9, Q10). */
import type { Affected, Answer, Change, Shift } from '../../../storage/changes.ts'
import type { EnvelopeRow } from '../../../storage/rows.ts'
import { HoldfastError } from '../../errors.ts'
import type { LaneId, OperationId } from '../../model.ts'
import type { Settle } from '../boundary/boundary.ts'
import type { Context } from '../context.ts'
import type { Holds } from '../holds/holds.ts'
import { type Lane, WINDOW_ROWS } from './lane.ts'
import { windowLoaded } from './loaded-window.ts'
import type { Records } from '../stored/records.ts'
import type { Found } from '../stored/store.ts'
import type { BackoffWaits } from '../holds/backoff-waits.ts'

export interface OperationCommandsParts {
  readonly context: Context
  readonly holds: Holds
  readonly waits: BackoffWaits
  readonly records: Records
}

export class OperationCommands {
  readonly #context: Context
  readonly #parts: OperationCommandsParts

  constructor(parts: OperationCommandsParts) {
    this.#parts = parts
    this.#context = parts.context
  }

  /** Q10: pending → cancelled. For an operation that may have arrived it is too late. */
  cancel(id: OperationId, settle: Settle<void>): void {
    const { boundary, report } = this.#context
    this.#locate(id, settle, (found, lane) => {
      if (found.state === 'dead') {
        const message = `${id} is a dead letter: it can be retried or discarded, not cancelled`
        settle.reject(new HoldfastError('UNKNOWN_OPERATION', message, { operationId: id }))
      } else if (isInFlight(lane, id) || isOfUnknownOutcome(lane, id, found.place)) {
        settle.reject(tooLate(id, 'has been sent and may have arrived'))
      } else {
        const change = { change: 'cancel', id, at: boundary.wall } as const
        this.#change(linesOf(lane), change, settle, ({ affected }) => {
          this.#gone(affected)
          for (const { id: cancelled, user, kind } of affected) {
            report('operation.cancelled', { id: cancelled, user, kind })
          }
        })
      }
    })
  }

  /** Q9: removes a dead letter, or a pending operation with the members that its unknown outcome binds it to. */
  discard(id: OperationId, settle: Settle<void>): void {
    const { boundary, report } = this.#context
    this.#locate(id, settle, ({ place }, lane) => {
      if (isInFlight(lane, id)) {
        settle.reject(tooLate(id, 'is being sent just now'))
        return
      }
      // After a crash, storage may not know yet that this operation may have been sent (Q5).
      const envelope = lane?.unknownAt(place) ?? null
      const first: readonly Change[] = envelope === null ? [] : [{ change: 'envelope', envelope }]
      const change = { change: 'discard', id, at: boundary.wall } as const
      this.#change(
        linesOf(lane),
        change,
        settle,
        (answer) => {
          if (answer.from === 'dead') this.#lettersGone(answer.affected)
          else this.#gone(answer.affected)
          for (const { id: discarded, user, kind } of answer.affected) {
            report('operation.dropped', { id: discarded, user, kind, reason: 'discarded' })
          }
        },
        first,
      )
    })
  }

  /** Q9: puts the operation back to its place, but never ahead of an envelope that has been sent (Q2). */
  retry(id: OperationId, settle: Settle<void>): void {
    const retry = ({ state }: Found) => {
      if (state === 'pending') settle.reject(notRetryable(id, 'is pending'))
      else this.#withHeads(this.#whereHeadsMatter(), settle, () => this.#revive(id, settle))
    }
    this.#locate(id, settle, retry, notRetryable(id, 'has settled'))
  }

  #revive(id: OperationId, settle: Settle<void>): void {
    const { lanes, boundary } = this.#context
    const change = { change: 'revive', id, behind: this.#sent(), at: boundary.wall } as const
    this.#change([...lanes.all()], change, settle, ({ affected, envelopes = [], shifts = [] }) => {
      // The operations come back before the hold is lifted: operations that lie behind must not be sent first.
      this.#back(affected, envelopes, shifts)
      this.#lettersGone(affected)
    })
  }

  /** The lanes that operations may come back to (Q12), and whose head the former process may have sent (Q2). */
  #whereHeadsMatter(): Lane[] {
    return Array.from(this.#context.lanes.pending()).filter(
      ({ letters, mayHaveBeenSent }) => letters > 0 && mayHaveBeenSent,
    )
  }

  /** How far each lane has been sent: an operation may be in another lane than the creation of its record (Q12). */
  #sent(): readonly { readonly lane: LaneId; readonly place: number }[] {
    return Array.from(this.#context.lanes.pending(), ({ id: laneId, sentThrough: place }) => ({
      lane: laneId,
      place,
    })).flatMap(({ lane: laneId, place }) => (place === null ? [] : [{ lane: laneId, place }]))
  }

  /** Finds an operation, and reads the head of its lane if it is unknown. `settled`: the error for a settled operation. */
  #locate(
    id: OperationId,
    settle: Settle<void>,
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
        this.#withHeads(linesOf(lane), settle, () => then(value, lane))
      }
    })
  }

  /** Reads the head of each of these lanes, if it is unknown. */
  #withHeads(itsLanes: readonly Lane[], settle: Settle<void>, then: () => void): void {
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
      this.#withHeads(answer.value.length === 0 ? others : itsLanes, settle, then)
    })
  }

  /**
   * Commits the change. Until then these lanes send nothing: neither an operation that is being removed, nor an operation
   * ahead of one that comes back.
   */
  #change(
    itsLanes: readonly Lane[],
    change: Extract<Change, { readonly id: OperationId }>,
    settle: Settle<void>,
    applied: (answer: Extract<Answer, { applied: true }>) => void,
    first: readonly Change[] = [],
  ): void {
    for (const lane of itsLanes) lane.changeBegun()
    this.#context.store.commit([...first, change], {}, (answered) => {
      const answer = answered.ok ? answered.value.at(-1) : undefined
      if (answer?.applied === true) {
        applied(answer)
        this.#parts.records.changed()
        settle.resolve()
      } else settle.reject(answered.ok ? unknownOperation(change.id) : answered.error)
      for (const lane of itsLanes) lane.changeEnded()
    })
  }

  #gone(affected: readonly Affected[]): void {
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
  #lettersGone(affected: readonly Affected[]): void {
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
}

function linesOf(lane: Lane | undefined): readonly Lane[] {
  return lane === undefined ? [] : [lane]
}

function isInFlight(lane: Lane | undefined, id: OperationId): boolean {
  return lane?.attempt?.members.some((row) => row.id === id) ?? false
}

/** True for a member of an envelope of unknown outcome, and for a head that the process before this one may have sent. */
function isOfUnknownOutcome(lane: Lane | undefined, id: OperationId, place: number): boolean {
  if (lane === undefined) return false
  return (lane.mayHaveBeenSent && lane.head?.id === id) || lane.unknownAt(place) !== null
}

function unknownOperation(id: OperationId): HoldfastError {
  const message = `no operation ${id} is pending or dead`
  return new HoldfastError('UNKNOWN_OPERATION', message, { operationId: id })
}

function tooLate(id: OperationId, why: string): HoldfastError {
  return new HoldfastError('TOO_LATE', `${id} ${why}`, { operationId: id })
}

function notRetryable(id: OperationId, why: string): HoldfastError {
  const message = `${id} ${why}, only a dead letter can be retried`
  return new HoldfastError('NOT_RETRYABLE', message, { operationId: id })
}
