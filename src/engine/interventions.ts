/** What the app may do to single operations: cancel, retry, discard (Q9, Q10). */
import type { Affected, Answer, Change, Shift } from '../../storage/changes.ts'
import type { EnvelopeRow } from '../../storage/storage.ts'
import { HoldfastError } from '../errors.ts'
import type { LaneId, OperationId } from '../model.ts'
import type { Settle } from './boundary.ts'
import type { Core } from './core.ts'
import type { HoldBook } from './hold-book.ts'
import { type LaneLine, WINDOW_ROWS } from './lane-line.ts'
import type { Records } from './records.ts'
import type { Found } from './store.ts'
import type { Waits } from './waits.ts'

export class Interventions {
  readonly #core: Core
  readonly #holds: HoldBook
  readonly #waits: Waits
  readonly #records: Records

  constructor(core: Core, holds: HoldBook, waits: Waits, records: Records) {
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
      } else if (isInFlight(line, id) || isOfUnknownOutcome(line, id)) {
        settle.reject(new HoldfastError('TOO_LATE', `${id} has been sent and may have arrived`))
      } else {
        const change = { change: 'cancel', id, at: boundary.wall } as const
        this.#change(line, change, settle, ({ affected }) => {
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
    this.#locate(id, settle, (_found, line) => {
      if (isInFlight(line, id)) {
        settle.reject(new HoldfastError('TOO_LATE', `${id} is being sent just now`))
        return
      }
      const change = { change: 'discard', id, at: boundary.wall } as const
      this.#change(line, change, settle, (answer) => {
        if (answer.from === 'dead') this.#lettersGone(answer.affected)
        else this.#gone(answer.affected)
        for (const { id: discarded, user, kind } of answer.affected) {
          report('operation.dropped', { id: discarded, user, kind, reason: 'discarded' })
        }
      })
    })
  }

  /** Q9: back to its place, but never ahead of an envelope that has been sent (Q2). */
  retry(id: OperationId, settle: Settle<void>): void {
    this.#locate(id, settle, (found, line) => {
      if (found.state === 'pending') {
        const message = `${id} is pending, only a dead letter can be retried`
        settle.reject(new HoldfastError('NOT_RETRYABLE', message))
        return
      }
      this.#change(
        line,
        { change: 'revive', id, behind: this.#sent(), at: this.#core.boundary.wall },
        settle,
        ({ affected, envelopes = [], shifts = [] }) => {
          // First back, then released from the hold: what lies behind must not go ahead.
          this.#back(affected, envelopes, shifts)
          this.#lettersGone(affected)
        },
      )
    })
  }

  /** How far each lane has been sent: what depends on a record may be in another lane than its creation (Q12). */
  #sent(): readonly { readonly lane: LaneId; readonly place: number }[] {
    return Array.from(this.#core.lanes.pending(), ({ lane, sentThrough: place }) => ({
      lane,
      place,
    })).flatMap(({ lane, place }) => (place === null ? [] : [{ lane, place }]))
  }

  /** Finds an operation, and sees to it that the head of its lane is known. */
  #locate(
    id: OperationId,
    settle: Settle<void>,
    then: (found: Found, line: LaneLine | undefined) => void,
  ): void {
    const { store, lanes } = this.#core
    store.find(id, (found) => {
      if (!found.ok || found.value === null) {
        settle.reject(found.ok ? unknownOperation(id) : found.error)
        return
      }
      const { value } = found
      const line = lanes.get(value.lane)
      if (line === undefined || line.pending === 0 || line.head !== undefined) {
        then(value, line)
        return
      }
      store.window(line.lane, Number.MIN_SAFE_INTEGER, WINDOW_ROWS, (answer) => {
        if (!answer.ok) {
          settle.reject(answer.error)
          return
        }
        line.loaded(answer.value)
        then(value, line)
      })
    })
  }

  /** The lane sends nothing meanwhile: what is about to go must not be sent, nor anything ahead of what comes back. */
  #change(
    line: LaneLine | undefined,
    change: Extract<Change, { readonly id: OperationId }>,
    settle: Settle<void>,
    applied: (answer: Extract<Answer, { applied: true }>) => void,
  ): void {
    line?.changeBegun()
    this.#core.store.commit([change], {}, (answered) => {
      const answer = answered.ok ? answered.value[0] : undefined
      if (answer?.applied === true) {
        applied(answer)
        this.#records.changed()
        settle.resolve()
      } else settle.reject(answered.ok ? unknownOperation(change.id) : answered.error)
      line?.changeEnded()
    })
  }

  #gone(affected: readonly Affected[]): void {
    const first = affected[0]
    const line = first === undefined ? undefined : this.#core.lanes.get(first.lane)
    if (line === undefined) return
    const wasHead = affected.some(({ place }) => place === line.head?.place)
    line.removed(affected.map(({ place }) => place))
    if (wasHead || line.envelope === null) this.#waits.end(line)
    this.#core.pilot.shrunk(line)
  }

  /** What depends on a record may be in another lane than what creates it (Q12). */
  #lettersGone(affected: readonly Affected[]): void {
    const { lanes } = this.#core
    for (const [lane, { length }] of Map.groupBy(affected, (one) => one.lane)) {
      const line = lanes.get(lane)
      if (line === undefined) continue
      line.letters -= length
      if (line.letters === 0) this.#holds.liftFromLane(line, 'dead-letter')
      lanes.forgetIfBare(line)
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
      pilot.arrived(line)
    }
  }
}

function isInFlight(line: LaneLine | undefined, id: OperationId): boolean {
  return line?.attempt?.members.some((row) => row.id === id) ?? false
}

/** A member of an envelope of unknown outcome, or what the process before this one may have sent. */
function isOfUnknownOutcome(line: LaneLine | undefined, id: OperationId): boolean {
  if (line === undefined) return false
  if (line.mayHaveBeenSent && line.head?.id === id) return true
  const { envelope } = line
  if (envelope === null || !line.isOutcomeUnknown) return false
  return line.rows.some((row) => row.id === id && envelope.members.includes(row.place))
}

function unknownOperation(id: OperationId): HoldfastError {
  return new HoldfastError('UNKNOWN_OPERATION', `no operation ${id} is pending or dead`)
}
