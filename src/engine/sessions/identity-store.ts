/**
 * Storing what a change of identity changes. It is true since the call, so storing it is repeated until
 * it succeeds; the changes say what is true at each try, so none undoes a later one (I1).
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

  /** Who is logged in now. */
  identity(): Change {
    return { change: 'identity', user: this.#context.pilot.user }
  }

  /** Whether this user has logged out with something pending. */
  leave(user: UserId): Change {
    return { change: 'leave', user, leaving: this.#parts.wallet.isLeaving(user) }
  }
}
