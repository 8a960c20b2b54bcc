/** The waits between attempts: the hold `backing-off` of a lane, and the alarm that lifts it (Q7). */
import type { EnvelopeRow } from '../../storage/storage.ts'
import type { Core } from './core.ts'
import type { HoldBook } from './hold-book.ts'
import type { LaneLine } from './lane-line.ts'

export class Waits {
  readonly #core: Core
  readonly #holds: HoldBook

  constructor(core: Core, holds: HoldBook) {
    this.#core = core
    this.#holds = holds
  }

  /** The wait that the envelope at the head has just been given, or was left with by the last run. */
  begin(line: LaneLine, { retryAt, waitMs, attempts }: EnvelopeRow): void {
    if (retryAt === null) return
    // A clock that jumped back never makes it longer than the wait it was computed from.
    const leftMs = Math.min(retryAt - this.#core.boundary.wall, waitMs)
    if (leftMs <= 0) return
    this.#holds.setOnLane(line, 'backing-off', `after attempt ${attempts}`)
    this.#core.boundary.arm(alarmOf(line), leftMs, () => this.#over(line))
  }

  /** The alarm is armed already, in a journal that begins here. */
  restore(line: LaneLine): void {
    if (line.holds.has('backing-off')) {
      this.#core.boundary.rearm(alarmOf(line), () => this.#over(line))
    }
  }

  /** It is not that envelope's turn any more, or it need not wait. */
  end(line: LaneLine): void {
    if (!line.holds.has('backing-off')) return
    this.#core.boundary.disarm(alarmOf(line))
    this.#holds.liftFromLane(line, 'backing-off')
  }

  #over(line: LaneLine): void {
    this.#holds.liftFromLane(line, 'backing-off')
  }

  /** The network is back, or the machine awake: whoever heard nothing tries at once; never after `retry`. */
  cutShort(): void {
    for (const line of this.#core.lanes.pending()) {
      if (line.envelope?.waitsAfterUnknown === true) this.end(line)
    }
  }
}

function alarmOf(line: LaneLine): string {
  return `backoff:${line.lane}`
}
