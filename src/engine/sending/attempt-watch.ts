/**
 * Watches one attempt for those outside: it tells `diagnostics_channel` of its beginning and its end, and the log of its
 * end. It decides nothing. In a replay no transport is called, so nothing is published there.
 */
import { attemptChannel } from '../../channels/attempt-channel.ts'
import type { AttemptFacts, AttemptMessage, AttemptResult } from '../../channels/attempt-message.ts'
import type { Failure } from '../../failure.ts'
import type { JsonRecord } from '../../journal/lines.ts'
import type { Outcome } from '../../model.ts'
import type { Boundary } from '../boundary/boundary.ts'

/** The end of an attempt, as far as it is known. */
export interface AttemptEnd {
  readonly outcome: Outcome | null
  readonly status: number | null
  readonly failure: Failure | null
}

/** The attempt has ended without an outcome. */
const NO_OUTCOME: AttemptEnd = { outcome: null, status: null, failure: null }

export class AttemptWatch {
  readonly #boundary: Boundary
  readonly #facts: () => AttemptFacts
  readonly #sentAt: number
  /** Null: nothing was subscribed when the request left. */
  #message: AttemptMessage | null = null
  #end: AttemptEnd | null = null

  constructor(boundary: Boundary, facts: () => AttemptFacts) {
    this.#boundary = boundary
    this.#facts = facts
    this.#sentAt = boundary.monotonic
  }

  /**
   * Calls the transport. What the transport begins, say the request of an HTTP client, belongs to this attempt for a tool
   * that binds a store to the channel `start`.
   */
  send<T>(call: () => T): T {
    if (!attemptChannel.hasSubscribers) return call()
    const { operations, ...facts } = this.#facts()
    const message = withFacts({ operations: Object.freeze([...operations]), ...facts })
    this.#message = message
    const { start, end } = attemptChannel
    return start.runStores(message, () => {
      try {
        return call()
      } finally {
        end.publish(message)
      }
    })
  }

  /** The end that was told. Before that: without an outcome. */
  get end(): AttemptEnd {
    return this.#end ?? NO_OUTCOME
  }

  /** The attempt is over; only the first end is told. */
  ended(end: AttemptEnd = NO_OUTCOME): void {
    if (this.#end !== null) return
    this.#end = end
    const durationMs = this.#boundary.monotonic - this.#sentAt
    this.#boundary.note('attempt.ended', 'debug', () => this.#noteOf(end, durationMs))
    if (this.#message !== null) this.#tell(this.#message, end, durationMs)
  }

  #noteOf({ outcome, status, failure }: AttemptEnd, durationMs: number): JsonRecord {
    const { operations, user } = this.#facts()
    const error = failure === null ? undefined : (failure.code ?? failure.name)
    return { operations, user, outcome, status, error, durationMs }
  }

  /** Subscribers run outside of the engine's work, as listeners do. */
  #tell(
    message: AttemptMessage,
    { outcome, status, failure }: AttemptEnd,
    durationMs: number,
  ): void {
    this.#boundary.afterwards(() => tellEnd(message, { outcome, status, durationMs }, failure))
  }
}

/** A tool may add properties of its own, and cannot change these. */
function withFacts(facts: AttemptFacts): AttemptMessage {
  const message = { ...facts }
  for (const name of Object.keys(message)) {
    Object.defineProperty(message, name, { writable: false, configurable: false })
  }
  return message
}

function tellEnd(message: AttemptMessage, result: AttemptResult, failure: Failure | null): void {
  const { error, asyncStart, asyncEnd } = attemptChannel
  if (failure !== null) {
    const { name, code } = failure
    add(message, 'error', { name, code })
    error.publish(message)
  }
  add(message, 'result', result)
  asyncStart.publish(message)
  asyncEnd.publish(message)
}

/** A subscriber may have frozen the message: then the property is missing, and nothing throws. */
function add(message: AttemptMessage, name: 'result' | 'error', value: object): void {
  Reflect.defineProperty(message, name, { value: Object.freeze(value), enumerable: true })
}
