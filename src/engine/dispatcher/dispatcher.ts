/**
 * Which process dispatches this database (Q17): the one that holds the lock. The others have the hold
 * `other-process` and only store. One that waits tries again when it is used, and, while something is
 * pending, by an alarm; what other processes commit is noticed by both.
 */
import type { Resumed } from '../part.ts'
import type { Answer } from '../../../storage/changes.ts'
import type { EnvelopeRow, LaneRow } from '../../../storage/rows.ts'
import type { OpenedState } from '../../../storage/storage.ts'
import type { LaneId } from '../../model.ts'
import type { Answered } from '../boundary/boundary.ts'
import { codeOf } from '../boundary/error-codec.ts'
import type { Connectivity } from '../holds/connectivity.ts'
import type { Context } from '../context.ts'
import type { Holds } from '../holds/holds.ts'
import { SERIES, waitOf } from '../backoff.ts'
import type { Lane } from '../lanes/lane.ts'
import { notStored } from '../stored/storage-errors.ts'
import { Signal } from '../events/signal.ts'
import type { BackoffWaits } from '../holds/backoff-waits.ts'

/** A process that has just started tries again so soon: a system may free the locks of the process before it late. */
const SOON_MS = 1000

export interface DispatcherParts {
  readonly context: Context
  readonly holds: Holds
  readonly waits: BackoffWaits
  readonly connectivity: Connectivity
}

const TAKE_UP = { change: 'takeUp' } as const

/** What a journal's summary says of it. */
export interface SavedDispatcher {
  readonly isOurs: boolean
  readonly roundCount: number
  readonly soonAt: number | null
}

export class Dispatcher {
  /** Told what is stored, after it was read anew. */
  readonly readAnew = new Signal<OpenedState>()
  /** Told when this process has taken over. */
  readonly tookOver = new Signal()
  /** Told when another process still dispatches. */
  readonly lockRefused = new Signal()
  /** Told after another process has changed what is stored. */
  readonly changedElsewhere = new Signal()
  readonly #parts: DispatcherParts
  readonly #context: Context
  /** The lock is being asked for, or is ours, and what is stored has not been read since. */
  #isAcquiring = false
  /** The lock is ours, and what the last process left behind is taken up. */
  #hasLock = false
  /** Lanes whose head the process before this one may have sent, as it said itself; null: it has not said (Q10). */
  #leftBehind: readonly LaneId[] | null = null
  #isArmed = false
  #roundCount = 0
  /** Monotonic: when a process that has just started tries again; null: that is over. */
  #soonAt: number | null = null
  #failureCount = 0
  /** Why the lock could not be asked for, as the app has been told. */
  #lockFailure: string | null = null

  constructor(parts: DispatcherParts) {
    this.#parts = parts
    this.#context = parts.context
  }

  /** For a journal that begins here. */
  save(): SavedDispatcher {
    return {
      isOurs: this.#context.phase.dispatches,
      roundCount: this.#roundCount,
      soonAt: this.#soonAt,
    }
  }

  restore({ isOurs, roundCount, soonAt }: SavedDispatcher, { alarms }: Resumed): void {
    this.#context.phase.dispatches = isOurs
    this.#hasLock = isOurs
    this.#roundCount = roundCount
    this.#soonAt = soonAt
    this.#isArmed = alarms.has('take-over')
    if (this.#isArmed) this.#context.boundary.rearm('take-over', () => this.#waited())
  }

  /** At the start: `then` hears, once it is known who dispatches, what is stored. */
  start(state: OpenedState, then: (answer: Answered<OpenedState>) => void): void {
    const { store } = this.#context
    store.lock((answer) => {
      if (!answer.ok) then(answer)
      else if (answer.value) {
        this.#context.phase.dispatches = true
        this.#hasLock = true
        // What was read before may be out of date: only now nobody else sends.
        this.#takeUp((current) =>
          then(current.ok ? { ok: true, value: { ...state, ...current.value } } : current),
        )
      } else {
        this.#soonAt = this.#context.boundary.monotonic + SOON_MS
        this.#parts.holds.setOnEvery('other-process', 'another process dispatches this database')
        then({ ok: true, value: state })
      }
    })
  }

