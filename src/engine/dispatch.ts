/**
 * Which process dispatches this database (Q17): the one that holds the lock. The others have the hold
 * `other-process` and only store. One that waits tries again when it is used, and, while something is
 * pending, by an alarm; what other processes commit is noticed by both.
 */
import type { EnvelopeRow, OpenedState } from '../../storage/storage.ts'
import type { Answered } from './boundary.ts'
import type { Connectivity } from './connectivity.ts'
import type { Core } from './core.ts'
import type { HoldBook } from './hold-book.ts'
import { backoffMs } from './judge.ts'
import type { LaneLine } from './lane-line.ts'
import type { Waits } from './waits.ts'

/** How long a waiting process waits: 30 s, doubling to 5 min. */
const RETRY = { base: 30_000, cap: 300_000, jitter: false } as const

export interface DispatchParts {
  readonly core: Core
  readonly holds: HoldBook
  readonly waits: Waits
  readonly connectivity: Connectivity
  /** Tokens that other processes stored. */
  readonly hearTokens: (state: OpenedState) => void
  /** This process dispatches from now on. */
  readonly begin: () => void
  /** What is stored has been changed by another process. */
  readonly changed: () => void
}

/** What a journal's summary says of it. */
export interface SavedDispatch {
  readonly isOurs: boolean
  readonly roundCount: number
}

export class Dispatch {
  readonly #parts: DispatchParts
  readonly #core: Core
  #isOurs = false
  #isTaking = false
  #isArmed = false
  #roundCount = 0

  constructor(parts: DispatchParts) {
    this.#parts = parts
    this.#core = parts.core
  }

  get isOurs(): boolean {
    return this.#isOurs
  }

  /** For a journal that begins here. */
  save(): SavedDispatch {
    return { isOurs: this.#isOurs, roundCount: this.#roundCount }
  }

  restore({ isOurs, roundCount }: SavedDispatch, alarms: ReadonlySet<string>): void {
    this.#isOurs = isOurs
    this.#roundCount = roundCount
    this.#isArmed = alarms.has('take-over')
    if (this.#isArmed) this.#core.boundary.rearm('take-over', () => this.#waited())
  }

  /** At the start: `then` hears, once it is known who dispatches, what is stored. */
  start(state: OpenedState, then: (answer: Answered<OpenedState>) => void): void {
    const { store } = this.#core
    store.lock((answer) => {
      if (!answer.ok) then(answer)
      else if (answer.value) {
        this.#isOurs = true
        // What was read before may be out of date: only now nobody else sends.
        store.reload((current) =>
          then(current.ok ? { ok: true, value: { ...state, ...current.value } } : current),
        )
      } else {
        this.#parts.holds.setOnEvery('other-process', 'another process dispatches this database')
        then({ ok: true, value: state })
      }
    })
  }

  /** The engine is used: a process that waits tries to take over. */
  used(): void {
    if (this.#isOurs || this.#isTaking) return
    this.#isTaking = true
    this.#core.store.lock((answer) => {
      if (answer.ok && answer.value) this.#takeOver()
      else this.#waitOn()
    })
  }

  /** Another process has committed. */
  heardOfCommit(): void {
    this.#core.store.reload((answer) => {
      if (!answer.ok) return
      this.#refresh(answer.value)
      this.#parts.hearTokens(answer.value)
      this.#parts.changed()
      if (!this.#isOurs) this.#armIfPending()
    })
  }

  /** What is in a lane at the start, or when it is taken over. */
  adopt(state: OpenedState): void {
    const { lanes, settings } = this.#core
    const envelopes = this.#isOurs
      ? state.envelopes.map((envelope) => afterTheEnd(this.#core, envelope))
      : state.envelopes
    const known = new Set<LaneLine>()
    for (const row of state.lanes) {
      const ofLane = envelopes.filter((envelope) => envelope.lane === row.lane)
      const line = lanes.make(row, ofLane)
      known.add(line)
      line.takenOver(row, ofLane)
      if (!this.#isOurs) continue
      const { envelope } = line
      if (envelope !== null) this.#parts.waits.begin(line, envelope)
      if (line.letters > 0 && settings.onDead === 'hold') {
        this.#parts.holds.setOnLane(line, 'dead-letter', 'a dead letter from before the start')
      }
    }
    this.#emptyAllBut(known)
  }

  #takeOver(): void {
    this.#core.store.reload((answer) => {
      if (!answer.ok) {
        this.#waitOn()
        return
      }
      this.#isTaking = false
      this.#isOurs = true
      this.#disarm()
      this.adopt(answer.value)
      this.#parts.hearTokens(answer.value)
      this.#parts.connectivity.limitedBefore(answer.value.deadlines)
      this.#parts.holds.liftFromEvery('other-process')
      this.#parts.begin()
      this.#parts.changed()
    })
  }

  #waitOn(): void {
    this.#isTaking = false
    this.#armIfPending()
  }

  #waited(): void {
    this.#isArmed = false
    this.#roundCount += 1
    this.used()
  }

  /** Only while something is pending, or about to be: an idle process has no alarm. */
  #armIfPending(): void {
    const { lanes, boundary } = this.#core
    if (lanes.count('pending') + lanes.comingCount === 0) {
      this.#disarm()
      return
    }
    if (this.#isArmed) return
    this.#isArmed = true
    boundary.arm('take-over', backoffMs(this.#roundCount + 1, 1, RETRY), () => this.#waited())
  }

  #disarm(): void {
    this.#core.boundary.disarm('take-over')
    this.#isArmed = false
    this.#roundCount = 0
  }

  #refresh(state: OpenedState): void {
    const { lanes, pilot } = this.#core
    const known = new Set<LaneLine>()
    for (const row of state.lanes) {
      const isNew = lanes.get(row.lane) === undefined
      const line = lanes.make(row)
      known.add(line)
      if (isNew) line.mayHaveBeenSent = false
      else line.refreshed(row)
      if (line.pending > 0) pilot.arrived(line)
    }
    this.#emptyAllBut(known)
  }

  /** What storage does not name any more has nothing pending, unless that is on its way. */
  #emptyAllBut(known: ReadonlySet<LaneLine>): void {
    const { lanes, pilot } = this.#core
    for (const line of Array.from(lanes.all())) {
      if (known.has(line) || line.attempt !== null || line.isChanging) continue
      line.letters = 0
      if (line.pending === 0) continue
      line.reordered(0)
      pilot.shrunk(line)
    }
  }
}

/**
 * What the former process recorded it may have sent, and have died before the reply: the outcome is
 * unknown (Q5), also for those who look in storage. One without a key is known to have been refused.
 */
function afterTheEnd({ boundary, store }: Core, recorded: EnvelopeRow): EnvelopeRow {
  if (recorded.key === null || recorded.unknownSince !== null) return recorded
  // Nothing was heard of it at all: then its only sending was right after it was recorded.
  const unknownSince =
    recorded.attempts === 0 ? (recorded.firstAttemptAt ?? boundary.wall) : boundary.wall
  const envelope = { ...recorded, unknownSince }
  store.commitAtLast(
    [{ change: 'envelope', envelope }],
    {},
    () => undefined,
    () => undefined,
  )
  return envelope
}
