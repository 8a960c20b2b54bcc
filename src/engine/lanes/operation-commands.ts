/** The commands of the app on single operations: cancel, retry, discard (Q9, Q10). */
import type { Answer, Change, Replacement } from '../../../storage/changes.ts'
import { HoldfastError } from '../../errors.ts'
import type { OperationId } from '../../model.ts'
import type { Settle } from '../boundary/boundary.ts'
import type { Context } from '../context.ts'
import { admit, type Draft, refusalOfLetter, withinLimit } from '../intake/admission.ts'
import type { Found } from '../stored/store.ts'
import type { Lane } from './lane.ts'
import type { ReplacedPayload } from './replaced-payload.ts'
import { lanesOf, type RowChanges, unknownOperation } from './row-changes.ts'

export class OperationCommands {
  readonly #context: Context
  readonly #changes: RowChanges

  constructor(context: Context, changes: RowChanges) {
    this.#context = context
    this.#changes = changes
  }

  /** Q10: pending → cancelled. For an operation that may have arrived it is too late. */
  cancel(id: OperationId, settle: Settle<void>): void {
    const { boundary, report } = this.#context
    this.#changes.locate(id, settle, (found, lane) => {
      if (found.state === 'dead') {
        const message = `${id} is a dead letter: it can be retried or discarded, not cancelled`
        settle.reject(new HoldfastError('UNKNOWN_OPERATION', message, { operationId: id }))
      } else if (isInFlight(lane, id) || isOfUnknownOutcome(lane, id, found.place)) {
        settle.reject(tooLate(id, 'has been sent and may have arrived'))
      } else {
        const change = { change: 'cancel', id, at: boundary.wall } as const
        this.#change(lanesOf(lane), change, settle, ({ affected }) => {
          this.#changes.gone(affected)
          for (const { id: cancelled, user, kind } of affected) {
            report('operation.cancelled', { id: cancelled, user, kind })
          }
        })
      }
    })
  }

  /** Q9: removes a dead letter, or a pending operation with the members that its unknown outcome binds it to. */
  discard(id: OperationId, settle: Settle<void>): void {
    const { boundary } = this.#context
    this.#changes.locate(id, settle, ({ place }, lane) => {
      if (isInFlight(lane, id)) {
        settle.reject(tooLate(id, 'is being sent just now'))
        return
      }
      // After a crash, storage may not know yet that this operation may have been sent (Q5).
      const envelope = lane?.unknownAt(place) ?? null
      const first: readonly Change[] = envelope === null ? [] : [{ change: 'envelope', envelope }]
      const change = { change: 'discard', id, at: boundary.wall } as const
      const discarded = (answer: Applied) => this.#changes.discarded(answer)
      this.#change(lanesOf(lane), change, settle, discarded, first)
    })
  }

  /** Q9: puts the operation back to its place, but never ahead of an envelope that has been sent (Q2). */
  retry(id: OperationId, settle: Settle<void>): void {
    this.#retry(id, settle, () => this.#revive(id, settle))
  }

  /** Q9: the same with another payload, which its kind takes as it would take that of a new operation. */
  replace({ id, payload, given }: ReplacedPayload, settle: Settle<void>): void {
    this.#retry(id, settle, () => {
      this.#context.store.letter(id, (found) => {
        if (!found.ok) settle.reject(found.error)
        else if (found.value === null) settle.reject(unknownOperation(id))
        else if (found.value.isOutcomeUnknown) settle.reject(mayHaveArrived(id))
        else this.#admit(id, { kind: found.value.kind, payload, given, expiresInMs: null }, settle)
      })
    })
  }

  #retry(id: OperationId, settle: Settle<void>, revive: () => void): void {
    const retry = ({ state }: Found) => {
      if (state === 'pending') settle.reject(notRetryable(id, 'is pending'))
      else this.#changes.withHeads(this.#changes.whereHeadsMatter(), settle, revive)
    }
    this.#changes.locate(id, settle, retry, notRetryable(id, 'has settled'))
  }

  #admit(id: OperationId, draft: Draft, settle: Settle<void>): void {
    const { kinds } = this.#context
    const refusal = refusalOfLetter(this.#context, draft)
    if (refusal !== null) {
      settle.reject(refusal)
      return
    }
    admit(this.#context, draft, (admission) => {
      const admitted = withinLimit(this.#context, draft, admission)
      if (!admitted.ok) {
        settle.reject(admitted.refusal)
        return
      }
      const version = kinds.facts(draft.kind)?.version ?? 1
      this.#revive(id, settle, { ...admitted.admitted, version })
    })
  }

  #revive(id: OperationId, settle: Settle<void>, replacement?: Replacement): void {
    const replaced = replacement === undefined ? {} : { replacement }
    const change = { ...this.#changes.reviveChange(), id, ...replaced }
    const revived = (answer: Applied) => this.#changes.revived(answer)
    this.#change([...this.#context.lanes.all()], change, settle, revived)
  }

  /** Commits the change, behind others that must be stored first; `applied` hears of it. */
  #change(
    itsLanes: readonly Lane[],
    change: Extract<Change, { readonly id: OperationId }>,
    settle: Settle<void>,
    applied: (answer: Applied) => void,
    first: readonly Change[] = [],
  ): void {
    this.#changes.commit(itsLanes, [...first, change], {}, (answered) => {
      const answer = answered.ok ? answered.value.at(-1) : undefined
      if (answer?.applied === true) {
        applied(answer)
        this.#changes.changedRecords()
        settle.resolve()
      } else settle.reject(answered.ok ? unknownOperation(change.id) : answered.error)
    })
  }
}

type Applied = Extract<Answer, { applied: true }>

function isInFlight(lane: Lane | undefined, id: OperationId): boolean {
  return lane?.attempt?.members.some((row) => row.id === id) ?? false
}

/** True for a member of an envelope of unknown outcome, and for a head that the process before this one may have sent. */
function isOfUnknownOutcome(lane: Lane | undefined, id: OperationId, place: number): boolean {
  if (lane === undefined) return false
  return (lane.mayHaveBeenSent && lane.head?.id === id) || lane.unknownAt(place) !== null
}

function tooLate(id: OperationId, why: string): HoldfastError {
  return new HoldfastError('TOO_LATE', `${id} ${why}`, { operationId: id })
}

function notRetryable(id: OperationId, why: string): HoldfastError {
  const message = `${id} ${why}, only a dead letter can be retried`
  return new HoldfastError('NOT_RETRYABLE', message, { operationId: id })
}

function mayHaveArrived(id: OperationId): HoldfastError {
  const message = `${id} may have arrived, so its payload cannot be replaced; retry it as it is, or discard it`
  return new HoldfastError('NOT_RETRYABLE', message, { operationId: id })
}
