/**
 * Takes over tokens from storage: at the start, and after another process has stored a token (Q17). The vault opens
 * the tokens that it has sealed.
 */
import { alarmOf } from '../alarms.ts'
import type { TokenRow } from '../../../storage/rows.ts'
import type { OpenedState } from '../../../storage/storage.ts'
import type { Context } from '../context.ts'
import type { Holds } from '../holds/holds.ts'
import { SERIES, waitOf } from '../backoff.ts'
import { HoldfastError, VaultUnreadableError } from '../../errors.ts'
import { rebuilt } from '../../scrub/rebuilt.ts'
import { codeIn } from '../../thrown.ts'
import { unsealed } from './seal.ts'
import { type Token, tokenWithoutSecret } from './token.ts'
import type { TokenReader } from './token-reader.ts'
import type { Wallet } from './wallet.ts'

/** The cause of the hold that ends with the answer of the vault. */
export const VAULT_IS_OPENING = 'the vault has not given back the token yet'

export interface StoredTokensParts {
  readonly context: Context
  readonly wallet: Wallet
  readonly holds: Holds
  readonly tokenReader: TokenReader
}

export class StoredTokens {
  readonly #parts: StoredTokensParts

  constructor(parts: StoredTokensParts) {
    this.#parts = parts
  }

  /** The tokens of the start. */
  restore(rows: readonly TokenRow[]): void {
    const { context, wallet, holds } = this.#parts
    const { boundary, settings } = context
    for (const row of rows) {
      wallet.remember(row, null)
      // A token that was refused is never sent again (T4).
      if (row.sealed === null || row.refused || !settings.hasVault) continue
      holds.setOnOwner(row.user, 'awaiting-token', VAULT_IS_OPENING)
      // This runs in the turn in which the app listens: an answer may be an error.
      boundary.nextTurn(() => this.#unseal(row, 1))
    }
  }

  /**
   * Takes over the tokens of newer generations that another process stored. They reach this process through the vault
   * (Q17).
   */
  readonly heard = ({ tokens }: OpenedState): void => {
    const { context, wallet, holds } = this.#parts
    wallet.heard(tokens)
    for (const row of tokens) {
      const { user, generation, epoch, refused } = row
      // The end of that session is on its way into storage (T11).
      if (epoch < wallet.epoch(user)) continue
      wallet.heardLeaving(row)
      if (generation <= wallet.generation(user) && epoch <= wallet.epoch(user)) {
        this.#heardRefusal(row)
        continue
      }
      const hasEnded = epoch > wallet.epoch(user)
      const isSealed = row.sealed !== null && context.settings.hasVault
      // A token that this process stored after the end belongs to the session that followed.
      const own = wallet.tokenOf(row)
      wallet.remember(row, own)
      if (hasEnded) wallet.sessionEnded.tell(user)
      // The lanes of the user must not go on as if there were a token.
      if (own === null && (hasEnded || (!isSealed && !refused))) {
        context.pilot.token(user, {
          type: 'token.lost',
          reason: hasEnded ? 'missing' : 'elsewhere',
        })
      }
      if (own !== null || !isSealed) continue
      holds.setOnOwner(user, 'awaiting-token', VAULT_IS_OPENING)
      this.#unseal(row, 1)
    }
  }

  /**
   * The server may have refused the token in the process that dispatches, or in an earlier process that did so (T4).
   */
  #heardRefusal(row: TokenRow): void {
    const { context, wallet } = this.#parts
    if (!row.refused || !wallet.isCurrent(row)) return
    const { user, generation } = row
    if (context.phase.dispatches) wallet.refused(user, generation)
    else wallet.refusedElsewhere(user, generation)
  }

  #unseal(row: TokenRow, round: number): void {
    const { context, wallet, tokenReader } = this.#parts
    const { boundary, pilot } = context
    const { user } = row
    boundary.ask<Token>(
      {
        name: 'unseal',
        args: () => ({ user, generation: row.generation }),
        codec: {
          write: (token) => token.toJSON(),
          read: (json) => tokenWithoutSecret(json as unknown as Token['facts']),
        },
        put: () => unsealed(context, row, tokenReader.read),
      },
      (answer) => {
        if (answer.ok || !wallet.isStillSealed(row)) {
          if (answer.ok) wallet.unsealed(row, answer.value)
          pilot.token(user, { type: 'vault.answered' })
          return
        }
        this.#vaultFailed(row, round, answer.error)
      },
    )
  }

  #vaultFailed(row: TokenRow, round: number, failure: Error): void {
    const { context, wallet } = this.#parts
    const { boundary, report, pilot } = context
    const { user } = row
    const cause = rebuilt(failure, wallet.knownTokens(user))
    // By its code: the error may be of another copy of this module, or of another realm.
    if (codeIn(failure) === 'AUTH_VAULT_UNREADABLE') {
      pilot.token(user, { type: 'token.lost', reason: 'unreadable' })
      const what = `the sealed token of ${user} cannot be opened`
      report('error', { error: new VaultUnreadableError(what, cause, user) })
      pilot.token(user, { type: 'vault.answered' })
      return
    }
    const message = `the vault could not give back the token of ${user}; it is tried again`
    const options = { cause, retryable: true, user }
    report('error', { error: new HoldfastError('AUTH_VAULT_UNAVAILABLE', message, options) })
    boundary.arm(alarmOf('vault', user), waitOf(SERIES.vault, round), () =>
      this.#unseal(row, round + 1),
    )
  }
}
