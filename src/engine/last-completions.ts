/**
 * Keeps when an operation of each owner was last completed, for `status()` (Q22): the stored times, and after them the
 * times of this process. The times decide nothing: no part of the engine reads them, and no summary of a journal has
 * them.
 */
import type { OpenedState } from '../../storage/storage.ts'
import type { EventName, HoldfastEvents } from '../events.ts'
import type { Instant, UserId } from '../model.ts'
import type { Boundary } from './boundary/boundary.ts'

export interface LastCompletionsParts {
  readonly boundary: Boundary
}

export class LastCompletions {
  readonly #boundary: Boundary
  #stored: ReadonlyMap<UserId | null, Instant> = new Map()
  /** The completions of this process: exact, and newer than what is stored, because one process dispatches (Q17). */
  readonly #own = new Map<UserId | null, Instant>()

  constructor({ boundary }: LastCompletionsParts) {
    this.#boundary = boundary
  }

  readonly hear = <Name extends EventName>(name: Name, detail: HoldfastEvents[Name]): void => {
    if (name !== 'operation.completed') return
    const { user } = detail as HoldfastEvents['operation.completed']
    this.#own.set(user, this.#boundary.wall)
  }

  /** All of the stored state was read: an owner that is not in it was forgotten, perhaps by another process (I12). */
  readonly read = ({ owners = [] }: OpenedState): void => {
    this.#stored = new Map(owners.map(({ user, lastCompletedAt }) => [user, lastCompletedAt]))
    for (const user of this.#own.keys()) if (!this.#stored.has(user)) this.#own.delete(user)
  }

  readonly forget = (user: UserId): void => {
    this.#own.delete(user)
    this.#stored = new Map(Array.from(this.#stored).filter(([owner]) => owner !== user))
  }

  /** By owner. */
  all(): ReadonlyMap<UserId | null, Instant> {
    return new Map([...this.#stored, ...this.#own])
  }
}
