/**
 * Virtual time: it moves only when told to, and everything that is due at one instant happens in the
 * order it was armed. Each life of the simulated process has a clock of its own, which dies with it.
 */
import type { Instant } from '../model.ts'
import { type Clock, inParts, LONGEST_TIMER_MS } from '../ports/clock.ts'
import { countsSleep, type System } from './sleep.ts'

/** When virtual time begins, by the wall clock: 2026-01-01T00:00:00Z. */
export const WALL_START: Instant = Date.UTC(2026, 0, 1)

/** A process, as long as it lives. */
export interface Life {
  isAlive: boolean
}

/** Nothing that ends takes so many turns without time passing. */
const MOST_TURNS = 10_000

/** As Node does it. */
const TOO_LONG_FIRES_AFTER_MS = 1

interface Armed {
  at: number
  readonly order: number
  readonly run: () => void
  /** The process that armed it; null: the world around it. */
  readonly life: Life | null
  /** Time does not pass for its sake. It runs when time passes for another reason. */
  readonly isBackground: boolean
  isCancelled: boolean
}

export class VirtualTime {
  /** Milliseconds since the start. */
  now = 0
  /** How far the client's wall clock has jumped. */
  wallShift = 0
  /** How long the monotonic clock of the processes has stood still. */
  #stoodStillMs = 0
  #armed: Armed[] = []
  readonly #turns: (() => void)[] = []
  #order = 0

  wall(): Instant {
    return WALL_START + Math.floor(this.now) + this.wallShift
  }

  clock(life: Life): Clock {
    return {
      wall: () => this.wall(),
      monotonic: () => this.now - this.#stoodStillMs,
      uptime: () => this.now,
      after: inParts((delayMs, run) =>
        this.after(
          delayMs > LONGEST_TIMER_MS ? TOO_LONG_FIRES_AFTER_MS : delayMs,
          () => {
            if (life.isAlive) run()
          },
          life,
        ),
      ),
      atTurnEnd: (run) => this.atTurnEnd(life, run),
    }
  }

  atTurnEnd(life: Life, run: () => void): void {
    this.#turns.push(() => {
      if (life.isAlive) run()
    })
  }

  after(delayMs: number, run: () => void, life: Life | null = null): { cancel(): void } {
    return this.#arm(delayMs, run, life, false)
  }

  /** The same, but no run goes on for the sake of this alarm, and it is none of the engine's. */
  inBackground(delayMs: number, run: () => void, life: Life): { cancel(): void } {
    return this.#arm(delayMs, run, life, true)
  }

  #arm(delayMs: number, run: () => void, life: Life | null, isBackground: boolean) {
    this.#order += 1
    const armed: Armed = {
      at: this.now + Math.max(0, delayMs),
      order: this.#order,
      run,
      life,
      isBackground,
      isCancelled: false,
    }
    const index = this.#armed.findLastIndex((other) => other.at <= armed.at)
    this.#armed.splice(index + 1, 0, armed)
    return {
      cancel: () => {
        armed.isCancelled = true
      },
    }
  }

  /** The machine of the processes sleeps, from now on and for so long. What is due then fires at waking. */
  sleep(durationMs: number, system: System): void {
    this.now += durationMs
    if (countsSleep(system)) return
    this.#stoodStillMs += durationMs
    for (const armed of this.#armed) if (armed.life !== null) armed.at += durationMs
    this.#armed = this.#armed.toSorted((a, b) => a.at - b.at || a.order - b.order)
  }

  /** Time passes in which no process lives. What is due then happens late. */
  pass(durationMs: number): void {
    this.now += durationMs
  }

  /** When the next thing is due; null: never. */
  nextAt(): number | null {
    this.#dropCancelled()
    return this.#armed.find((one) => !one.isCancelled && !one.isBackground)?.at ?? null
  }

  /** The same, what is in the background too. */
  nextOfAllAt(): number | null {
    this.#dropCancelled()
    return this.#armed[0]?.at ?? null
  }

  /** How many alarms the engine of a process has armed. */
  countArmed(life: Life): number {
    return this.#armedBy(life).filter(({ isBackground }) => !isBackground).length
  }

  /** How many alarms a process has armed, those in the background too. */
  countAllArmed(life: Life): number {
    return this.#armedBy(life).length
  }

  /** Does the next thing that is due now; answers whether there was one. */
  runNext(): boolean {
    this.#dropCancelled()
    const next = this.#armed[0]
    if (next === undefined || next.at > this.now) return false
    this.#armed.shift()
    next.run()
    return true
  }

  /** Lets everything run on that does not wait for time to pass. */
  async rest(): Promise<void> {
    for (let count = 0; count < MOST_TURNS; count += 1) {
      await microtasks()
      const turn = this.#turns.shift()
      if (turn === undefined) return
      turn()
    }
    throw new Error(`at ${this.now} ms there is no rest: ${MOST_TURNS} turns in one instant`)
  }

  #armedBy(life: Life): readonly Armed[] {
    return this.#armed.filter((armed) => armed.life === life && !armed.isCancelled)
  }

  /** What the dead have in the background is not waited for. */
  #dropCancelled(): void {
    for (;;) {
      const [first] = this.#armed
      const isOver = first?.isBackground === true && first.life?.isAlive === false
      if (first?.isCancelled !== true && !isOver) return
      this.#armed.shift()
    }
  }
}

/** An immediate runs after every microtask: no time passes, and nothing else is waited for. */
function microtasks(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
