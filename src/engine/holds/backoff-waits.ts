/** The waits between attempts: the hold `backing-off` of a lane, and the alarm that lifts it (Q7). */
import { alarmOf } from '../alarms.ts'
import type { EnvelopeRow } from '../../../storage/rows.ts'
import type { Instant, UserId } from '../../model.ts'
import type { Context } from '../context.ts'
import { MOST_MEMBERS } from '../sending/envelope.ts'
import type { Holds } from './holds.ts'
import type { Lane } from '../lanes/lane.ts'

export interface BackoffWaitsParts {
  readonly context: Context
  readonly holds: Holds
}

export class BackoffWaits {
  readonly #context: Context
  readonly #parts: BackoffWaitsParts
  /** Lanes that have the hold. */
  readonly backingOff = new Set<Lane>()
  /** Lanes whose head waits for operations to merge with. */
  readonly #collecting = new WeakSet<Lane>()
  /** When the wait of each lane ends, by the monotonic clock. Unknown in a journal that begins during the wait. */
  readonly #endsAt = new WeakMap<Lane, number>()

  constructor(parts: BackoffWaitsParts) {
    this.#parts = parts
    this.#context = parts.context
  }

  /** Begins the wait of the envelope at the head: a new wait, or a wait that is left from an earlier process. */
  begin(lane: Lane, envelope: EnvelopeRow): void {
    const { retryAt, waitMs } = envelope
    if (retryAt === null) return
    // A clock that jumped back never makes it longer than the wait it was computed from.
    const leftMs = Math.min(retryAt - this.#context.boundary.wall, waitMs)
    if (leftMs <= 0) return
    this.#set(lane, causeOf(envelope))
    this.#endsAt.set(lane, this.#context.boundary.monotonic + leftMs)
    this.#context.boundary.arm(alarmOf('backoff', lane.id), leftMs, () => this.#over(lane))
  }

  /** Lets the head wait a little for operations to merge with (Q4). */
  collect(lane: Lane, waitMs: number): void {
    this.#collecting.add(lane)
    this.#set(lane, 'waiting for operations to merge with')
    this.#endsAt.set(lane, this.#context.boundary.monotonic + waitMs)
    this.#context.boundary.arm(alarmOf('backoff', lane.id), waitMs, () => this.#over(lane))
  }

  /**
   * Operations have arrived: ends the wait if the envelope is full, or if the last operation cannot merge with the
   * first.
   */
  readonly collected = (lane: Lane): void => {
    if (!this.#collecting.has(lane)) return
    const { kinds } = this.#context
    const [first, last] = [lane.head, lane.rows.at(-1)]
    const groupOf = (kind = '') => kinds.facts(kind)?.mergeGroup ?? null
    const isFull = lane.rows.length === MOST_MEMBERS
    if (isFull || groupOf(first?.kind) !== groupOf(last?.kind)) this.#over(lane)
  }

  /** For a journal that begins here: the alarm is armed already. */
  restore(lane: Lane): void {
    if (!lane.holds.has('backing-off')) return
    this.backingOff.add(lane)
    if ((lane.envelope?.retryAt ?? null) === null) this.#collecting.add(lane)
    this.#context.boundary.rearm(alarmOf('backoff', lane.id), () => this.#over(lane))
  }

  /** True if the head must still wait: it may have lost its turn to another envelope before its wait was over (Q7). */
  mustWait(lane: Lane): boolean {
    const { envelope } = lane
    if (envelope !== null) this.begin(lane, envelope)
    const isWaiting = lane.holds.has('backing-off')
    // A clock that is set back later does not bring back a wait that is over.
    if (!isWaiting) lane.waited()
    return isWaiting
  }

  /** Monotonic time at which the wait of this lane ends; null: it is not known. */
  endsAt(lane: Lane): number | null {
    return this.#endsAt.get(lane) ?? null
  }

  /** Ends the hold: the envelope that waited is not the next to send. */
  end(lane: Lane): void {
    this.#collecting.delete(lane)
    if (!this.backingOff.delete(lane)) return
    this.#context.boundary.disarm(alarmOf('backoff', lane.id))
    this.#parts.holds.liftFromLane(lane, 'backing-off')
  }

  #set(lane: Lane, cause: string): void {
    this.backingOff.add(lane)
    this.#parts.holds.setOnLane(lane, 'backing-off', cause)
  }

  #over(lane: Lane): void {
    lane.waited()
    this.end(lane)
  }

  /**
   * The network is back, or the machine is awake: ends the waits after `unknown` and `unsent`, never those after
   * `retry` (Q7).
   */
  cutShort(): void {
    for (const lane of this.#context.lanes.pending()) {
      if (lane.envelope?.waitsAfterUnknown !== true) continue
      this.#storeEnd(lane)
      this.#over(lane)
    }
  }

  /**
   * The app wants the waiting operations of this user (null: of the anonymous identity; undefined: of every owner) to be
   * sent now. Ends the waits, and answers their lanes. A wait that a `Retry-After` asked for goes on (Q7).
   */
  sendNow(user: UserId | null | undefined): readonly Lane[] {
    const waiting = Array.from(this.backingOff).filter(
      (lane) => (user === undefined || lane.user === user) && !this.#isAskedToWait(lane),
    )
    for (const lane of waiting) {
      this.#storeEnd(lane)
      this.#over(lane)
    }
    return waiting
  }

  /** True if the part of the wait that the server asked for is not over. */
  #isAskedToWait(lane: Lane): boolean {
    const { retryAt = null, waitMs = 0, askedMs = 0 } = lane.envelope ?? {}
    if (retryAt === null || askedMs === 0) return false
    return waitMs - this.#leftMs(lane, retryAt, waitMs) < askedMs
  }

  /** By the monotonic clock: a wall clock that was set forward makes no wait shorter. */
  #leftMs(lane: Lane, retryAt: Instant, waitMs: number): number {
    const { monotonic, wall } = this.#context.boundary
    const endsAt = this.#endsAt.get(lane)
    return endsAt === undefined ? Math.min(retryAt - wall, waitMs) : endsAt - monotonic
  }

  /** A token of this generation has arrived: ends the waits after 431 under an older one (Q7). */
  readonly tokenArrived = (token: { readonly user: UserId; readonly generation: number }): void => {
    const { user, generation } = token
    for (const lane of Array.from(this.backingOff)) {
      const { envelope } = lane
      if (lane.user !== user || envelope === null || !isAfterTooLarge(envelope)) continue
      if (generation <= (envelope.tooLargeGeneration ?? generation)) continue
      this.#storeEnd(lane)
      this.#over(lane)
    }
  }

  /**
   * Stores the end of the wait, so that it does not come back with the next process; where this cannot be stored, it
   * does.
   */
  #storeEnd({ envelope, holds, isChanging }: Lane): void {
    // While a lane is being changed, its envelope may be at another place by the time this is stored.
    if (envelope === null || isChanging || !holds.has('backing-off')) return
    const change = { change: 'envelope', envelope: { ...envelope, retryAt: null } } as const
    this.#context.store.commit([change], { synced: false }, () => undefined)
  }
}

/** The cause in words for `status()`, with the code or the status of the failure (Q22). */
function causeOf({ attempts, lastCode, lastStatus }: EnvelopeRow): string {
  const why = lastCode ?? (lastStatus === null ? null : `status ${lastStatus}`)
  return why === null ? `after attempt ${attempts}` : `after attempt ${attempts}: ${why}`
}

/** True if the last failure was a 431. */
function isAfterTooLarge({ lastCode, lastStatus }: EnvelopeRow): boolean {
  return lastCode === null && lastStatus === 431
}
