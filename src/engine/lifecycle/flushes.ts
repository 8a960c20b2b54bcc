/**
 * `flush()`: waits until no operation is left that could still be sent without the app (Q19). It covers every
 * operation that the app had handed over at the call, even if it is not stored yet: an `enqueue()` that the app does
 * not await, and the app's own transaction.
 */
import type { Resumed } from '../part.ts'
import { alarmOf } from '../alarms.ts'
import type { Wallet } from '../tokens/wallet.ts'
import type { Settle } from '../boundary/boundary.ts'
import type { Context } from '../context.ts'
import type { Intake } from '../intake/intake.ts'
import type { Undecided, EnqueueWithin } from '../intake/enqueue-within.ts'
import type { LaneMovement } from './lane-movement.ts'

export interface FlushParts {
  readonly context: Context
  readonly wallet: Wallet
  readonly intake: Intake
  readonly enqueueWithin: EnqueueWithin
  readonly movement: LaneMovement
}

interface Flush {
  readonly alarm: string
  readonly settle: Settle<null>
  /** True until every operation that was being enqueued at the call is stored, or refused. */
  isStoring: boolean
  /** Operations in transactions of the app whose end is not known yet; null: no such operation is left. */
  undecided: readonly Undecided[] | null
}

/** A flush as a journal's summary has it. */
export interface SavedFlush {
  readonly call: number
  readonly alarm: string
  /** Null: no undecided operation is left. */
  readonly undecided: readonly string[] | null
}

export class Flushes {
  readonly #parts: FlushParts
  readonly #open = new Set<Flush>()
  /**
   * How many flushes there have been. The number is part of the name of their alarms, also in a journal that begins
   * later.
   */
  count = 0

  constructor(parts: FlushParts) {
    this.#parts = parts
  }

  begin(deadlineMs: number, settle: Settle<null>): void {
    const { context, intake, enqueueWithin } = this.#parts
    const alarm = alarmOf('flush', ++this.count)
    const flush: Flush = { alarm, settle, isStoring: true, undecided: [] }
    this.#open.add(flush)
    context.boundary.arm(alarm, deadlineMs, () => this.#end(flush))
    enqueueWithin.lookAtAll()
    flush.undecided = enqueueWithin.open()
    intake.whenAllStored(() => {
      flush.isStoring = false
      this.#checkLast()
    })
    this.#awaitDecisions(flush)
    this.#awaitTokens()
    this.check()
  }

  /** Something has changed: ends the flushes if there is nothing left to wait for. */
  readonly check = (): void => {
    if (this.#open.size === 0 || this.#isAnythingMoving()) return
    const isBroken = this.#parts.context.store.broken !== null
    for (const flush of this.#open) {
      if (isBroken || (!flush.isStoring && flush.undecided === null)) this.#end(flush)
    }
  }

  /** The engine is closing. */
  stop(): void {
    for (const flush of this.#open) this.#end(flush)
  }

  /** For a journal that begins here, while nothing is being enqueued. */
  save(): readonly SavedFlush[] {
    return Array.from(this.#open, ({ alarm, settle, undecided }) => ({
      call: settle.call ?? 0,
      alarm,
      undecided: undecided === null ? null : undecided.flatMap(({ put }) => put?.id ?? []),
    }))
  }

  savedCalls(): readonly number[] {
    return this.save().map(({ call }) => call)
  }

  restore(saved: readonly SavedFlush[], { settleOf }: Resumed): void {
    const { context, enqueueWithin } = this.#parts
    for (const { call, alarm, undecided } of saved) {
      const open = enqueueWithin
        .open()
        .filter(({ put }) => undecided?.includes(put?.id ?? '') === true)
      const left = undecided === null ? null : open
      const flush: Flush = { alarm, settle: settleOf(call), isStoring: false, undecided: left }
      this.#open.add(flush)
      context.boundary.rearm(alarm, () => this.#end(flush))
      if (left !== null) this.#awaitDecisions(flush)
    }
  }

  #awaitDecisions(flush: Flush): void {
    this.#parts.enqueueWithin.whenDecided(flush.undecided ?? [], () => {
      flush.undecided = null
      this.#checkLast()
    })
  }

  /** A token that was handed over before the call may be on its way into storage. */
  #awaitTokens(): void {
    const { context, wallet } = this.#parts
    for (const { user } of context.lanes.pending()) {
      if (user !== null && wallet.isStoring(user)) wallet.whenStored(user, () => this.#checkLast())
    }
  }

  #checkLast(): void {
    if (this.#open.size > 0) this.#parts.context.boundary.lastly(() => this.check())
  }

  #end(flush: Flush): void {
    this.#open.delete(flush)
    this.#parts.context.boundary.disarm(flush.alarm)
    flush.settle.resolve(null)
  }

  #isAnythingMoving(): boolean {
    const { context, movement } = this.#parts
    for (const lane of context.lanes.pending()) if (movement.isMoving(lane)) return true
    return false
  }
}
