/**
 * The commands of all machines, in one list. They are dealt with in the order they were given. What
 * begins something longer (an attempt, a call of the token source) is dealt with after them, one at a
 * time, so that each finds the machines at rest.
 */
import type { Command } from './run-command.ts'

export class CommandQueue {
  readonly #run: (command: Command) => void
  readonly #given: Command[] = []
  readonly #work: (() => void)[] = []
  #isDraining = false
  #isWorking = false

  constructor(run: (command: Command) => void) {
    this.#run = run
  }

  /** A machine has answered. */
  enqueue(command: Command): void {
    this.#given.push(command)
  }

  /** Does it when the machines are at rest. */
  whenIdle(run: () => void): void {
    this.#work.push(run)
  }

  /** Tells a machine something, and does what follows; within that, what follows waits its turn. */
  tell(send: () => void): void {
    send()
    if (this.#isDraining) return
    this.#isDraining = true
    const faults: unknown[] = []
    drain(this.#given, (command) => this.#run(command), faults)
    this.#isDraining = false
    this.#doWork(faults)
    if (faults.length > 0) throw faults[0]
  }

  #doWork(faults: unknown[]): void {
    if (this.#isWorking) return
    this.#isWorking = true
    drain(this.#work, (run) => run(), faults)
    this.#isWorking = false
  }
}

/** All that is in the list, and what is added meanwhile. A fault with one of them keeps none of the others from being done (E3). */
function drain<T>(list: T[], run: (one: T) => void, faults: unknown[]): void {
  for (let next = list.shift(); next !== undefined; next = list.shift()) {
    try {
      run(next)
    } catch (fault) {
      faults.push(fault)
    }
  }
}
