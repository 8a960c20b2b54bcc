/**
 * Decides which process dispatches this database (Q17): the process that holds the lock. Every other process has the
 * hold `other-process` and only stores. A waiting process tries to take over when it is used, and by an alarm while
 * operations are pending. Both kinds of process notice the commits of other processes.
 */
import type { TakeOver } from './take-over.ts'
import type { Resumed } from '../part.ts'
import type { Answer } from '../../../storage/changes.ts'
import type { OpenedState } from '../../../storage/storage.ts'
import type { Answered } from '../boundary/boundary.ts'
import { codeOf } from '../boundary/error-codec.ts'
import type { Connectivity } from '../holds/connectivity.ts'
import type { Context } from '../context.ts'
import type { Holds } from '../holds/holds.ts'
import { SERIES, waitOf } from '../backoff.ts'
import { notStored } from '../stored/storage-errors.ts'
import { Signal } from '../events/signal.ts'

/**
 * Wait before the first retry of a process that has just started: a system may free the locks of the process before
 * it late.
 */
const SOON_MS = 1000

export interface DispatcherParts {
  readonly context: Context
  readonly holds: Holds
  readonly takeOver: TakeOver
  readonly connectivity: Connectivity
}

const TAKE_UP = { change: 'takeUp' } as const

/** The dispatcher as a journal's summary has it. */
export interface SavedDispatcher {
  readonly isOurs: boolean
  readonly roundCount: number
  readonly soonAt: number | null
}

export class Dispatcher {
  /** Told the stored state, after it was read again. */
  readonly readAnew = new Signal<OpenedState>()
  /** Told when this process has taken over. */
  readonly tookOver = new Signal()
  /** Told when another process still dispatches. */
  readonly lockRefused = new Signal()
  /** Told after another process has changed the stored state. */
  readonly changedElsewhere = new Signal()
  readonly #parts: DispatcherParts
  readonly #context: Context
  /** True if this process is asking for the lock, or has it and has not read the stored state since. */
  #isAcquiring = false
  /** True if this process has the lock, and has stored the change `takeUp` (see {@link TakeOver}). */
  #hasLock = false
  #isArmed = false
  #roundCount = 0
  /** Monotonic time at which a process that has just started tries again; null: that retry is over. */
  #soonAt: number | null = null
  #failureCount = 0
  /** The code of the last failure to ask for the lock, as the app was told it; null: there was no failure. */
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

  /** At the start. `then` gets the stored state, once it is known whether this process dispatches. */
  start(state: OpenedState, then: (answer: Answered<OpenedState>) => void): void {
    const { store } = this.#context
    store.lock((answer) => {
      if (!answer.ok) then(answer)
      else if (answer.value) {
        this.#context.phase.dispatches = true
        this.#hasLock = true
        // The state read before the lock was taken may be out of date. Only from now on does no other process send.
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

  /**
   * Before anything is sent, stores that the list of lanes which the last process left behind is used up (Q10), and
   * reads the stored state.
   */
  #takeUp(then: (answer: Answered<OpenedState>) => void): void {
    const { store } = this.#context
    let marked: Answered<readonly Answer[]> | null = null
    let current: Answered<OpenedState> | null = null
    const done = () => {
      if (marked === null || current === null) return
      if (marked.ok) this.#parts.takeOver.tookUp(marked.value)
      then(marked.ok ? current : marked)
    }
    store.commit([TAKE_UP], {}, (answer) => {
      marked = answer
      done()
    })
    // A read sees every change that was handed in before it, so it need not wait for the end of the turn.
    store.reload((answer) => {
      current = answer
      done()
    })
  }

  /** True if this process has tried to take over, and has no answer yet. */
  get isTakingOver(): boolean {
    return this.#isAcquiring
  }

  /** The engine is used: if this process waits, it tries to take over. */
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

  /** Reports a failure to ask for the lock once, though the lock is tried at every use. Null: there was no failure. */
  #tellOfLock(failure: Error | null): void {
    const code = failure === null ? null : codeOf(failure)
    const isNew = code !== this.#lockFailure
    this.#lockFailure = code
    if (failure === null || !isNew || this.#context.store.broken !== null) return
    const error = notStored(failure, 'it could not be asked which process dispatches')
    this.#context.report('error', { error })
  }

  /**
   * Another process has committed. `then` is called when the stored state has been read and its listeners told, or
   * could not be read.
   */
  readonly heardOfCommit = (then: () => void = () => undefined): void => {
    this.#reload(then)
  }

  /** An operation that was on its way into storage was not stored. */
  readonly enqueueAbandoned = (): void => {
    if (!this.#context.phase.dispatches) this.#armIfPending()
  }

  /** The process ends in an orderly way. */
  end(): void {
    if (this.#context.phase.dispatches) this.#parts.takeOver.leaveBehind()
  }

  /** Adopts the stored lanes, at the start or at a take-over. */
  adopt(state: OpenedState): void {
    this.#parts.takeOver.adopt(state, this.heardOfCommit)
    if (!this.#context.phase.dispatches) this.#armIfPending()
  }

  /** Reads the stored state, and repeats that after a failure. If this process has got the lock, it then takes over. */
  #reload(then: () => void = () => undefined): void {
    const { store } = this.#context
    // A state that was asked for before this process had the lock may be out of date: other processes were still
    // sending.
    const isLocked = this.#hasLock
    store.reload((answer) => {
      // Once storage is broken, only a new opening lifts the hold `storage-failed` (E2).
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

  /** Does the same as `#takeUp` for a process that has waited: the change is repeated until it is stored. */
  #takeUpAtLast(): void {
    const { store, report } = this.#context
    store.commitAtLast(
      [TAKE_UP],
      {},
      (cause) => report('error', { error: notStored(cause, 'the take-over was not stored yet') }),
      (answers) => {
        this.#parts.takeOver.tookUp(answers)
        this.#hasLock = true
        this.#reload()
      },
    )
  }

  #heard(state: OpenedState): void {
    this.#parts.takeOver.refresh(state, this.heardOfCommit)
    this.readAnew.tell(state)
    this.changedElsewhere.tell()
    if (!this.#context.phase.dispatches) this.#armIfPending()
  }

  #takeOver(state: OpenedState): void {
    this.#isAcquiring = false
    this.#context.phase.dispatches = true
    this.#context.boundary.note('dispatch.takenOver', 'info', () => ({}))
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

  /** Arms the alarm only while operations are pending or on their way into storage: an idle process has no alarm. */
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
}
