/**
 * Keeps why the last refresh of each user's token failed, for `status()` (Q22): a developer who asks why nothing is sent
 * looks there first. The failures decide nothing, and no summary of a journal has them.
 */
import type { EventName, HoldfastEvents } from '../../events.ts'
import type { UserId } from '../../model.ts'
import { toldError } from '../../told-error.ts'
import type { Boundary } from '../boundary/boundary.ts'
import type { TokenFailure } from '../status.ts'

export class TokenFailures {
  readonly #boundary: Boundary
  readonly #last = new Map<UserId, TokenFailure>()

  constructor(boundary: Boundary) {
    this.#boundary = boundary
  }

  readonly hear = <Name extends EventName>(name: Name, detail: HoldfastEvents[Name]): void => {
    if (name === 'token.updated') {
      this.forget((detail as HoldfastEvents['token.updated']).user)
    } else if (name === 'token.refreshFailed') {
      const { user, error } = detail as HoldfastEvents['token.refreshFailed']
      const { code, reason } = toldError(error)
      this.#last.set(user, Object.freeze({ at: this.#boundary.wall, code, reason }))
    }
  }

  readonly forget = (user: UserId): void => {
    this.#last.delete(user)
  }

  /** Null: no refresh has failed since the last new token. */
  of(user: UserId): TokenFailure | null {
    return this.#last.get(user) ?? null
  }
}
