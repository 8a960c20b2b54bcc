/** The waits between attempts: the hold `backing-off` of a lane, and the alarm that lifts it (Q7). */
import type { EnvelopeRow } from '../../../storage/storage.ts'
import type { UserId } from '../../model.ts'
import type { Core } from '../core.ts'
import { MOST_MEMBERS } from '../sending/envelope.ts'
import type { Holds } from './holds.ts'
import type { LaneLine } from './lane-line.ts'

export class BackoffWaits {
  readonly #core: Core
  readonly #holds: Holds
  /** Lanes that have the hold. */
  readonly backingOff = new Set<LaneLine>()
  /** Lanes whose head waits for neighbours. */
  readonly #collecting = new WeakSet<LaneLine>()

  constructor(core: Core, holds: Holds) {
    this.#core = core
    this.#holds = holds
  }

  /** The wait that the envelope at the head has just been given, or was left with by the last run. */
  begin(line: LaneLine, envelope: EnvelopeRow): void {
    const { retryAt, waitMs } = envelope
    if (retryAt === null) return
    // A clock that jumped back never makes it longer than the wait it was computed from.
    const leftMs = Math.min(retryAt - this.#core.boundary.wall, waitMs)
    if (leftMs <= 0) return
    this.#set(line, causeOf(envelope))
    this.#core.boundary.arm(alarmOf(line), leftMs, () => this.#over(line))
  }

  /** The head may wait a little for neighbours to merge with (Q4). */
  collect(line: LaneLine, waitMs: number): void {
    this.#collecting.add(line)
    this.#set(line, 'waiting for operations to merge with')
    this.#core.boundary.arm(alarmOf(line), waitMs, () => this.#over(line))
  }

  /** Something has come: enough by now, or a kind that ends the run. */
  collected(line: LaneLine): void {
    if (!this.#collecting.has(line)) return
    const { kinds } = this.#core
    const [first, last] = [line.head, line.rows.at(-1)]
    const groupOf = (kind = '') => kinds.facts(kind)?.mergeGroup ?? null
    const isFull = line.rows.length === MOST_MEMBERS
    if (isFull || groupOf(first?.kind) !== groupOf(last?.kind)) this.#over(line)
  }

  /** The alarm is armed already, in a journal that begins here. */
  restore(line: LaneLine): void {
    if (!line.holds.has('backing-off')) return
    this.backingOff.add(line)
    if ((line.envelope?.retryAt ?? null) === null) this.#collecting.add(line)
    this.#core.boundary.rearm(alarmOf(line), () => this.#over(line))
  }

  /** Must the head still wait? It may have lost its turn to another one before its wait was over (Q7). */
  mustWait(line: LaneLine): boolean {
    const { envelope } = line
    if (envelope !== null) this.begin(line, envelope)
    const isWaiting = line.holds.has('backing-off')
    // A clock that is set back later does not bring back a wait that is over.
    if (!isWaiting) line.waited()
    return isWaiting
  }

  /** It is not that envelope's turn any more. */
  end(line: LaneLine): void {
    this.#collecting.delete(line)
    if (!this.backingOff.delete(line)) return
    this.#core.boundary.disarm(alarmOf(line))
    this.#holds.liftFromLane(line, 'backing-off')
  }

  #set(line: LaneLine, cause: string): void {
    this.backingOff.add(line)
    this.#holds.setOnLane(line, 'backing-off', cause)
  }

  #over(line: LaneLine): void {
    line.waited()
    this.end(line)
  }

  /** The network is back, or the machine awake: ends the waits after `unknown` and `unsent`, never after `retry` (Q7). */
  cutShort(): void {
    for (const line of this.#core.lanes.pending()) {
      if (line.envelope?.waitsAfterUnknown !== true) continue
      this.#storeEnd(line)
      this.#over(line)
    }
  }

  /** A token of this generation has arrived: ends the waits after 431 under an older one (Q7). */
  tokenArrived(user: UserId, generation: number): void {
    for (const line of Array.from(this.backingOff)) {
      const { envelope } = line
      if (line.user !== user || envelope === null || !isAfterTooLarge(envelope)) continue
      if (generation <= (envelope.tooLargeGeneration ?? generation)) continue
      this.#storeEnd(line)
      this.#over(line)
    }
  }

  /** So that the wait does not come back with the next process; where this cannot be stored, it does. */
  #storeEnd({ envelope, holds, isChanging }: LaneLine): void {
    // What is being changed may be at another place by the time this is stored.
    if (envelope === null || isChanging || !holds.has('backing-off')) return
    const change = { change: 'envelope', envelope: { ...envelope, retryAt: null } } as const
    this.#core.store.commit([change], { synced: false }, () => undefined)
  }
}

/** In words for `status()`: with the code or the status of the failure (Q22). */
function causeOf({ attempts, lastCode, lastStatus }: EnvelopeRow): string {
  const why = lastCode ?? (lastStatus === null ? null : `status ${lastStatus}`)
  return why === null ? `after attempt ${attempts}` : `after attempt ${attempts}: ${why}`
}

/** Was the last failure a 431? */
function isAfterTooLarge({ lastCode, lastStatus }: EnvelopeRow): boolean {
  return lastCode === null && lastStatus === 431
}

function alarmOf(line: LaneLine): string {
  return `backoff:${line.lane}`
}
