/**
 * Operations stored in the app's own transaction: they are there if that commits, and the engine hears
 * of them when it has. Nothing of it is asynchronous for the app, so the schema must answer at once.
 */
import type { Affected, EnqueueChange } from '../../storage/changes.ts'
import { HoldfastError } from '../errors.ts'
import type { OperationId } from '../model.ts'
import { arrive } from './arrive.ts'
import { plain, type Settle } from './boundary.ts'
import { nonce } from './chance.ts'
import type { Core } from './core.ts'
import { draftRow } from './draft-row.ts'
import { type Draft, dropAtOnce, type Enqueued, isDropped, refusalOf } from './intake.ts'

/** What a storage must offer beside the contract. */
export interface TransactionalStorage {
  enqueueWithin(connection: unknown, change: EnqueueChange): Affected
  isWithin(): boolean
  forgetWithin(): void
}

export interface WithinArgs extends Draft {
  /** The app's connection; a replay has none. */
  readonly connection: unknown
}

/** How long to wait for a transaction that outlives its turn of the event loop. */
const LOOK_AGAIN_MS = 20

export class Within {
  readonly #core: Core

  constructor(core: Core) {
    this.#core = core
  }

  /** `settle` hears before this returns. */
  enqueue({ connection, ...draft }: WithinArgs, settle: Settle<Enqueued>): void {
    const { kinds, pilot } = this.#core
    const { user } = pilot
    const refusal = refusalOf(this.#core, draft)
    if (refusal !== null) {
      settle.reject(refusal)
      return
    }
    let why: string | null = 'its schema does not answer at once'
    kinds.check(draft.kind, draft.payload, (answer) => {
      why = answer
    })
    if (why !== null) {
      const what: string = why
      const message = `the payload of ${draft.kind} cannot be stored: ${what}`
      settle.reject(new HoldfastError('INVALID_PAYLOAD', message))
      return
    }
    const unique = nonce(this.#core)
    if (isDropped(this.#core, user)) {
      settle.resolve({ id: dropAtOnce(this.#core, draft.kind, unique), dropped: true })
      return
    }
    this.#store(
      { change: 'enqueue', user, nonce: unique, ...draftRow(this.#core, draft) },
      connection,
      settle,
    )
  }

  #store(change: EnqueueChange, connection: unknown, settle: Settle<Enqueued>): void {
    const { boundary, lanes } = this.#core
    const { user } = change
    lanes.coming(user, 1)
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
            failure = error as Error
            throw error
          }
        },
      },
      (answer) => {
        if (answer.ok) this.#look(change, answer.value)
        else this.#cameToNothing(change)
      },
    )
    if (put !== null) settle.resolve({ id: (put as Affected).id, dropped: false })
    else if (failure !== null) settle.reject(failure)
  }

  /** The transaction is over by now, unless the app let it outlive its turn. */
  #look(change: EnqueueChange, put: Affected): void {
    const { boundary, store } = this.#core
    const isOpen = boundary.pull('within', plain<boolean>(), () => this.#storage().isWithin())
    if (isOpen) {
      boundary.arm(`within:${put.id}`, LOOK_AGAIN_MS, () => this.#look(change, put))
      return
    }
    store.find(put.id, (found) => {
      if (found.ok && found.value?.state === 'pending') this.#arrived(change, put)
      else this.#cameToNothing(change)
    })
  }

  #arrived(change: EnqueueChange, { id, lane, place }: Affected): void {
    const { user, creates = [], deviceScoped = false, ...row } = change
    this.#core.lanes.coming(user, -1)
    arrive(this.#core, user, { ...row, creates, deviceScoped, id: id as OperationId, lane, place })
  }

  /** It was rolled back: so is everything it made. */
  #cameToNothing({ user }: EnqueueChange): void {
    const { boundary, lanes, pilot } = this.#core
    boundary.pull('forget', plain<null>(), () => {
      this.#storage().forgetWithin()
      return null
    })
    lanes.coming(user, -1)
    pilot.cameToNothing(user)
  }

  #storage(): TransactionalStorage {
    const storage = this.#core.ports.storage as Partial<TransactionalStorage>
    if (typeof storage.enqueueWithin !== 'function') {
      throw new TypeError('enqueueWithin: this storage has no transactions to join')
    }
    return storage as TransactionalStorage
  }
}
