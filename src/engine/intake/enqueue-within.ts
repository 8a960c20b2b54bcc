/**
 * Stores operations in the app's own transaction. The operations are there if the transaction commits, and the engine
 * hears of them after the commit. The call is synchronous for the app, so the schema must answer at once.
 */
import { alarmOf } from '../alarms.ts'
import type { Affected, EnqueueChange } from '../../../storage/changes.ts'
import type { Fate } from '../../../storage/storage.ts'
import { HoldfastError } from '../../errors.ts'
import type { OperationId } from '../../model.ts'
import { admitAtOnce, type Admission, type Draft, refusalOf, withinLimit } from './admission.ts'
import { arrive } from './arrive.ts'
import { type Codec, plain, type Settle } from '../boundary/boundary.ts'
import { nonce } from '../random-draws.ts'
import type { Context } from '../context.ts'
import type { Placed } from '../stored/store.ts'
import { draftChange, rowOf } from './draft-row.ts'
import { errorOf } from '../../thrown.ts'
import { failureCodec } from '../boundary/error-codec.ts'
import { draftCodec, dropAtOnce, type Enqueued, isDropped } from './intake.ts'
import { payloadOfSize } from '../boundary/rows-codec.ts'
import { Outstanding } from './outstanding.ts'

/** The methods that a storage must offer beside the contract. */
export interface TransactionalStorage {
  /** @throws TypeError unless this is the connection to join, with a transaction open. */
  requireTransaction(connection: unknown): void
  enqueueWithin(connection: unknown, change: EnqueueChange): Affected
  fateOf(id: OperationId): Fate
}

export interface EnqueueWithinArgs extends Draft {
  /** The app's connection. Null in a replay, and for a call that came too late. */
  readonly connection: unknown
  /** Called at the end of the transaction: with false if it was certainly rolled back. */
  readonly decided: (mayBeThere: boolean) => void
}

/** A replay has no connection, and no receipt to tell. */
export const enqueueWithinCodec: Codec<EnqueueWithinArgs> = {
  write: ({ connection: _connection, decided: _decided, ...draft }) => draftCodec.write(draft),
  read: (json) => ({ ...draftCodec.read(json), connection: null, decided: () => undefined }),
}

/** An operation whose transaction may still be open. */
export interface Undecided {
  readonly change: EnqueueChange
  /** The number of commits that had been asked for before. */
  readonly after: number
  /** Null: storage has not answered yet. */
  put: Affected | null
  readonly decided: (mayBeThere: boolean) => void
}

/** An undecided operation in the summary of a journal. Instead of the payload it has the payload's size. */
export interface SavedUndecided {
  readonly change: Omit<EnqueueChange, 'payload'> & { readonly bytes: number }
  readonly put: Affected
}

/** The wait before the next look at a transaction that outlives its turn of the event loop. */
const LOOK_AGAIN_MS = 20

export interface EnqueueWithinParts {
  readonly context: Context
}

export class EnqueueWithin {
  readonly #context: Context
  readonly #undecided = new Set<Undecided>()
  readonly #waiting = new Outstanding<Undecided>()

  constructor(parts: EnqueueWithinParts) {
    this.#context = parts.context
  }

