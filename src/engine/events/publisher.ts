/**
 * What the app is told: events, and that `status()` has changed. It hears of neither before all that
 * caused it has been dealt with.
 */
import { HoldfastError } from '../../errors.ts'
import type { EventName, HoldfastEvents } from '../../events.ts'
import type { Json } from '../../journal/lines.ts'
import { plainWord } from '../../scrub/plain-word.ts'
import type { Boundary } from '../boundary/boundary.ts'
import type { Connectivity } from '../lanes/connectivity.ts'
import type { Reads } from '../reads/reads.ts'
import type { Tidying } from '../stored/tidying.ts'
import type { Flushes } from '../life/flushes.ts'
import type { WakeWatch } from '../life/wake-watch.ts'

export interface EventPublisherParts {
  readonly boundary: Boundary
  readonly reads: Reads
  readonly tidying: Tidying
  readonly flushes: Flushes
  readonly wakeWatch: WakeWatch
  readonly connectivity: Connectivity
  /** Hears every event, after what caused it has been dealt with. */
  readonly onEvent: <Name extends EventName>(name: Name, detail: HoldfastEvents[Name]) => void
  /** Called after each thing that changed what `status()` shows. */
  readonly onChange: () => void
  /** At once: what was shown is out of date. */
  readonly outdate: () => void
}

export class EventPublisher {
  readonly #parts: EventPublisherParts
  #isChangeDue = false
  /** Something has changed that the app has not been told of. */
  #isUntold = false

  constructor(parts: EventPublisherParts) {
    this.#parts = parts
  }

  report<Name extends EventName>(name: Name, detail: HoldfastEvents[Name]): void {
    const { boundary, reads, tidying } = this.#parts
    boundary.decide(() => ({ out: 'event', name, detail: eventDetail(detail) }))
    this.statusChanged()
    reads.hear(name, detail)
    tidying.hear(name)
    boundary.afterwards(() => this.#parts.onEvent(name, detail))
  }

  machineFailed(thrown: unknown): void {
    const error = new HoldfastError('INTERNAL', 'a machine failed; this is a bug in holdfast', {
      cause: thrown,
    })
    this.report('error', { error })
  }

  /** What `status()` shows has changed. */
  statusChanged(): void {
    this.#parts.outdate()
    this.#isUntold = true
    if (this.#isChangeDue) return
    this.#isChangeDue = true
    this.#parts.boundary.lastly(this.#changed)
  }

  readonly #changed = (): void => {
    const { boundary, flushes, wakeWatch, connectivity } = this.#parts
    this.#isChangeDue = false
    flushes.check()
    connectivity.look()
    wakeWatch.look()
    boundary.afterwards(this.#tell)
  }

  readonly #tell = (): void => {
    // It may have been told of this change together with the one before.
    if (!this.#isUntold) return
    this.#isUntold = false
    this.#parts.onChange()
  }
}

/** An event as it stands in a journal: of an error only its code. */
function eventDetail(detail: object): Json {
  if (!('error' in detail)) return detail as Json
  const { error, ...rest } = detail as {
    readonly error: { readonly code: string | null } | null
  }
  return { ...rest, code: plainWord(error?.code) }
}
