/** What the app may do to single operations: cancel, retry, discard (Q9, Q10). */
import type { Affected, Answer, Change, Shift } from '../../../storage/changes.ts'
import type { EnvelopeRow } from '../../../storage/storage.ts'
import { HoldfastError } from '../../errors.ts'
import type { LaneId, OperationId } from '../../model.ts'
import type { Settle } from '../boundary/boundary.ts'
import type { Core } from '../core.ts'
import type { Holds } from './holds.ts'
import { type LaneLine, WINDOW_ROWS } from './lane-line.ts'
import { windowLoaded } from './loaded-window.ts'
import type { Records } from '../stored/records.ts'
import type { Found } from '../stored/store.ts'
import type { BackoffWaits } from './backoff-waits.ts'

export class OperationCommands {
  readonly #core: Core
  readonly #holds: Holds
  readonly #waits: BackoffWaits
  readonly #records: Records

  constructor(core: Core, holds: Holds, waits: BackoffWaits, records: Records) {
    this.#core = core
    this.#holds = holds
    this.#waits = waits
    this.#records = records
  }

  /** Q10: pending → cancelled; what may have arrived is too late. */
  cancel(id: OperationId, settle: Settle<void>): void {
    const { boundary, report } = this.#core
    this.#locate(id, settle, (found, line) => {
      if (found.state === 'dead') {
        const message = `${id} is a dead letter: it can be retried or discarded, not cancelled`
        settle.reject(new HoldfastError('UNKNOWN_OPERATION', message))
      } else if (isInFlight(line, id) || isOfUnknownOutcome(line, id, found.place)) {
        settle.reject(new HoldfastError('TOO_LATE', `${id} has been sent and may have arrived`))
      } else {
        const change = { change: 'cancel', id, at: boundary.wall } as const
        this.#change(linesOf(line), change, settle, ({ affected }) => {
          this.#gone(affected)
          for (const { id: cancelled, user, kind } of affected) {
            report('operation.cancelled', { id: cancelled, user, kind })
          }
        })
      }
    })
  }

  /** Q9: removes a dead letter, or a pending operation with what its unknown outcome binds it to. */
  discard(id: OperationId, settle: Settle<void>): void {
    const { boundary, report } = this.#core
    this.#locate(id, settle, ({ place }, line) => {
      if (isInFlight(line, id)) {
        settle.reject(new HoldfastError('TOO_LATE', `${id} is being sent just now`))
        return
      }
      // After a crash storage may not know yet that this one may have been sent (Q5).
      const envelope = line?.unknownAt(place) ?? null
      const first: readonly Change[] = envelope === null ? [] : [{ change: 'envelope', envelope }]
      const change = { change: 'discard', id, at: boundary.wall } as const
      this.#change(
        linesOf(line),
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

  /** Q9: back to its place, but never ahead of an envelope that has been sent (Q2). */
  retry(id: OperationId, settle: Settle<void>): void {
    const retry = ({ state }: Found) => {
      if (state === 'pending') settle.reject(notRetryable(id, 'is pending'))
      else this.#withHeads(this.#whereHeadsMatter(), settle, () => this.#revive(id, settle))
    }
    this.#locate(id, settle, retry, notRetryable(id, 'has settled'))
  }

  #revive(id: OperationId, settle: Settle<void>): void {
    const { lanes, boundary } = this.#core
    const change = { change: 'revive', id, behind: this.#sent(), at: boundary.wall } as const
    this.#change([...lanes.all()], change, settle, ({ affected, envelopes = [], shifts = [] }) => {
      // First back, then released from the hold: what lies behind must not go ahead.
      this.#back(affected, envelopes, shifts)
      this.#lettersGone(affected)
    })
  }

  /** Lanes that something may come back to (Q12), whose head the former process may have sent (Q2). */
  #whereHeadsMatter(): LaneLine[] {
    return Array.from(this.#core.lanes.pending()).filter(
      ({ letters, mayHaveBeenSent }) => letters > 0 && mayHaveBeenSent,
    )
  }

  /** How far each lane has been sent: what depends on a record may be in another lane than its creation (Q12). */
  #sent(): readonly { readonly lane: LaneId; readonly place: number }[] {
    return Array.from(this.#core.lanes.pending(), ({ lane, sentThrough: place }) => ({
      lane,
      place,
    })).flatMap(({ lane, place }) => (place === null ? [] : [{ lane, place }]))
  }

  /** Finds an operation, and sees to it that the head of its lane is known. `settled`: it has ended. */
  #locate(
    id: OperationId,
    settle: Settle<void>,
    then: (found: Found, line: LaneLine | undefined) => void,
    settled: HoldfastError = unknownOperation(id),
  ): void {
    const { store, lanes } = this.#core
    store.find(id, (found) => {
      if (!found.ok) settle.reject(found.error)
      else if (found.value === null) settle.reject(unknownOperation(id))
      else if (found.value === 'settled') settle.reject(settled)
      else {
        const { value } = found
        const line = lanes.get(value.lane)
        this.#withHeads(linesOf(line), settle, () => then(value, line))
      }
    })
  }

  /** Sees to it that the head of each of these lanes is known. */
  #withHeads(lines: readonly LaneLine[], settle: Settle<void>, then: () => void): void {
    const line = lines.find(({ pending, head }) => pending > 0 && head === undefined)
    if (line === undefined) {
      then()
      return
    }
    this.#core.store.window(line.lane, Number.MIN_SAFE_INTEGER, WINDOW_ROWS, (answer) => {
      if (!answer.ok) {
        settle.reject(answer.error)
        return
      }
      windowLoaded(this.#core, line, answer.value)
      const others = lines.filter((one) => one !== line)
      this.#withHeads(answer.value.length === 0 ? others : lines, settle, then)
    })
  }

  /** These lanes send nothing meanwhile: neither what is about to go, nor anything ahead of what comes back. */
  #change(
    lines: readonly LaneLine[],
    change: Extract<Change, { readonly id: OperationId }>,
    settle: Settle<void>,
    applied: (answer: Extract<Answer, { applied: true }>) => void,
    first: readonly Change[] = [],
  ): void {
    for (const line of lines) line.changeBegun()
    this.#core.store.commit([...first, change], {}, (answered) => {
      const answer = answered.ok ? answered.value.at(-1) : undefined
      if (answer?.applied === true) {
        applied(answer)
        this.#records.changed()
        settle.resolve()
      } else settle.reject(answered.ok ? unknownOperation(change.id) : answered.error)
      for (const line of lines) line.changeEnded()
    })
  }

  #gone(affected: readonly Affected[]): void {
    this.#core.lifetimes.settled(affected)
    const first = affected[0]
    const line = first === undefined ? undefined : this.#core.lanes.get(first.lane)
    if (line === undefined) return
    const wasHead = affected.some(({ place }) => place === line.head?.place)
    line.removed(affected.map(({ place }) => place))
    if (wasHead || line.envelope === null) this.#waits.end(line)
    this.#core.pilot.operationsRemoved(line)
  }

  /** What depends on a record may be in another lane than what creates it (Q12). */
  #lettersGone(affected: readonly Affected[]): void {
    const { lanes, pilot } = this.#core
    for (const [lane, { length }] of Map.groupBy(affected, (one) => one.lane)) {
      const line = lanes.get(lane)
      if (line === undefined) continue
      line.letters -= length
      if (line.letters === 0) this.#holds.liftFromLane(line, 'dead-letter')
      // An attempt may still be under way that finds nothing to send: only when it ends is the lane forgotten.
      pilot.operationsRemoved(line)
    }
  }

  #back(
    affected: readonly Affected[],
    envelopes: readonly EnvelopeRow[],
    shifts: readonly Shift[],
  ): void {
    const { lanes, pilot } = this.#core
    for (const [lane, ofLane] of Map.groupBy(affected, (one) => one.lane)) {
      const user = ofLane[0]?.user ?? null
      const line = lanes.make({ lane, user, pending: 0, letters: 0, soloThrough: 0 })
      const waiting = line.envelope
      line.inserted(
        ofLane.map(({ place }) => place),
        shifts.filter((shift) => shift.lane === lane),
      )
      line.restored(envelopes.filter((envelope) => envelope.lane === lane))
      // Who has been put ahead of an envelope that waits does not wait for it.
      const isAhead = waiting !== null && ofLane.some(({ place }) => place < waiting.place)
      if (isAhead) this.#waits.end(line)
      pilot.operationsAdded(line)
    }
  }
}

function linesOf(line: LaneLine | undefined): readonly LaneLine[] {
  return line === undefined ? [] : [line]
}

function isInFlight(line: LaneLine | undefined, id: OperationId): boolean {
  return line?.attempt?.members.some((row) => row.id === id) ?? false
}

/** A member of an envelope of unknown outcome, or what the process before this one may have sent. */
function isOfUnknownOutcome(line: LaneLine | undefined, id: OperationId, place: number): boolean {
  if (line === undefined) return false
  return (line.mayHaveBeenSent && line.head?.id === id) || line.unknownAt(place) !== null
}

function unknownOperation(id: OperationId): HoldfastError {
  return new HoldfastError('UNKNOWN_OPERATION', `no operation ${id} is pending or dead`)
}

function notRetryable(id: OperationId, why: string): HoldfastError {
  return new HoldfastError('NOT_RETRYABLE', `${id} ${why}, only a dead letter can be retried`)
}