  /** `settle` is called before this method returns. */
  enqueue({ connection, decided, ...draft }: EnqueueWithinArgs, settle: Settle<Enqueued>): void {
    const { user } = this.#context.pilot
    const admission = this.#admission(connection, draft)
    if (!admission.ok) {
      settle.reject(admission.refusal)
      return
    }
    const unique = nonce(this.#context)
    if (isDropped(this.#context, user)) {
      settle.resolve({ id: dropAtOnce(this.#context, draft.kind, unique), dropped: true })
      return
    }
    const change = draftChange(this.#context, user, unique, { ...draft, ...admission.admitted })
    this.#store(change, { connection, decided }, settle)
  }

  /** The operations whose transaction is not known yet to be committed or rolled back. */
  open(): readonly Undecided[] {
    return [...this.#undecided]
  }

  /** Calls `then` when the transactions of all these operations are decided; at once if they are. */
  whenDecided(undecided: readonly Undecided[], then: () => void): void {
    const open = undecided.filter((one) => this.#undecided.has(one))
    this.#waiting.whenOver(open, then)
  }

  lookAtAll(): void {
    for (const undecided of this.#undecided) this.#look(undecided)
  }

  /**
   * Looks at the undecided operations that come before `affected` in their lanes, so that the app hears of all operations
   * in the order of the lane. An operation that storage answers now may lie behind one of the app's transaction (Q3).
   */
  readonly lookAtEarlier = (affected: () => readonly Placed[]): void => {
    if (this.#undecided.size === 0) return
    const others = affected()
    for (const undecided of this.#undecided) {
      const { put } = undecided
      const isLater = others.some(
        ({ lane: laneId, place }) => put !== null && laneId === put.lane && place < put.place,
      )
      if (!isLater) this.#look(undecided)
    }
  }

  readonly lookAtNext = (): void => {
    for (const undecided of this.#undecided) if (this.#isNext(undecided)) this.#look(undecided)
  }

  /** True if the app has been told of all operations that may have been stored before this one. */
  #isNext({ after }: Undecided): boolean {
    return this.#context.store.commitsAnswered >= after
  }

  /** The undecided operations, for a journal that begins here. */
  save(): readonly SavedUndecided[] {
    return Array.from(this.#undecided).flatMap(({ change: { payload, ...change }, put }) =>
      put === null ? [] : [{ change: { ...change, bytes: Buffer.byteLength(payload) }, put }],
    )
  }

  restore(saved: readonly SavedUndecided[]): void {
    for (const { change, put } of saved) {
      const { bytes, ...rest } = change
      const undecided: Undecided = {
        change: { ...rest, payload: payloadOfSize(bytes) },
        after: 0,
        put,
        decided: () => undefined,
      }
      this.#undecided.add(undecided)
      this.#context.lanes.countUnstored(change.user, 1)
      this.#context.boundary.rearm(alarmOf('within', put.id), () => this.#look(undecided))
    }
  }

  #admission(connection: unknown, draft: Draft): Admission {
    const refusal =
      this.#context.store.broken ??
      this.#misuse(connection) ??
      this.#overtaking() ??
      refusalOf(this.#context, draft)
    if (refusal !== null) return { ok: false, refusal }
    return withinLimit(this.#context, draft, admitAtOnce(this.#context, draft))
  }

  /** Even for an operation that is then dropped, the app must be in a transaction that can be joined (E1). */
  #misuse(connection: unknown): Error | null {
    return this.#context.boundary.pull('within.misuse', failureCodec, () => {
      try {
        this.#storage().requireTransaction(connection)
        return null
      } catch (error) {
        return errorOf(error)
      }
    })
  }

  /** The app's transaction commits before an unstored logout or forget, which would remove the operation (I7, I12). */
  #overtaking(): Error | null {
    const { lanes, pilot } = this.#context
    if (!lanes.isLosing(pilot.user)) return null
    const message = `logout() or forget() of ${pilot.user} is not stored yet: await it, then enqueue in a transaction`
    return new HoldfastError('STORAGE_BUSY', message, { retryable: true })
  }

  #store(
    change: EnqueueChange,
    { connection, decided }: Pick<EnqueueWithinArgs, 'connection' | 'decided'>,
    settle: Settle<Enqueued>,
  ): void {
    const { boundary, lanes, store } = this.#context
    const { user } = change
    lanes.countUnstored(user, 1)
    const undecided: Undecided = { change, after: store.commitsAsked, put: null, decided }
    this.#undecided.add(undecided)
    let put: Affected | null = null
    let failure: Error | null = null
    boundary.ask<Affected>(
      {
        name: 'within',
        args: () => {
          const { payload: _payload, ...rest } = change
          return { ...rest } as never
        },
        codec: plain<Affected>(),
        put: () => {
          try {
            put = this.#storage().enqueueWithin(connection, change)
            return put
          } catch (error) {
            failure = errorOf(error)
            throw error
          }
        },
      },
      (answer) => {
        if (!answer.ok) {
          this.#undecided.delete(undecided)
          this.#context.laneEvents.enqueueAbandoned(user)
          this.#waiting.over(undecided)
          return
        }
        undecided.put = answer.value
        if (this.#isNext(undecided)) this.#look(undecided)
      },
    )
    // The app is told at once, so a replay must know the answer at once.
    const refusal = boundary.pull('within.refused', failureCodec, () => failure)
    if (refusal !== null) settle.reject(refusal)
    // A replay has no caller to tell, and the call is over all the same.
    else settle.resolve({ id: (put as Affected | null)?.id ?? ('' as OperationId), dropped: false })
  }

  /** The transaction is over by now, unless the app let it outlive its turn. */
  #look(undecided: Undecided): void {
    const { boundary } = this.#context
    const { change, put, decided } = undecided
    if (put === null) return
    const alarm = alarmOf('within', put.id)
    const fate = boundary.pull('within', plain<Fate>(), () =>
      this.#storage().fateOf(put.id as OperationId),
    )
    if (fate === 'open') {
      boundary.arm(alarm, LOOK_AGAIN_MS, () => this.#look(undecided))
      return
    }
    boundary.disarm(alarm)
    this.#undecided.delete(undecided)
    decided(fate !== 'gone')
    if (fate === 'there') this.#arrived(change, put)
    else this.#context.laneEvents.enqueueAbandoned(change.user)
    this.#waiting.over(undecided)
  }

  #arrived(change: EnqueueChange, put: Affected): void {
    const { user } = change
    this.#context.lanes.countUnstored(user, -1)
    arrive(this.#context, user, rowOf(change, put))
  }

  #storage(): TransactionalStorage {
    const storage = this.#context.ports.storage as Partial<TransactionalStorage>
    if (typeof storage.enqueueWithin !== 'function') {
      throw new TypeError('enqueueWithin: this storage has no transactions to join')
    }
    return storage as TransactionalStorage
  }
}
