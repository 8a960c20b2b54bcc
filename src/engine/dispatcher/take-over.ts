/**
 * Adopts what another process left in storage: at the start, at a take-over, and after a commit of another process.
 * An operation that was in flight when that process ended counts as possibly sent, unless the process said otherwise
 * when it closed (Q10).
 */
import type { Answer } from '../../../storage/changes.ts'
import type { EnvelopeRow, LaneRow } from '../../../storage/rows.ts'
import type { OpenedState } from '../../../storage/storage.ts'
import type { LaneId } from '../../model.ts'
import type { Context } from '../context.ts'
import type { BackoffWaits } from '../holds/backoff-waits.ts'
import type { Holds } from '../holds/holds.ts'
import type { Lane } from '../lanes/lane.ts'

export interface TakeOverParts {
  readonly context: Context
  readonly holds: Holds
  readonly waits: BackoffWaits
}

export class TakeOver {
  readonly #context: Context
  readonly #parts: TakeOverParts
  /** Lanes whose head the former process may have sent, as that process said itself; null: it said nothing (Q10). */
  #leftBehind: readonly LaneId[] | null = null
  /** The head of each lane as another process that dispatches has stored it. */
  readonly #heads = new WeakMap<Lane, EnvelopeRow>()

  constructor(parts: TakeOverParts) {
    this.#parts = parts
    this.#context = parts.context
  }

  /** Storage has answered the change `takeUp`: the answer names the lanes that the former process left behind. */
  tookUp([answer]: readonly Answer[]): void {
    this.#leftBehind = (answer?.applied === true ? answer.leftBehind : undefined) ?? null
  }

  /** The envelope at the head of the lane, as another process that dispatches has stored it. Only for `status()`. */
  headElsewhere(lane: Lane): EnvelopeRow | null {
    return this.#heads.get(lane) ?? null
  }

  /** Takes over the stored lanes, at the start or when this process takes over. */
  adopt(state: OpenedState, reread: () => void): void {
    const { lanes, lifetimes, phase, laneEvents } = this.#context
    // This is done even if nothing is pending: another process may enqueue, and the clock may be set before this
    // process hears of that.
    if (phase.dispatches) lifetimes.look()
    else lifetimes.heardOfOthers()
    const mayHaveBeenSent = (id: LaneId) => this.#leftBehind?.includes(id) ?? true
    const envelopes = state.envelopes.map((envelope) =>
      phase.dispatches && mayHaveBeenSent(envelope.lane)
        ? afterTheEnd(this.#context, envelope)
        : envelope,
    )
    const known = new Set<Lane>()
    for (const row of state.lanes) {
      const ofLane = envelopes.filter((envelope) => envelope.lane === row.lane)
      const lane = lanes.make(row, ofLane)
      const { pending } = lane
      known.add(lane)
      lane.takenOver(row, ofLane, mayHaveBeenSent(row.lane))
      if (pending > 0) laneEvents.operationsRemoved(lane)
      if (phase.dispatches) this.#resume(lane, row)
      this.#seen(lane, row, ofLane)
    }
    this.#emptyAllBut(known, reread)
  }

  /** Brings the lanes up to date after another process has changed the stored state. */
  refresh(state: OpenedState, reread: () => void): void {
    const { lanes, lifetimes, laneEvents, phase } = this.#context
    lifetimes.heardOfOthers()
    const known = new Set<Lane>()
    for (const row of state.lanes) {
      const isNew = lanes.get(row.lane) === undefined
      const ofLane = state.envelopes.filter((envelope) => envelope.lane === row.lane)
      const lane = lanes.make(row, ofLane)
      known.add(lane)
      const { pending } = lane
      if (!isNew) lane.refreshed(row)
      else if (phase.dispatches) this.#resume(lane, row)
      this.#seen(lane, row, ofLane)
      if (lane.pending > 0) laneEvents.operationsAdded(lane)
      else if (pending > 0) laneEvents.operationsRemoved(lane)
    }
    this.#emptyAllBut(known, reread)
  }

  /**
   * This process ends in an orderly way. It stores which lanes it leaves in doubt, for the next process. If that
   * cannot be stored, the end counts as a crash. An attempt that is still being prepared has sent nothing, and will
   * send nothing.
   */
  leaveBehind(): void {
    const { lanes, store, pilot } = this.#context
    const { sending } = pilot
    const isSent = (lane: Lane) => sending.includes(lane.id) && lane.attempt !== null
    const isInDoubt = (lane: Lane) => isSent(lane) || lane.mayHaveBeenSent || lane.isOutcomeUnknown
    const inDoubt = Array.from(lanes.pending()).filter(isInDoubt)
    const change = { change: 'leaveBehind', lanes: inDoubt.map(({ id }) => id) } as const
    store.commit([change], { synced: false }, () => undefined)
  }

  #seen(lane: Lane, { head }: LaneRow, envelopes: readonly EnvelopeRow[]): void {
    const [first] = envelopes.toSorted((one, other) => one.place - other.place)
    const atHead = head === undefined ? first : envelopes.find(({ place }) => place === head)
    if (atHead === undefined) this.#heads.delete(lane)
    else this.#heads.set(lane, atHead)
  }

  /** Begins the waits and holds of a lane that storage has told of. */
  #resume(lane: Lane, { head }: LaneRow): void {
    const { waits, holds } = this.#parts
    // An adopted envelope further back makes only its own operations wait (Q7).
    const envelope = head === undefined ? lane.envelope : lane.envelopeAt(head)
    if (envelope !== null) waits.begin(lane, envelope)
    if (lane.letters > 0 && this.#context.settings.onDead === 'hold') {
      holds.setOnLane(lane, 'dead-letter', 'a dead letter from before the start')
    }
  }

  /**
   * Empties every lane that storage no longer names: it has nothing pending, unless an operation is on its way into
   * storage. A lane that is being changed is left as it is until the change is over; then storage is read again
   * (`reread`).
   */
  #emptyAllBut(known: ReadonlySet<Lane>, reread: () => void): void {
    const { lanes, laneEvents } = this.#context
    for (const lane of Array.from(lanes.all())) {
      if (known.has(lane)) continue
      lane.letters = 0
      if (lane.isChanging) {
        lane.whenUnchanged(reread)
        continue
      }
      if (lane.pending === 0) continue
      // An operation in flight is not sent again either, whatever its outcome is.
      lane.reordered(0)
      if (lane.attempt === null) laneEvents.operationsRemoved(lane)
    }
  }
}

/**
 * The former process may have sent a recorded envelope and died before the reply. So the outcome is unknown (Q5), and
 * that is stored for readers of storage. An envelope without a key is known to have been refused.
 */
function afterTheEnd({ boundary, store }: Context, recorded: EnvelopeRow): EnvelopeRow {
  if (recorded.key === null || recorded.unknownSince !== null) return recorded
  // If no attempt of it has an outcome, its only sending was right after it was recorded.
  const isUnheard = recorded.attempts === recorded.unsentAttempts
  const unknownSince = isUnheard ? (recorded.firstAttemptAt ?? boundary.wall) : boundary.wall
  const envelope = { ...recorded, unknownSince }
  store.commitAtLast(
    [{ change: 'envelope', envelope }],
    {},
    () => undefined,
    () => undefined,
  )
  return envelope
}
