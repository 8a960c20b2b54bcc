/** Keeps the last errors that the app was told of, for a report. Texts alone: no error, no cause and no stack is held. */
import type { HoldfastEvents } from '../events.ts'
import type { Instant } from '../model.ts'
import { type ToldError, toldError } from '../told-error.ts'

/** So many errors are kept: enough to see a repetition, and what came before it. */
const MOST_ERRORS = 20

export interface RecentError extends ToldError {
  /** When the engine dealt with what led to it. */
  readonly at: Instant
}

export class RecentErrors {
  readonly #now: () => Instant
  #kept: readonly RecentError[] = []

  constructor(now: () => Instant) {
    this.#now = now
  }

  readonly hear = ({
    error,
  }: HoldfastEvents['error'] | HoldfastEvents['token.refreshFailed']): void => {
    const told = { at: this.#now(), ...toldError(error) }
    this.#kept = [...this.#kept, told].slice(-MOST_ERRORS)
  }

  /** The oldest first. */
  all(): readonly RecentError[] {
    return this.#kept
  }
}