  /** What the last process said when it closed holds no longer, before anything is sent (Q10). */
  #takeUp(then: (answer: Answered<OpenedState>) => void): void {
    const { store } = this.#context
    let taken: Answered<readonly Answer[]> | null = null
    let current: Answered<OpenedState> | null = null
    const done = () => {
      if (taken === null || current === null) return
      if (taken.ok) this.#leftBehind = leftBehindOf(taken.value)
      then(taken.ok ? current : taken)
    }
    store.commit([TAKE_UP], {}, (answer) => {
      taken = answer
      done()
    })
    // A read sees what was handed in before: so it does not wait for the end of the turn.
    store.reload((answer) => {
      current = answer
      done()
    })
  }

  /** True if this process tries to take over, and has no answer yet. */
  get isTakingOver(): boolean {
    return this.#isAcquiring
  }

  /** The engine is used: a process that waits tries to take over. */
  used(): void {
    if (this.#context.phase.dispatches || this.#isAcquiring || this.#context.store.broken !== null)
      return
    this.#isAcquiring = true
    this.#context.store.lock((answer) => {
      if (answer.ok && answer.value) {
        this.#takeUpAtLast()
      } else {
        this.#isAcquiring = false
        this.#tellOfLock(answer.ok ? null : answer.error)
        this.#armIfPending()
        this.lockRefused.tell()
      }
    })
  }

  /** Told once, though it is tried at every use. Null: there is nothing to tell. */
  #tellOfLock(failure: Error | null): void {
    const code = failure === null ? null : codeOf(failure)
    const isNew = code !== this.#lockFailure
    this.#lockFailure = code
    if (failure === null || !isNew || this.#context.store.broken !== null) return
    const error = notStored(failure, 'it could not be asked which process dispatches')
    this.#context.report('error', { error })
  }

  /** Another process has committed. `then`: what is stored has been read and heard, or could not be read. */
  readonly heardOfCommit = (then: () => void = () => undefined): void => {
    this.#reload(then)
  }

  /** Nothing came of what was on its way into storage. */
  readonly enqueueAbandoned = (): void => {
    if (!this.#context.phase.dispatches) this.#armIfPending()
  }

  /**
   * The process ends in an orderly way: what it leaves in doubt is stored for the next process, if it can be; else the end
   * counts as a crash. An attempt that is only being prepared has sent nothing, and will not.
   */
  end(): void {
    if (!this.#context.phase.dispatches) return
    const { lanes, store, pilot } = this.#context
    const { sending } = pilot
    const isSent = (lane: Lane) => sending.includes(lane.id) && lane.attempt !== null
    const isInDoubt = (lane: Lane) => isSent(lane) || lane.mayHaveBeenSent || lane.isOutcomeUnknown
    const inDoubt = Array.from(lanes.pending()).filter(isInDoubt)
    const change = {
      change: 'leaveBehind',
      lanes: inDoubt.map(({ id: laneId }) => laneId),
    } as const
    store.commit([change], { synced: false }, () => undefined)
  }

  /** What is in a lane at the start, or when it is taken over. */
  adopt(state: OpenedState): void {
    const { lanes, lifetimes, phase, laneEvents } = this.#context
    // Also with nothing pending: another process may enqueue, and the clock be set before that is heard.
    if (phase.dispatches) lifetimes.look()
    else lifetimes.heardOfOthers()
    const mayHaveBeenSent = (laneId: LaneId) => this.#leftBehind?.includes(laneId) ?? true
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
    this.#emptyAllBut(known)
    if (!phase.dispatches) this.#armIfPending()
  }

  /** What a lane that storage told of waits for. */
  #resume(lane: Lane, { head }: LaneRow): void {
    const { waits, holds } = this.#parts
    // One further back, which was adopted, makes nobody wait but itself (Q7).
    const envelope = head === undefined ? lane.envelope : lane.envelopeAt(head)
    if (envelope !== null) waits.begin(lane, envelope)
    if (lane.letters > 0 && this.#context.settings.onDead === 'hold') {
      holds.setOnLane(lane, 'dead-letter', 'a dead letter from before the start')
    }
  }

  /** Reads what is stored, however often that takes; whoever has got the lock then takes over. */
  #reload(then: () => void = () => undefined): void {
    const { store } = this.#context
    // What was asked before the lock was ours may be out of date: others were still sending.
    const isLocked = this.#hasLock
    store.reload((answer) => {
      // Nothing lifts that hold but a new opening (E2).
      if (store.broken === null) this.#reloaded(answer, isLocked)
      then()
    })
  }

  #reloaded(answer: Answered<OpenedState>, isLocked: boolean): void {
    const { boundary, report } = this.#context
    const { holds } = this.#parts
    if (!answer.ok) {
      const error = notStored(answer.error, 'what is stored could not be read anew')
      report('error', { error })
      holds.setOnEvery('storage-failed', `storage answers ${codeOf(answer.error)}`)
      this.#failureCount += 1
      boundary.arm('reload', waitOf(SERIES.reading, this.#failureCount), () => this.#reload())
      return
    }
    const isUpToDate = isLocked === this.#hasLock
    if (isUpToDate) {
      this.#failureCount = 0
      boundary.disarm('reload')
    }
    if (isLocked && !this.#context.phase.dispatches) this.#takeOver(answer.value)
    else this.#heard(answer.value)
    if (isUpToDate) holds.liftFromEvery('storage-failed')
  }

  /** The same for one that has waited: it is repeated until it is stored. */
  #takeUpAtLast(): void {
    const { store, report } = this.#context
    store.commitAtLast(
      [TAKE_UP],
      {},
      (cause) => report('error', { error: notStored(cause, 'the take-over was not stored yet') }),
      (answers) => {
        this.#leftBehind = leftBehindOf(answers)
        this.#hasLock = true
        this.#reload()
      },
    )
  }

  #heard(state: OpenedState): void {
    this.#refresh(state)
    this.readAnew.tell(state)
    this.changedElsewhere.tell()
    if (!this.#context.phase.dispatches) this.#armIfPending()
  }

  #takeOver(state: OpenedState): void {
    this.#isAcquiring = false
    this.#context.phase.dispatches = true
    this.#disarm()
    this.adopt(state)
    this.readAnew.tell(state)
    this.#parts.connectivity.limitedBefore(state.deadlines)
    this.#parts.holds.liftFromEvery('other-process')
    this.tookOver.tell()
    this.changedElsewhere.tell()
  }

  #waited(): void {
    this.#isArmed = false
    if (this.#soonAt === null) this.#roundCount += 1
    this.#soonAt = null
    this.used()
  }

  /** Only while something is pending, or about to be: an idle process has no alarm. */
  #armIfPending(): void {
    const { lanes, boundary, store } = this.#context
    if (lanes.count('pending') + lanes.unstoredCount === 0 || store.broken !== null) {
      this.#disarm()
      return
    }
    if (this.#isArmed) return
    this.#isArmed = true
    const soonMs = this.#soonAt === null ? 0 : this.#soonAt - boundary.monotonic
    if (soonMs <= 0) this.#soonAt = null
    const waitMs = soonMs > 0 ? soonMs : waitOf(SERIES.takingOver, this.#roundCount + 1)
    boundary.arm('take-over', waitMs, () => this.#waited())
  }

  #disarm(): void {
    this.#context.boundary.disarm('take-over')
    this.#isArmed = false
    this.#roundCount = 0
  }

  #refresh(state: OpenedState): void {
    const { lanes, lifetimes, laneEvents } = this.#context
    lifetimes.heardOfOthers()
    const known = new Set<Lane>()
    for (const row of state.lanes) {
      const isNew = lanes.get(row.lane) === undefined
      const ofLane = state.envelopes.filter((envelope) => envelope.lane === row.lane)
      const lane = lanes.make(row, ofLane)
      known.add(lane)
      const { pending } = lane
      if (!isNew) lane.refreshed(row)
      else if (this.#context.phase.dispatches) this.#resume(lane, row)
      if (lane.pending > 0) laneEvents.operationsAdded(lane)
      else if (pending > 0) laneEvents.operationsRemoved(lane)
    }
    this.#emptyAllBut(known)
  }

  /** What storage does not name any more has nothing pending, unless that is on its way. */
  #emptyAllBut(known: ReadonlySet<Lane>): void {
    const { lanes, laneEvents } = this.#context
    for (const lane of Array.from(lanes.all())) {
      if (known.has(lane)) continue
      lane.letters = 0
      if (lane.isChanging) {
        lane.whenUnchanged(() => this.heardOfCommit())
        continue
      }
      if (lane.pending === 0) continue
      // What is in flight is sent no more either, whatever becomes of it.
      lane.reordered(0)
      if (lane.attempt === null) laneEvents.operationsRemoved(lane)
    }
  }
}

/**
 * What the former process recorded it may have sent, and have died before the reply: the outcome is
 * unknown (Q5), also for those who look in storage. One without a key is known to have been refused.
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

function leftBehindOf([answer]: readonly Answer[]): readonly LaneId[] | null {
  return (answer?.applied === true ? answer.leftBehind : undefined) ?? null
}
