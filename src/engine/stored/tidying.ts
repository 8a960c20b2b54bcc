/** After a large drain the file can shrink: then storage is asked to look. */
import type { EventName } from '../../events.ts'
import type { Store } from './store.ts'

/** So many operations settled make it worth while. */
const LARGE_DRAIN = 1000

export interface TidyingParts {
  readonly store: Store
}

export class Tidying {
  readonly #parts: TidyingParts
  /** Operations settled since the file was last tidied, also in a journal that begins later. */
  settledCount = 0

  constructor(parts: TidyingParts) {
    this.#parts = parts
  }

  /** Hears every event. */
  readonly hear = (name: EventName): void => {
    if (name === 'operation.completed' || name === 'operation.dropped') this.settledCount += 1
    if (name !== 'queue.drained' || this.settledCount < LARGE_DRAIN) return
    this.settledCount = 0
    this.#parts.store.tidy()
  }
}
