/**
 * Receipts: the results of `enqueue()`. An engine keeps nothing for a receipt whose `settled` was never read, so a
 * million receipts cost nothing. A receipt that is asked late gets the answer from storage, as far as storage can still
 * tell: an operation that is gone without an outcome was completed only if no outcome of that time has been forgotten
 * (Q23).
 */
import { needsNewOpening } from '../../storage/storage-error.ts'
import type { Endings, Settled, Storage } from '../../storage/storage.ts'
import { codedError, storageErrorOfOurs } from '../engine/stored/storage-errors.ts'
import { HoldfastError } from '../errors.ts'
import type { EventName, HoldfastEvents } from '../events.ts'
import type { DeadReason, DropReason, OperationId } from '../model.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import { storedResult } from './stored-result.ts'
import { errorOf } from '../thrown.ts'

/** The wait before storage is asked again, if it could not tell which operations have settled. */
const RECHECK_MS = 1000

/** How an operation ended. */
export type Settlement =
  /** The engine was closed first: the operation is still on disk, and `operation(id)` tells its end after a restart. */
  | { readonly outcome: 'pending'; readonly id: OperationId }
  | {
      readonly outcome: 'completed'
      readonly id: OperationId
      /** What the kind's `interpret` made of the reply (Q23). Left out: nothing. */
      readonly result?: unknown
    }
  | { readonly outcome: 'dropped'; readonly id: OperationId; readonly reason: DropReason }
  | { readonly outcome: 'cancelled'; readonly id: OperationId }
  | {
      readonly outcome: 'dead'
      readonly id: OperationId
      readonly reason: DeadReason
      /** The last status the server answered with, if it did. */
      readonly status: number | null
    }
  /** The receipt was asked late: the operation has ended, and its outcome is no longer retained. */
  | { readonly outcome: 'not-retained'; readonly id: OperationId }

/** Gets the end of an operation. `since`: the operation's own ending has a higher number than this. */
interface End {
  of(id: OperationId, since: number): Promise<Settlement>
}

/** An anonymous operation under `required` (I3). */
const DROPPED: End = { of: async (id) => ({ outcome: 'dropped', id, reason: 'anonymous' }) }

/** The proof that an operation is on disk. */
export class Receipt {
  readonly id: OperationId
  readonly #end: End
  readonly #since: number
  #promise: Promise<Settlement> | null = null

  /** @internal */
  constructor(id: OperationId, end: End, since: number) {
    this.id = id
    this.#end = end
    this.#since = since
  }

  /** Resolves when the operation has reached its end. It never rejects because of a reply of the server. */
  get settled(): Promise<Settlement> {
    if (this.#promise === null) {
      this.#promise = this.#end.of(this.id, this.#since)
      // A rejection that the app does not handle must not end the app's process (E3).
      this.#promise.catch(() => undefined)
    }
    return this.#promise
  }
}

interface Waiting {
  /** Grows while storage says that the operation is pending. */
  since: number
  readonly resolve: (settlement: Settlement) => void
  readonly reject: (error: Error) => void
}

export class Receipts {
  readonly #storage: Pick<Storage, 'settled'>
  readonly #clock: Pick<Clock, 'after'>
  readonly #waiting = new Map<OperationId, Waiting>()
  readonly #stored: End = { of: (id, since) => this.#wait(id, since) }
  /** Operations that storage is asked about for the first time. The operations of one turn go together. */
  #asked: OperationId[] = []
  /** The callbacks that hear whether the app's transaction was committed. */
  readonly #expected = new Set<(mayBeThere: boolean) => void>()
  /** The number of the last ending that is known to be recorded. */
  #recorded = 0
  /** True if this process has recorded endings since it last asked for their number. */
  #isOutdated = false
  #recheck: 'none' | 'under way' | 'due again' = 'none'
  #retry: Timer | null = null
  #hasEnded = false

  constructor(storage: Pick<Storage, 'settled'>, clock: Pick<Clock, 'after'>) {
    this.#storage = storage
    this.#clock = clock
  }

