/**
 * Stores the changes that follow from a change of identity. The new identity is true since the call, so storing is
 * repeated until it succeeds. Each try makes the changes anew from the current state, so none undoes a later one (I1).
 */
import type { Answer, Change } from '../../../storage/changes.ts'
import type { UserId } from '../../model.ts'
import type { Wallet } from '../tokens/wallet.ts'
import type { Context } from '../context.ts'
import { notStored } from '../stored/storage-errors.ts'

export interface IdentityStoreParts {
  readonly context: Context
  readonly wallet: Wallet
}

export class IdentityStore {
  readonly #context: Context
  readonly #parts: IdentityStoreParts

  constructor(parts: IdentityStoreParts) {
    this.#parts = parts
    this.#context = parts.context
  }

  commitAtLast(changes: () => readonly Change[], then: (answers: readonly Answer[]) => void): void {
    const { store, report } = this.#context
    const failed = (cause: Error) =>
      report('error', { error: notStored(cause, 'a change of identity was not stored yet') })
    store.commitAtLast(changes, {}, failed, then)
  }

  /** The change that stores the current user. */
  identity(): Change {
    return { change: 'identity', user: this.#context.pilot.user }
  }

  /** The change that stores whether this user has logged out with pending operations. */
  leave(user: UserId): Change {
    return { change: 'leave', user, leaving: this.#parts.wallet.isLeaving(user) }
  }
}
