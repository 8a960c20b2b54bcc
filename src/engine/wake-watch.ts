/**
 * Notices that the machine has slept, where no platform tells: the wall clock has then gone further
 * than the monotonic one. Looked at only while a lane waits because no reply came (Q7), so an idle
 * engine has no alarm for it.
 */
import type { Core } from './core.ts'
import type { Connectivity } from './connectivity.ts'

const LOOK_MS = 30_000
/** A smaller gap is a clock that was set. */
const GAP_MS = 5000

export class WakeWatch {
  readonly #core: Core
  readonly #connectivity: Connectivity
  #isArmed = false

  constructor(core: Core, connectivity: Connectivity) {
    this.#core = core
    this.#connectivity = connectivity
  }

  /** Something has changed: is there anything to watch for? */
  look(): void {
    const { boundary, settings } = this.#core
    const isNeeded = settings.watchesForWaking && this.#isAnyoneWaiting()
    if (isNeeded === this.#isArmed) return
    if (!isNeeded) {
      this.#isArmed = false
      boundary.disarm('wake')
      return
    }
    const drift = boundary.wall - boundary.monotonic
    this.#isArmed = true
    boundary.arm('wake', LOOK_MS, () => {
      this.#isArmed = false
      if (boundary.wall - boundary.monotonic - drift > GAP_MS) this.#connectivity.heard('resumed')
      this.look()
    })
  }

  #isAnyoneWaiting(): boolean {
    for (const line of this.#core.lanes.pending()) {
      if (line.holds.has('backing-off') && line.envelope?.waitsAfterUnknown === true) return true
    }
    return false
  }
}
