/**
 * Notices that the machine has slept, where no platform tells: the wall clock has then gone further
 * than the monotonic one. Looked at only while a lane waits because no reply came (Q7), so an idle
 * engine has no alarm for it.
 */
import type { Core } from '../core.ts'
import type { Connectivity } from '../lanes/connectivity.ts'
import type { Waits } from '../lanes/waits.ts'

const ALARM = 'wake'
const LOOK_MS = 30_000
/** A smaller gap is a clock that was set. */
const GAP_MS = 5000

export class WakeWatch {
  readonly #core: Core
  readonly #connectivity: Connectivity
  readonly #waits: Waits
  /** How far the wall clock was ahead of the monotonic one when the alarm was armed; null: it is not. */
  #drift: number | null = null

  constructor(core: Core, connectivity: Connectivity, waits: Waits) {
    this.#core = core
    this.#connectivity = connectivity
    this.#waits = waits
  }

  /** Something has changed: is there anything to watch for? */
  look(): void {
    const { boundary, settings } = this.#core
    const isNeeded = settings.watchesForWaking && this.#isAnyoneWaiting()
    if (isNeeded === (this.#drift !== null)) return
    if (!isNeeded) {
      this.#drift = null
      boundary.disarm(ALARM)
      return
    }
    const drift = boundary.wall - boundary.monotonic
    this.#drift = drift
    boundary.arm(ALARM, LOOK_MS, () => this.#waited(drift))
  }

  /** For a journal that begins here. */
  save(): number | null {
    return this.#drift
  }

  restore(drift: number | null): void {
    this.#drift = drift
    if (drift !== null) this.#core.boundary.rearm(ALARM, () => this.#waited(drift))
  }

  #waited(drift: number): void {
    const { boundary } = this.#core
    this.#drift = null
    if (boundary.wall - boundary.monotonic - drift > GAP_MS) this.#connectivity.heard('resumed')
    this.look()
  }

  #isAnyoneWaiting(): boolean {
    // Asked after everything that changes, so not of every lane.
    for (const line of this.#waits.backingOff) {
      if (line.pending > 0 && line.envelope?.waitsAfterUnknown === true) return true
    }
    return false
  }
}
