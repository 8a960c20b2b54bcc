/** Ends a user's session: removes the token, and marks the operations that must be dropped (I7, T11). */
import type { UserId } from '../../model.ts'
import type { Wallet } from '../tokens/wallet.ts'
import type { DiscardedLanes } from './discarded-lanes.ts'
import type { IdentityStore } from './identity-store.ts'
import type { StoredTogether } from './stored-together.ts'

export interface EndSessionParts {
  readonly wallet: Wallet
  readonly store: IdentityStore
  readonly discardedLanes: DiscardedLanes
}

export class EndSession {
  readonly #parts: EndSessionParts

  constructor(parts: EndSessionParts) {
    this.#parts = parts
  }

  end(user: UserId, then: () => void): void {
    this.#carryOut(this.of(user), then)
  }

  /** A logged-out user has no operations left: this session ends, unless another process has ended it already. */
  ended(user: UserId, then: () => void): void {
    this.#carryOut(this.of(user, this.#parts.wallet.epoch(user)), then)
  }

  /** Ends the session, and returns the changes to store. `epoch`: ends only the session of this epoch. */
  of(user: UserId, epoch?: number): StoredTogether {
    const { stored } = this.#parts.wallet.end(user)
    return {
      changes: () => [
        this.#parts.discardedLanes.change(user),
        this.#parts.store.identity(),
        { change: 'endSession', user, ...(epoch === undefined ? {} : { epoch }) },
      ],
      stored: () => {
        stored()
        this.#parts.discardedLanes.marked(user)
      },
    }
  }

  #carryOut({ changes, stored }: StoredTogether, then: () => void): void {
    this.#parts.store.commitAtLast(changes, (answers) => {
      stored(answers)
      then()
    })
  }
}
