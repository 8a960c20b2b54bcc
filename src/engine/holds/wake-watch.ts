/**
 * Notices that the machine has slept, as long as no platform has reported a waking (Q18). No timer runs while a
 * machine sleeps, so the alarm comes too late by at least one of the two clocks. Where the monotonic clock goes on in
 * sleep (macOS, Windows), that clock shows the sleep. Where it stands still (Linux), the wall clock has gone further
 * than the monotonic clock. The alarm is armed only while a lane waits because no reply came (Q7), so an idle engine
 * has no such alarm.
 */
import type { AlarmName } from '../alarms.ts'
import type { Context } from '../context.ts'
import type { Connectivity } from './connectivity.ts'
import type { BackoffWaits } from './backoff-waits.ts'

const ALARM: AlarmName = 'wake'
const LOOK_MS = 30_000
/** A gap up to this size is a clock that was set, or a process that was busy. */
const GAP_MS = 5000

/** The times of both clocks when the alarm was armed. */
export interface Armed {
  readonly wall: number
  readonly monotonic: number
}

export interface WakeWatchParts {
  readonly context: Context
  readonly connectivity: Connectivity
  readonly waits: BackoffWaits
}

export class WakeWatch {
  readonly #context: Context
  readonly #parts: WakeWatchParts
  /** Null: the alarm is not armed. */
  #armed: Armed | null = null

  constructor(parts: WakeWatchParts) {
    this.#parts = parts
    this.#context = parts.context
  }

  /** Something has changed: arms the alarm if a lane waits because no reply came, else disarms it. */
  readonly look = (): void => {
    const { boundary } = this.#context
    const { tellsOfWaking, hasNetwork } = this.#parts.connectivity
    // The return of the network ends the same waits.
    const isNeeded = !tellsOfWaking && hasNetwork && this.#isAnyoneWaiting()
    if (isNeeded === (this.#armed !== null)) return
    if (!isNeeded) {
      this.#armed = null
      boundary.disarm(ALARM)
      return
    }
    const armed = { wall: boundary.wall, monotonic: boundary.monotonic }
    this.#armed = armed
    boundary.arm(ALARM, LOOK_MS, () => this.#waited(armed))
  }

  /** For a journal that begins here. */
  save(): Armed | null {
    return this.#armed
  }

  restore(armed: Armed | null): void {
    this.#armed = armed
    if (armed !== null) this.#context.boundary.rearm(ALARM, () => this.#waited(armed))
  }

  #waited(armed: Armed): void {
    const { boundary } = this.#context
    this.#armed = null
    const monotonicMs = boundary.monotonic - armed.monotonic
    const wallMs = boundary.wall - armed.wall
    const sleptMs = Math.max(monotonicMs - LOOK_MS, wallMs - monotonicMs)
    if (sleptMs > GAP_MS) this.#parts.connectivity.woke()
    this.look()
  }

  #isAnyoneWaiting(): boolean {
    // This runs after every change, so it looks only at the lanes that back off, not at every lane.
    for (const lane of this.#parts.waits.backingOff) {
      if (lane.pending > 0 && lane.envelope?.waitsAfterUnknown === true) return true
    }
    return false
  }
}
