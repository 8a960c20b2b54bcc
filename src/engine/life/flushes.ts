/** `flush()`: waits until nothing is left that could still be sent by itself (Q19). */
import type { HoldName } from '../../../machines/holds.ts'
import type { Settle } from '../boundary/boundary.ts'
import type { Core } from '../core.ts'
import type { HoldBook } from '../lanes/hold-book.ts'
import type { LaneLine } from '../lanes/lane-line.ts'

/** Holds that end by an alarm or an answer that is already on its way. */
const PASSING: ReadonlySet<HoldName> = new Set(['backing-off', 'rate-limited'])

interface Flush {
  readonly alarm: string
  readonly settle: Settle<null>
}

export class Flushes {
  readonly #core: Core
  readonly #holds: HoldBook
  /** Is a portal being probed? Then `offline` passes too. */
  readonly #isProbing: () => boolean
  readonly #open = new Set<Flush>()
  /** How many there have been: it makes the names of their alarms, also in a journal that begins later. */
  count = 0

  constructor(core: Core, holds: HoldBook, isProbing: () => boolean) {
    this.#core = core
    this.#holds = holds
    this.#isProbing = isProbing
  }

  begin(deadlineMs: number, settle: Settle<null>): void {
    const flush: Flush = { alarm: `flush:${++this.count}`, settle }
    this.#open.add(flush)
    this.#core.boundary.arm(flush.alarm, deadlineMs, () => this.#end(flush))
    this.check()
  }

  /** Something has changed: is there still anything to wait for? */
  check(): void {
    if (this.#open.size === 0 || this.#isAnythingMoving()) return
    this.endAll()
  }

  endAll(): void {
    for (const flush of this.#open) this.#end(flush)
  }

  #end(flush: Flush): void {
    this.#open.delete(flush)
    this.#core.boundary.disarm(flush.alarm)
    flush.settle.resolve(null)
  }

  #isAnythingMoving(): boolean {
    for (const line of this.#core.lanes.pending()) if (this.#isMoving(line)) return true
    return false
  }

  #isMoving(line: LaneLine): boolean {
    if (line.attempt !== null) return true
    return this.#holds.of(line).every(({ name }) => {
      if (name === 'storage-failed') return this.#core.store.broken === null
      if (name === 'offline') return this.#isProbing()
      if (name === 'awaiting-token') return this.#core.settings.hasSource
      return PASSING.has(name)
    })
  }
}
