/**
 * The life of an engine, from the start to the end of `close()` (Q19). Nothing is sent before the turn
 * after the start (Q2); after the end there is no timer, handle or listener left.
 */
import type { QueueEvent } from '../../../machines/queue.machine.ts'
import type { StorageHost } from '../../../storage/storage.ts'
import { appCodeFailed, atOnce, failureOf } from '../../app-code.ts'
import type { LaneId } from '../../model.ts'
import { canonicalOrigin } from '../../origin.ts'
import type { Refresher } from '../../tokens/refresher.ts'
import type { Answered, Settle } from '../boundary/boundary.ts'
import { recordedKindsOf } from '../../operations/kind-facts.ts'
import type { Calls } from '../boundary/calls.ts'
import { failureCodec } from '../boundary/error-codec.ts'
import type { Reads } from '../reads/reads.ts'
import type { Requests } from '../sending/request.ts'
import type { RequirementAsker } from '../sessions/requirement-asker.ts'
import type { Sessions } from '../sessions/sessions.ts'
import type { Flushes } from './flushes.ts'
import { start, type StartParts } from './start.ts'
import type { QueueState } from './status.ts'

export interface LifeParts {
  readonly startParts: StartParts
  readonly sessions: Sessions
  readonly asker: RequirementAsker
  readonly requests: Requests
  readonly refresher: Refresher
  readonly reads: Reads
  readonly flushes: Flushes
  readonly calls: () => Calls
  readonly queueState: () => QueueState
  readonly toQueue: (event: QueueEvent) => void
  /** Lanes whose attempt is under way. */
  readonly sending: () => readonly LaneId[]
  readonly stopMachines: () => void
  /** What `status()` shows has changed. */
  readonly statusChanged: () => void
}

export class Life {
  readonly #parts: LifeParts
  /** Who waits for the end; null: nobody has asked for it. */
  #closing: Settle<void>[] | null = null
  /** How to stop listening to the ports. */
  readonly #stops: (() => void)[] = []

  constructor(parts: LifeParts) {
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
      const refusal = this.#listen()
      if (refusal !== null) {
        this.#stopListening()
        startParts.core.store.close(() => settle.reject(refusal))
        return
      }
      boundary.nextTurn(() => this.#begin())
      settle.resolve()
    })
  }

  /** Listens to the platform and the storage. Answers why that is not possible, or null. */
  #listen(): Error | null {
    const { startParts, calls } = this.#parts
    const { ports, boundary } = startParts.core
    const ignored = { resolve: () => undefined, reject: () => undefined }
    const error = boundary.pull('listen', failureCodec, () =>
      failureOf(() => {
        this.#stops.push(
          atOnce(ports.platform.subscribe((event) => calls().platform(event, ignored))),
          atOnce(
            ports.storage.watch(
              () => calls().foreignCommit(null, ignored),
              (why) => calls().watchLost(why, ignored),
            ),
          ),
        )
      }),
    )
    return error === null ? null : appCodeFailed('a port, as the engine began to listen,', error)
  }

  /** Each of them, also if another one throws. */
  #stopListening(): void {
    const { core } = this.#parts.startParts
    const error = core.boundary.pull('listen.stop', failureCodec, () =>
      this.#stops
        .splice(0)
        .map(failureOf)
        .reduce((first, failure) => first ?? failure, null),
    )
    if (error === null) return
    core.report('error', {
      error: appCodeFailed('a port, as the engine stopped to listen,', error),
    })
  }

  /** The turn after the start: the app listens by now. */
  #begin(): void {
    const { phase } = this.#parts.startParts.core
    if (phase.isClosing) return
    phase.isBegun = true
    this.beginToDispatch()
    this.#parts.toQueue({ type: 'storage.loaded' })
    this.#parts.asker.ask()
    this.#parts.statusChanged()
  }

  /** Every lane has its machine; what may not stay is dropped, by the process that dispatches. */
  beginToDispatch(): void {
    const { lanes, pilot, phase } = this.#parts.startParts.core
    if (!phase.isBegun) return
    if (phase.dispatches) this.#parts.sessions.begin()
    for (const lane of lanes.pending()) pilot.operationsAdded(lane)
  }

  close(deadlineMs: number, settle: Settle<void>): void {
    const { startParts, flushes, reads, refresher, queueState, toQueue } = this.#parts
    if (this.#closing !== null) {
      if (queueState() === 'closed') settle.resolve()
      else this.#closing.push(settle)
      return
    }
    this.#closing = [settle]
    startParts.core.phase.isClosing = true
    flushes.endAll()
    reads.stop()
    refresher.stop()
    this.#stopListening()
    startParts.core.boundary.arm('close', deadlineMs, () => toQueue({ type: 'deadline.passed' }))
    toQueue({ type: 'close.requested' })
  }

  /** The queue is closed: nothing is sent any more. */
  closed(): void {
    const { startParts, requests, reads, sessions, sending } = this.#parts
    const { store, boundary } = startParts.core
    requests.abortAll()
    reads.endAll()
    sessions.endAll()
    startParts.dispatch.leave(sending())
    // In the turn after, so that whoever was answered by the last commit has heard of it.
    store.close((answer) => boundary.nextTurn(() => this.#end(answer)))
  }

  #end(answer: Answered<null>): void {
    const { startParts, calls, stopMachines, statusChanged } = this.#parts
    startParts.core.boundary.silence()
    calls().endAll()
    stopMachines()
    statusChanged()
    for (const settle of this.#closing ?? []) {
      if (answer.ok) settle.resolve()
      else settle.reject(answer.error)
    }
  }
}
