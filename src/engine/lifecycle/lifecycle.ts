/**
 * The life of an engine, from the start to the end of `close()` (Q19). Nothing is sent before the turn
 * after the start (Q2); after the end there is no timer, handle or listener left.
 */
import type { StorageHost } from '../../../storage/storage.ts'
import { canonicalOrigin } from '../../origin.ts'
import type { Refresher } from '../tokens/refresher.ts'
import type { Answered, Settle } from '../boundary/boundary.ts'
import { recordedKindsOf } from '../../operations/kind-facts.ts'
import type { EventPublisher } from '../events/publisher.ts'
import type { OpenCalls } from '../open-calls.ts'
import type { PortListeners } from './port-listeners.ts'
import type { Reads } from '../reads/reads.ts'
import type { Requests } from '../sending/request.ts'
import type { RequirementAsker } from '../sessions/requirement-asker.ts'
import type { Sessions } from '../sessions/sessions.ts'
import type { Flushes } from './flushes.ts'
import { start, type StartParts } from './start.ts'

export interface LifecycleParts {
  readonly startParts: StartParts
  readonly publisher: EventPublisher
  readonly openCalls: OpenCalls
  readonly listeners: PortListeners
  readonly sessions: Sessions
  readonly asker: RequirementAsker
  readonly requests: Requests
  readonly refresher: Refresher
  readonly reads: Reads
  readonly flushes: Flushes
}

export class Lifecycle {
  readonly #parts: LifecycleParts
  /** Who waits for the end; null: nobody has asked for it. */
  #closing: Settle<void>[] | null = null

  constructor(parts: LifecycleParts) {
    this.#parts = parts
  }

  start(settle: Settle<void>): void {
    const { startParts } = this.#parts
    const { ports, boundary, settings } = startParts.core
    const host: StorageHost = {
      atTurnEnd: (run) => ports.clock.atTurnEnd(run),
      monotonic: () => ports.clock.monotonic(),
      wall: () => ports.clock.wall(),
      // Off the record: whoever has a journal must not be able to try tokens against it.
      newFingerprintKey: ports.random.nonce(),
      origin: canonicalOrigin(settings.origin),
      recordedKinds: recordedKindsOf(startParts.core.kinds.all()),
    }
    start(startParts, host, (error) => {
      if (error !== null) {
        settle.reject(error)
        return
      }
      const refusal = this.#parts.listeners.begin()
      if (refusal !== null) {
        this.#parts.listeners.stop()
        startParts.core.store.close(() => settle.reject(refusal))
        return
      }
      boundary.nextTurn(() => this.#begin())
      settle.resolve()
    })
  }

  /** The turn after the start: the app listens by now. */
  #begin(): void {
    const { startParts, asker, publisher } = this.#parts
    const { phase } = startParts.core
    if (phase.isClosing) return
    phase.isBegun = true
    this.beginToDispatch()
    startParts.core.pilot.queue({ type: 'storage.loaded' })
    asker.ask()
    publisher.statusChanged()
  }

  /** Every lane has its machine; what may not stay is dropped, by the process that dispatches. */
  readonly beginToDispatch = (): void => {
    const { lanes, laneEvents, phase } = this.#parts.startParts.core
    if (!phase.isBegun) return
    if (phase.dispatches) this.#parts.sessions.begin()
    for (const lane of lanes.pending()) laneEvents.operationsAdded(lane)
  }

  close(deadlineMs: number, settle: Settle<void>): void {
    const { startParts, flushes, reads, refresher } = this.#parts
    const { boundary, phase, pilot } = startParts.core
    if (this.#closing !== null) {
      if (pilot.queueState === 'closed') settle.resolve()
      else this.#closing.push(settle)
      return
    }
    this.#closing = [settle]
    phase.isClosing = true
    flushes.endAll()
    reads.stop()
    refresher.stop()
    this.#parts.listeners.stop()
    boundary.arm('close', deadlineMs, () => pilot.queue({ type: 'deadline.passed' }))
    pilot.queue({ type: 'close.requested' })
  }

  /** The queue is closed: nothing is sent any more. */
  closed(): void {
    const { startParts, requests, reads, sessions } = this.#parts
    const { store, boundary, pilot } = startParts.core
    requests.abortAll()
    reads.endAll()
    sessions.endAll()
    startParts.dispatcher.leave(pilot.sending)
    // In the turn after, so that whoever was answered by the last commit has heard of it.
    store.close((answer) => boundary.nextTurn(() => this.#end(answer)))
  }

  #end(answer: Answered<null>): void {
    const { startParts, openCalls, publisher } = this.#parts
    const { boundary, pilot } = startParts.core
    boundary.silence()
    openCalls.endAll()
    pilot.stop()
    publisher.statusChanged()
    for (const settle of this.#closing ?? []) {
      if (answer.ok) settle.resolve()
      else settle.reject(answer.error)
    }
  }
}
