/** The end of a user's session: the token goes, and what is to be dropped is marked (I7, T11). */
import type { UserId } from '../../model.ts'
import type { Wallet } from '../../tokens/wallet.ts'
import type { Discards } from './discards.ts'
import type { IdentityStore } from './identity-store.ts'
import type { Storing } from './storing.ts'

export class Endings {
  readonly #wallet: Wallet
  readonly #store: IdentityStore
  readonly #discards: Discards

  constructor(wallet: Wallet, store: IdentityStore, discards: Discards) {
    this.#wallet = wallet
    this.#store = store
    this.#discards = discards
  }

  end(user: UserId, then: () => void): void {
    const { changes, stored } = this.of(user)
    this.#store.commitAtLast(changes, (answers) => {
      stored(answers)
      then()
    })
  }

  /** Ends the session, and says what is to be stored of it. */
  of(user: UserId): Storing {
    const { stored } = this.#wallet.end(user)
    return {
      changes: () => [
        this.#discards.change(user),
        this.#store.identity(),
        { change: 'endSession', user },
      ],
      stored: () => {
        stored()
        this.#discards.marked(user)
      },
    }
  }
}
