/**
 * The life of an engine, from the start to the end of `close()` (Q19). Nothing is sent before the turn after the start (Q2);
 * after the end there is no timer, handle or listener left.
 */
import type { Answered, Settle } from '../boundary/boundary.ts'
import type { Context } from '../context.ts'
import type { EventPublisher } from '../events/publisher.ts'
import type { OpenCalls } from '../open-calls.ts'
import type { StoppingPart } from '../part.ts'
import type { RequirementAsker } from '../sessions/requirement-asker.ts'
import type { Sessions } from '../sessions/sessions.ts'
import type { PortListeners } from './port-listeners.ts'
import type { Start } from './start.ts'

export interface LifecycleParts {
  readonly context: Context
  readonly publisher: EventPublisher
  readonly start: Start
  readonly listeners: PortListeners
  readonly sessions: Sessions
  readonly asker: RequirementAsker
  readonly openCalls: OpenCalls
  /** The parts that have to stop or end, in this order. */
  readonly stopping: readonly StoppingPart[]
}

export class Lifecycle {
  readonly #context: Context
  readonly #parts: LifecycleParts
  /** The calls of `close()` that wait for the end; null: `close()` has not been called. */
  #closing: Settle<void>[] | null = null

  constructor(parts: LifecycleParts) {
    this.#context = parts.context
    this.#parts = parts
  }

  start(settle: Settle<void>): void {
    const { start, listeners } = this.#parts
    const { boundary, store } = this.#context
    start.begin((error) => {
      if (error !== null) {
        settle.reject(error)
        return
      }
      const refusal = listeners.begin()
      if (refusal !== null) {
        listeners.stop()
        store.close(() => settle.reject(refusal))
        return
      }
      boundary.nextTurn(() => this.#begin())
      settle.resolve()
    })
  }

  /** The turn after the start: the app listens by now. */
  #begin(): void {
    const { asker, publisher } = this.#parts
    const { boundary, lanes, phase, pilot } = this.#context
    if (phase.isClosing) return
    phase.isBegun = true
    boundary.note('engine.started', 'info', () => ({
      dispatches: phase.dispatches,
      identity: pilot.user,
      requirement: pilot.requirement,
      pending: lanes.count('pending'),
      dead: lanes.count('letters'),
    }))
    this.beginToDispatch()
    pilot.queue({ type: 'storage.loaded' })
    asker.ask()
    publisher.statusChanged()
  }

  /** Every lane gets its machine; operations that may not stay are dropped by the process that dispatches. */
  readonly beginToDispatch = (): void => {
    const { lanes, laneEvents, phase } = this.#context
    if (!phase.isBegun) return
    if (phase.dispatches) this.#parts.sessions.begin()
    for (const lane of lanes.pending()) laneEvents.operationsAdded(lane)
  }

  close(deadlineMs: number, settle: Settle<void>): void {
    const { boundary, phase, pilot } = this.#context
    if (this.#closing !== null) {
      if (pilot.queueState === 'closed') settle.resolve()
      else this.#closing.push(settle)
      return
    }
    this.#closing = [settle]
    phase.isClosing = true
    boundary.note('engine.closing', 'debug', () => ({ deadlineMs }))
    for (const part of this.#parts.stopping) part.stop?.()
    boundary.arm('close', deadlineMs, () => pilot.queue({ type: 'deadline.passed' }))
    pilot.queue({ type: 'close.requested' })
  }

  /** The queue is closed: nothing more is sent. */
  closed(): void {
    const { boundary, store } = this.#context
    for (const part of this.#parts.stopping) part.end?.()
    // The end comes in the next turn, so that every caller answered by the last commit has its answer by then.
    store.close((answer) => boundary.nextTurn(() => this.#end(answer)))
  }

  #end(answer: Answered<null>): void {
    const { openCalls, publisher } = this.#parts
    const { boundary, lanes, pilot } = this.#context
    boundary.silence()
    openCalls.endAll()
    pilot.stop()
    publisher.statusChanged()
    boundary.note('engine.closed', 'info', () => ({ pending: lanes.count('pending') }))
    for (const settle of this.#closing ?? []) {
      if (answer.ok) settle.resolve()
      else settle.reject(answer.error)
    }
  }
}
