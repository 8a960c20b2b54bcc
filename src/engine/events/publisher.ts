/**
 * Publishes events, and changes of `status()`: first to the parts of the engine, then to the app. The app never hears
 * of either before everything that caused it has been done. The publisher depends on no part.
 */
import { publishSettlement } from '../../channels/settlement-channel.ts'
import { HoldfastError } from '../../errors.ts'
import type { EventName, HoldfastEvents } from '../../events.ts'
import type { Json } from '../../journal/lines.ts'
import { plainWord } from '../../scrub/plain-word.ts'
import type { Boundary } from '../boundary/boundary.ts'
import { Signal } from './signal.ts'

/** A part of the engine that hears every event at once, as a step of the same work. */
export type EventListener = <Name extends EventName>(
  name: Name,
  detail: HoldfastEvents[Name],
) => void

export interface EventPublisherParts {
  readonly boundary: Boundary
  /** The app: hears every event, after everything that caused it has been done. */
  readonly onEvent: EventListener
  /** The app: called after each change of the status. */
  readonly onChange: () => void
}

export class EventPublisher {
  /** Told once after each piece of work that changed the status. */
  readonly changed = new Signal()
  /** Grows with each change of the status. */
  statusVersion = 0
  readonly #parts: EventPublisherParts
  readonly #listeners: EventListener[] = []
  #isChangeDue = false
  /** True if something has changed and the app has not been told. */
  #isUntold = false

  constructor(parts: EventPublisherParts) {
    this.#parts = parts
  }

  /** These parts hear every event from now on, in this order. */
  subscribe(...listeners: readonly EventListener[]): void {
    this.#listeners.push(...listeners)
  }

  readonly report: EventListener = (name, detail) => {
    const { boundary, onEvent } = this.#parts
    boundary.decide(() => ({ out: 'event', name, detail: eventDetail(detail) }))
    this.statusChanged()
    for (const listener of this.#listeners) listener(name, detail)
    boundary.afterwards(() => {
      onEvent(name, detail)
      publishSettlement(name, detail)
    })
  }

  readonly machineFailed = (thrown: unknown): void => {
    const error = new HoldfastError('INTERNAL', 'a machine failed; this is a bug in holdfast', {
      cause: thrown,
    })
    this.report('error', { error })
  }

  /** The status, as `status()` shows it, has changed. */
  readonly statusChanged = (): void => {
    this.statusVersion += 1
    this.#isUntold = true
    if (this.#isChangeDue) return
    this.#isChangeDue = true
    this.#parts.boundary.lastly(this.#tellParts)
  }

  /** Something has changed that `status()` shows and no part decides by: only the app is told. */
  readonly shownAnew = (): void => {
    this.statusVersion += 1
    this.#isUntold = true
    this.#parts.boundary.afterwards(this.#tellApp)
  }

  readonly #tellParts = (): void => {
    this.#isChangeDue = false
    this.changed.tell()
    this.#parts.boundary.afterwards(this.#tellApp)
  }

  readonly #tellApp = (): void => {
    // The app may have been told of this change together with an earlier change.
    if (!this.#isUntold) return
    this.#isUntold = false
    this.#parts.onChange()
  }
}

/** An event as a journal has it: an error is reduced to its code, and a result is left out. */
function eventDetail(detail: object): Json {
  if ('result' in detail) {
    const { result: _result, ...rest } = detail
    return rest as Json
  }
  if (!('error' in detail)) return detail as Json
  const { error, ...rest } = detail as {
    readonly error: { readonly code: string | null } | null
  }
  return { ...rest, code: plainWord(error?.code) }
}
