/** A clock whose time passes only when it is told to; turns end as they do. */
import type { Clock, Timer } from '../../src/index.ts'

interface Armed {
  readonly at: number
  readonly run: () => void
}

export class HandClock implements Clock {
  readonly #armed = new Set<Armed>()
  readonly #startedAt = Date.now()
  #now = 0

  /** How long each armed timer still has, the shortest first. */
  get delays(): readonly number[] {
    return Array.from(this.#armed, ({ at }) => at - this.#now).sort((a, b) => a - b)
  }

  wall(): number {
    return this.#startedAt + this.#now
  }

  monotonic(): number {
    return this.#now
  }

  after(delayMs: number, run: () => void): Timer {
    const armed = { at: this.#now + delayMs, run }
    this.#armed.add(armed)
    return { cancel: () => this.#armed.delete(armed) }
  }

  atTurnEnd(run: () => void): void {
    setImmediate(run)
  }

  pass(ms: number): void {
    this.#now += ms
    for (const armed of this.#armed) {
      if (armed.at <= this.#now && this.#armed.delete(armed)) armed.run()
    }
  }
}
