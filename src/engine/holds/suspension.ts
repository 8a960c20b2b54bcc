/**
 * The hold `suspended` on every lane: from the platform's event that the machine goes to sleep until its event that
 * the machine is awake (Q18). Systems lose the second event, or deliver the first late, at waking. So the hold also
 * ends by itself, after 60 s of running time: no timer runs while the machine sleeps, on any system.
 *
 * The alarm is armed only while an operation waits for the end of the hold: an idle engine has no timer (Q15). An
 * operation that comes after the 60 s finds the hold ended.
 */
import type { AlarmName } from '../alarms.ts'
import type { Context } from '../context.ts'
import type { Holds } from './holds.ts'

const ALARM: AlarmName = 'suspended'

/** Longest time of the hold: a machine takes less from the event that it goes to sleep until it sleeps. */
const LONGEST_MS = 60_000

export interface SuspensionParts {
  readonly context: Context
  readonly holds: Holds
  readonly ended: () => void
}

export class Suspension {
  readonly #context: Context
  readonly #parts: SuspensionParts
  #endsAt: number | null = null
  #isArmed = false

  /** `ended`: called when the time of the hold is over; it must call `end()`. */
  constructor(parts: SuspensionParts) {
    this.#parts = parts
    this.#context = parts.context
  }

  /** The machine goes to sleep: the 60 s begin, or begin anew. */
  begin(): void {
    this.#disarm()
    this.#endsAt = this.#context.boundary.monotonic + LONGEST_MS
    this.#parts.holds.setOnEvery('suspended', 'the machine is going to sleep')
    this.look()
  }

  /** The machine is awake. */
  end(): void {
    this.#disarm()
    this.#endsAt = null
    this.#parts.holds.liftFromEvery('suspended')
  }

  /** Something has changed: arms or disarms the alarm, or ends a hold whose time is over. */
  look(): void {
    const { boundary, lanes } = this.#context
    if (this.#endsAt === null) return
    const isNeeded = lanes.count('pending') > 0
    if (isNeeded === this.#isArmed) return
    if (!isNeeded) {
      this.#disarm()
      return
    }
    const leftMs = this.#endsAt - boundary.monotonic
    if (leftMs <= 0) {
      this.#parts.ended()
      return
    }
    this.#isArmed = true
    boundary.arm(ALARM, leftMs, () => this.#over())
  }

  /** Monotonic time at which the hold ends by itself; null: there is no hold. */
  get endsAt(): number | null {
    return this.#endsAt
  }

  /** For a journal that begins here. */
  restore(endsAt: number | null, alarms: ReadonlySet<string>): void {
    this.#endsAt = endsAt
    this.#isArmed = alarms.has(ALARM)
    if (this.#isArmed) this.#context.boundary.rearm(ALARM, () => this.#over())
  }

  #over(): void {
    this.#isArmed = false
    this.#parts.ended()
  }

  #disarm(): void {
    if (!this.#isArmed) return
    this.#isArmed = false
    this.#context.boundary.disarm(ALARM)
  }
}
