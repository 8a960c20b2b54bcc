/**
 * Receipts: what `enqueue()` answers. An engine keeps nothing for a receipt whose end nobody asked
 * for, so a million of them cost nothing; who asks late gets the answer from storage.
 */
import type { Storage, Whereabouts } from '../storage/storage.ts'
import { storageErrorOfOurs } from './engine/stored/storage-errors.ts'
import { HoldfastError } from './errors.ts'
import type { EventName, HoldfastEvents } from './events.ts'
import type { DeadReason, DropReason, OperationId } from './model.ts'
import type { Clock, Timer } from './ports/clock.ts'

/** Where storage could not say what has settled, it is asked again after this. */
const RECHECK_MS = 1000

/** How an operation ended. */
export type Settlement =
  /** The engine was closed first: it is still on disk, and `operation(id)` tells its end after a restart. */
  | { readonly outcome: 'pending'; readonly id: OperationId }
  | { readonly outcome: 'completed'; readonly id: OperationId }
  | { readonly outcome: 'dropped'; readonly id: OperationId; readonly reason: DropReason }
  | { readonly outcome: 'cancelled'; readonly id: OperationId }
  | {
      readonly outcome: 'dead'
      readonly id: OperationId
      readonly reason: DeadReason
      /** The last status the server answered with, if it did. */
      readonly status: number | null
    }

/** Who knows how an operation ends. */
interface End {
  of(id: OperationId): Promise<Settlement>
}

/** An anonymous operation under `required` (I3). */
const DROPPED: End = { of: async (id) => ({ outcome: 'dropped', id, reason: 'anonymous' }) }

/** The proof that an operation is on disk. */
export class Receipt {
  readonly id: OperationId
  readonly #end: End
  #promise: Promise<Settlement> | null = null

  /** @internal */
  constructor(id: OperationId, end: End) {
    this.id = id
    this.#end = end
  }

  /** Resolves when the operation has reached its end. It never rejects for what the server said. */
  get settled(): Promise<Settlement> {
    if (this.#promise === null) {
      this.#promise = this.#end.of(this.id)
      // Whoever asked and does not look must not bring the host down (E3).
      this.#promise.catch(() => undefined)
    }
    return this.#promise
  }
}

export class Receipts {
  readonly #storage: Pick<Storage, 'find' | 'settled'>
  readonly #clock: Pick<Clock, 'after'>
  readonly #waiting = new Map<OperationId, (settlement: Settlement) => void>()
  readonly #stored: End = { of: (id) => this.#wait(id) }
  /** Who is to be told whether the app's transaction was committed. */
  readonly #expected = new Set<(isThere: boolean) => void>()
  #recheck: 'none' | 'under way' | 'due again' = 'none'
  #retry: Timer | null = null
  #hasEnded = false

  constructor(storage: Pick<Storage, 'find' | 'settled'>, clock: Pick<Clock, 'after'>) {
    this.#storage = storage
    this.#clock = clock
  }

  /** `committed`: was it, in the app's own transaction? */
  make(id: OperationId, isDropped: boolean, committed?: Promise<boolean>): Receipt {
    if (isDropped) return new Receipt(id, DROPPED)
    if (committed === undefined) return new Receipt(id, this.#stored)
    return new Receipt(id, { of: () => this.#unlessRolledBack(id, committed) })
  }

  async #unlessRolledBack(id: OperationId, committed: Promise<boolean>): Promise<Settlement> {
    if (await committed) return this.#wait(id)
    const message = `${id} was never stored: the transaction it was part of was rolled back`
    throw new HoldfastError('UNKNOWN_OPERATION', message)
  }

  /** An operation in the app's own transaction: it is not known yet whether that is committed. */
  expect(): { readonly committed: Promise<boolean>; readonly decided: (isThere: boolean) => void } {
    let resolve: (isThere: boolean) => void = () => undefined
    const committed = new Promise<boolean>((resolved) => {
      resolve = resolved
    })
    const decided = (isThere: boolean) => {
      this.#expected.delete(decided)
      resolve(isThere)
    }
    this.#expected.add(decided)
    return { committed, decided }
  }

  hear<Name extends EventName>(name: Name, detail: HoldfastEvents[Name]): void {
    if (this.#waiting.size === 0) return
    const settlement = settlementOf(name, detail)
    if (settlement === null) return
    this.#settle(settlement.id, settlement)
  }

  /** Another process may have settled what is waited for here. One question at a time, for all of it. */
  recheck(): void {
    if (this.#recheck !== 'none') {
      this.#recheck = 'due again'
      return
    }
    this.#stopRetry()
    if (this.#waiting.size === 0) return
    this.#recheck = 'under way'
    this.#storage.settled([...this.#waiting.keys()]).then(
      (settled) => {
        for (const { id, found } of settled) this.#settle(id, endOf(id, found))
        this.#rechecked()
      },
      () => {
        this.#rechecked()
        // Of this commit nobody tells again.
        if (this.#recheck === 'none' && !this.#hasEnded) this.#retryLater()
      },
    )
  }

  #rechecked(): void {
    const isDue = this.#recheck === 'due again'
    this.#recheck = 'none'
    if (isDue) this.recheck()
  }

  #retryLater(): void {
    this.#retry = this.#clock.after(RECHECK_MS, () => {
      this.#retry = null
      this.recheck()
    })
  }

  #stopRetry(): void {
    this.#retry?.cancel()
    this.#retry = null
  }

  /** The engine is closed: nothing more will be heard. */
  end(): void {
    this.#hasEnded = true
    this.#stopRetry()
    for (const decided of this.#expected) decided(true)
    for (const [id, resolve] of this.#waiting) resolve({ outcome: 'pending', id })
    this.#waiting.clear()
  }

  /** Null: it has not ended yet. */
  #settle(id: OperationId, settlement: Settlement | null): void {
    const resolve = this.#waiting.get(id)
    if (settlement === null || resolve === undefined) return
    this.#waiting.delete(id)
    resolve(settlement)
  }

  /** First listens, then looks: whatever the order, the end is not missed. */
  #wait(id: OperationId): Promise<Settlement> {
    if (this.#hasEnded) return Promise.resolve({ outcome: 'pending', id })
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, resolve)
      this.#storage.find(id).then(
        (found) => this.#settle(id, endOf(id, found)),
        (error: Error) => {
          if (this.#waiting.delete(id)) reject(storageErrorOfOurs(error))
        },
      )
    })
  }
}

function settlementOf<Name extends EventName>(
  name: Name,
  detail: HoldfastEvents[Name],
): Settlement | null {
  const { id, reason, status } = detail as {
    readonly id: OperationId
    readonly reason: never
    readonly status: number | null
  }
  if (name === 'operation.completed') return { outcome: 'completed', id }
  if (name === 'operation.dropped') return { outcome: 'dropped', id, reason }
  if (name === 'operation.cancelled') return { outcome: 'cancelled', id }
  return name === 'operation.dead' ? { outcome: 'dead', id, reason, status } : null
}

/** Null: it has not ended yet. What storage knows nothing of any more was completed. */
function endOf(id: OperationId, found: Whereabouts | null): Settlement | null {
  if (found === null) return { outcome: 'completed', id }
  if (found.state === 'pending') return null
  if (found.state === 'dead') {
    return { outcome: 'dead', id, reason: found.letter.reason, status: found.letter.status }
  }
  const { outcome, reason } = found.outcome
  if (outcome !== 'dropped') return { outcome, id }
  return { outcome, id, reason: reason ?? 'discarded' }
}