  /** `committed`: resolves to true if the app's own transaction may have been committed. */
  make(id: OperationId, isDropped: boolean, committed?: Promise<boolean>): Receipt {
    if (this.#isOutdated) this.#update()
    if (isDropped) return new Receipt(id, DROPPED, 0)
    if (committed === undefined) return new Receipt(id, this.#stored, this.#recorded)
    const end: End = { of: (_id, since) => this.#unlessRolledBack(id, committed, since) }
    return new Receipt(id, end, this.#recorded)
  }

  async #unlessRolledBack(
    id: OperationId,
    committed: Promise<boolean>,
    since: number,
  ): Promise<Settlement> {
    if (await committed) return this.#wait(id, since)
    const message = `${id} was never stored: the transaction it was part of was rolled back`
    throw new HoldfastError('UNKNOWN_OPERATION', message, { operationId: id })
  }

  /** Prepares a receipt for an operation in the app's own transaction, whose end is not known yet. */
  expect(): {
    readonly committed: Promise<boolean>
    readonly decided: (mayBeThere: boolean) => void
  } {
    let resolve: (isThere: boolean) => void = () => undefined
    const committed = new Promise<boolean>((resolved) => {
      resolve = resolved
    })
    const decided = (mayBeThere: boolean) => {
      this.#expected.delete(decided)
      resolve(mayBeThere)
    }
    this.#expected.add(decided)
    return { committed, decided }
  }

  /** Storage has been read. `number`: the number of endings recorded by then. */
  recorded(number: number): void {
    this.#recorded = Math.max(this.#recorded, number)
  }

  hear<Name extends EventName>(name: Name, detail: HoldfastEvents[Name]): void {
    const isNumbered = name === 'operation.dropped' || name === 'operation.cancelled'
    if (isNumbered || 'result' in detail) this.#isOutdated = true
    if (this.#waiting.size === 0) return
    const settlement = settlementOf(name, detail)
    if (settlement !== null) this.#settle(settlement)
  }

  /** Another process may have settled awaited operations. One question at a time asks for all of them. */
  recheck(): void {
    if (this.#recheck !== 'none') {
      this.#recheck = 'due again'
      return
    }
    this.#stopRetry()
    if (this.#waiting.size === 0) return
    this.#recheck = 'under way'
    const ids = [...this.#waiting.keys()]
    this.#ask(ids).then(
      (endings) => {
        this.#learn(ids, endings)
        this.#rechecked()
      },
      (thrown: unknown) => {
        this.#rechecked()
        const isBroken = needsNewOpening(codedError(errorOf(thrown)))
        // No further news of this commit will come.
        if (this.#recheck === 'none' && !this.#hasEnded && !isBroken) this.#retryLater()
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

  /** The engine is closed: no further event will come. */
  end(): void {
    this.#hasEnded = true
    this.#stopRetry()
    for (const decided of this.#expected) decided(true)
    for (const [id, { resolve }] of this.#waiting) resolve({ outcome: 'pending', id })
    this.#waiting.clear()
  }

  #settle(settlement: Settlement): void {
    const waiting = this.#waiting.get(settlement.id)
    this.#waiting.delete(settlement.id)
    waiting?.resolve(settlement)
  }

  /** Listens first and asks storage then, so that the end is not missed, whichever comes first. */
  #wait(id: OperationId, since: number): Promise<Settlement> {
    if (this.#hasEnded) return Promise.resolve({ outcome: 'pending', id })
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { since, resolve, reject })
      this.#asked.push(id)
      if (this.#asked.length === 1) void Promise.resolve().then(() => this.#askFirst())
    })
  }

  #askFirst(): void {
    const ids = this.#asked
    this.#asked = []
    this.#ask(ids).then(
      (endings) => this.#learn(ids, endings),
      (thrown: unknown) => {
        const error = storageErrorOfOurs(codedError(errorOf(thrown)))
        for (const id of ids) {
          const waiting = this.#waiting.get(id)
          this.#waiting.delete(id)
          waiting?.reject(error)
        }
      },
    )
  }

  /** An answer of storage about these operations. */
  #learn(ids: readonly OperationId[], { settled, recorded, forgotten }: Endings): void {
    this.recorded(recorded)
    for (const one of settled) {
      const { since = 0 } = this.#waiting.get(one.id) ?? {}
      this.#settle(endOf(one, forgotten <= since))
    }
    for (const id of ids) {
      const waiting = this.#waiting.get(id)
      // The operation was still pending when `recorded` endings were recorded.
      if (waiting !== undefined) waiting.since = Math.max(waiting.since, recorded)
    }
  }

  /** Asks storage for the number of recorded endings. Without an answer, receipts are only more careful. */
  #update(): void {
    this.#isOutdated = false
    this.#ask([]).then(
      ({ recorded }) => this.recorded(recorded),
      () => undefined,
    )
  }

  async #ask(ids: readonly OperationId[]): Promise<Endings> {
    return this.#storage.settled(ids)
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
  if (name === 'operation.completed') return { outcome: 'completed', id, ...resultIn(detail) }
  if (name === 'operation.dropped') return { outcome: 'dropped', id, reason }
  if (name === 'operation.cancelled') return { outcome: 'cancelled', id }
  return name === 'operation.dead' ? { outcome: 'dead', id, reason, status } : null
}

/** `isRetained`: true if an outcome other than completed would still be in storage. */
function endOf({ id, found }: Settled, isRetained: boolean): Settlement {
  if (found === null) return { outcome: isRetained ? 'completed' : 'not-retained', id }
  if (found.state === 'dead') {
    return { outcome: 'dead', id, reason: found.letter.reason, status: found.letter.status }
  }
  const { outcome, reason, status } = found.outcome
  switch (outcome) {
    case 'dropped':
      return { outcome, id, reason: (reason as DropReason | null) ?? 'discarded' }
    case 'dead':
      return { outcome, id, reason: reason as DeadReason, status }
    case 'completed':
      return { outcome, id, ...storedResult(found.outcome) }
    case 'cancelled':
      return { outcome, id }
  }
}

/** The result in the detail of an event, if there is one. */
function resultIn(detail: object): { readonly result?: unknown } {
  return 'result' in detail ? { result: detail.result } : {}
}
