/**
 * What another process left in storage: at the start, at a take-over, and after a commit of another process. What was in
 * flight when that process ended counts as sent perhaps, unless the process said otherwise when it closed (Q10).
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
  /** Lanes whose head the former process may have sent, as it said itself; null: it has not said (Q10). */
  #leftBehind: readonly LaneId[] | null = null

  constructor(parts: TakeOverParts) {
    this.#parts = parts
    this.#context = parts.context
  }

  /** Storage has answered the change `takeUp`: it tells what the former process left behind. */
  tookUp([answer]: readonly Answer[]): void {
    this.#leftBehind = (answer?.applied === true ? answer.leftBehind : undefined) ?? null
  }

  /** The lanes as they are at the start, or when this process takes over. */
  adopt(state: OpenedState, reread: () => void): void {
    const { lanes, lifetimes, phase, laneEvents } = this.#context
    // Also with nothing pending: another process may enqueue, and the clock be set before that is heard.
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
    }
    this.#emptyAllBut(known, reread)
  }

  /** The lanes after another process has changed what is stored. */
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
      if (lane.pending > 0) laneEvents.operationsAdded(lane)
      else if (pending > 0) laneEvents.operationsRemoved(lane)
    }
    this.#emptyAllBut(known, reread)
  }

  /**
   * This process ends in an orderly way: what it leaves in doubt is stored for the next process, if it can be; else the end
   * counts as a crash. An attempt that is only being prepared has sent nothing, and will not.
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

  /** The waits and holds of a lane that storage has told of. */
  #resume(lane: Lane, { head }: LaneRow): void {
    const { waits, holds } = this.#parts
    // An envelope further back, which was adopted, makes no operation wait but its own (Q7).
    const envelope = head === undefined ? lane.envelope : lane.envelopeAt(head)
    if (envelope !== null) waits.begin(lane, envelope)
    if (lane.letters > 0 && this.#context.settings.onDead === 'hold') {
      holds.setOnLane(lane, 'dead-letter', 'a dead letter from before the start')
    }
  }

  /**
   * A lane that storage does not name any more has nothing pending, unless that is on its way into storage. A lane that is
   * being changed is left until then, and storage is read again (`reread`).
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
      // An operation in flight is sent no more either, whatever becomes of it.
      lane.reordered(0)
      if (lane.attempt === null) laneEvents.operationsRemoved(lane)
    }
  }
}

/**
 * The former process may have sent what it recorded, and have died before the reply: the outcome is unknown (Q5), also for a
 * reader of storage. An envelope without a key is known to have been refused.
 */
function afterTheEnd({ boundary, store }: Context, recorded: EnvelopeRow): EnvelopeRow {
  if (recorded.key === null || recorded.unknownSince !== null) return recorded
  // Nothing was heard of it at all: then its only sending was right after it was recorded.
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
