/**
 * The commands of all machines, in one list. They are dealt with in the order they were given. What
 * begins something longer (an attempt, a call of the token source) is dealt with after them, one at a
 * time, so that each finds the machines at rest.
 */
import type { Command } from '../orders.ts'

export class Commands {
  readonly #obey: (command: Command) => void
  readonly #given: Command[] = []
  readonly #work: (() => void)[] = []
  #isDraining = false
  #isWorking = false

  constructor(obey: (command: Command) => void) {
    this.#obey = obey
  }

  /** A machine has answered. */
  add(command: Command): void {
    this.#given.push(command)
  }

  /** Does it when the machines are at rest. */
  later(run: () => void): void {
    this.#work.push(run)
  }

  /** Tells a machine something, and does what follows; within that, what follows waits its turn. */
  after(send: () => void): void {
    send()
    if (this.#isDraining) return
    this.#isDraining = true
    try {
      for (let next = this.#given.shift(); next !== undefined; next = this.#given.shift()) {
        this.#obey(next)
      }
    } finally {
      this.#isDraining = false
    }
    this.#doWork()
  }

  #doWork(): void {
    if (this.#isWorking) return
    this.#isWorking = true
    try {
      for (let next = this.#work.shift(); next !== undefined; next = this.#work.shift()) next()
    } finally {
      this.#isWorking = false
    }
  }
}
