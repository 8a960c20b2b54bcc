/** The end of a user's session: the token goes, and what is to be dropped is marked (I7, T11). */
import type { UserId } from '../../model.ts'
import type { Wallet } from '../tokens/wallet.ts'
import type { DiscardedLanes } from './discarded-lanes.ts'
import type { IdentityStore } from './identity-store.ts'
import type { StoredTogether } from './stored-together.ts'

export class EndSession {
  readonly #wallet: Wallet
  readonly #store: IdentityStore
  readonly #discardedLanes: DiscardedLanes

  constructor(wallet: Wallet, store: IdentityStore, discardedLanes: DiscardedLanes) {
    this.#wallet = wallet
    this.#store = store
    this.#discardedLanes = discardedLanes
  }

  end(user: UserId, then: () => void): void {
    this.#carryOut(this.of(user), then)
  }

  /** Nothing of a user who has logged out is left: this session ends, unless another process has ended it already. */
  ended(user: UserId, then: () => void): void {
    this.#carryOut(this.of(user, this.#wallet.epoch(user)), then)
  }

  /** Ends the session, and says what is to be stored of it. `epoch`: only the session of this one. */
  of(user: UserId, epoch?: number): StoredTogether {
    const { stored } = this.#wallet.end(user)
    return {
      changes: () => [
        this.#discardedLanes.change(user),
        this.#store.identity(),
        { change: 'endSession', user, ...(epoch === undefined ? {} : { epoch }) },
      ],
      stored: () => {
        stored()
        this.#discardedLanes.marked(user)
      },
    }
  }

  #carryOut({ changes, stored }: StoredTogether, then: () => void): void {
    this.#store.commitAtLast(changes, (answers) => {
      stored(answers)
      then()
    })
  }
}
