/**
 * Takes a token that was handed in, and makes it the current generation: first in storage, then in the wallet, then
 * in the token machine. A token that says nothing new, or whose session has ended, changes nothing.
 */
import type { Context } from '../context.ts'
import { HoldfastError } from '../../errors.ts'
import type { Instant, UserId } from '../../model.ts'
import { seal } from './seal.ts'
import { spanOf } from './span.ts'
import { mismatchOf } from './subject.ts'
import type { Token } from './token.ts'
import { type WalletEntry, withFormer } from './wallet-entry.ts'

/** The result for a token that was handed in (T2). */
export type TokenAcceptance =
  | { readonly result: 'new'; readonly generation: number }
  /** It is the current token, and no refusal of it is known. */
  | { readonly result: 'current' }
  /** It is a token that the server refused. */
  | { readonly result: 'refused' }
  /** A newer token has arrived since the source was asked for this token (T6). */
  | { readonly result: 'overtaken' }
  /** Its session has ended (T11). */
  | { readonly result: 'sessionEnded' }
  | { readonly result: 'failed'; readonly error: Error }

/** A token as it will be stored; `epoch`: the epoch that it is sealed for. */
interface SealedToken {
  readonly token: Token
  readonly sealed: Uint8Array | null
  readonly epoch: number
}

export interface AcceptTokenParts {
  readonly context: Context
  /** The corrected time by which tokens expire. */
  readonly now: () => Instant
  /** Tells the machine of the user's token. */
  readonly tellOf: (user: UserId) => void
}

export class AcceptToken {
  readonly #parts: AcceptTokenParts

  constructor(parts: AcceptTokenParts) {
    this.#parts = parts
  }

  /**
   * Takes the token after the tokens handed in before it. `since`: the token counts only if no more than this number
   * of tokens have arrived (T6).
   */
  accept(
    entry: WalletEntry,
    token: Token,
    then: (acceptance: TokenAcceptance) => void,
    since: number | null = null,
  ): void {
    const { session, storing } = entry
    storing.whenIdle(() => {
      if (since !== null && since !== entry.arrivalCount) {
        then({ result: session === entry.session ? 'overtaken' : 'sessionEnded' })
        return
      }
      storing.begin()
      this.#accept(entry, session, token, (acceptance) => storing.done(() => then(acceptance)))
    })
  }

  #accept(
    entry: WalletEntry,
    session: number,
    token: Token,
    then: (acceptance: TokenAcceptance) => void,
  ): void {
    const { user } = entry
    if (session !== entry.session) {
      then({ result: 'sessionEnded' })
      return
    }
    const mismatch = mismatchOf(user, token, this.#parts.context.settings.subjectClaim)
    if (mismatch !== null) {
      then({ result: 'failed', error: mismatch })
      return
    }
    const known = this.#isKnown(entry, token)
    if (known !== null) {
      then({ result: known })
      return
    }
    this.#seal(entry, session, token, entry.epoch, then)
  }

  /**
   * Seals the token for the row that it will be in. So that row must still be the next one when the token is stored
   * (E6).
   */
  #seal(
    entry: WalletEntry,
    session: number,
    token: Token,
    epoch: number,
    then: (acceptance: TokenAcceptance) => void,
  ): void {
    const generation = entry.generation + 1
    seal(this.#parts.context, { user: entry.user, generation, epoch }, token, (sealed) => {
      if (session !== entry.session) then({ result: 'sessionEnded' })
      // Another process has stored a token meanwhile.
      else if (generation !== entry.generation + 1) this.#accept(entry, session, token, then)
      else this.#store(entry, session, { token, sealed, epoch }, then)
    })
  }

  /** Tells whether the token is known (T2): a refused token changes nothing, the valid token says nothing new. */
  #isKnown(entry: WalletEntry, token: Token): 'current' | 'refused' | null {
    const { fingerprint } = token.facts
    // If this is an older token that was refused, the current token may still work.
    const isAnyValid = !entry.refused && entry.token !== null
    if (entry.refusedTokens.includes(fingerprint)) return isAnyValid ? 'current' : 'refused'
    if (fingerprint !== entry.fingerprint) return null
    if (entry.refused) return 'refused'
    const isExpired = entry.expiresAt !== null && entry.expiresAt <= this.#parts.now()
    return entry.token === null || isExpired ? null : 'current'
  }

  #store(
    entry: WalletEntry,
    session: number,
    { token, sealed, epoch }: SealedToken,
    then: (acceptance: TokenAcceptance) => void,
  ): void {
    const { context, now, tellOf } = this.#parts
    const { user, generation: expected, endCount } = entry
    const generation = expected + 1
    const { expiresAt, refreshAt } = spanOf(token.facts, now())
    const { fingerprint } = token.facts
    // The change leaves `leaving` out: a token does not end it, and another process may know better (T11).
    context.store.commit(
      [
        {
          change: 'token',
          user,
          expected,
          ...(sealed === null ? {} : { epoch }),
          generation,
          fingerprint,
          expiresAt,
          refreshAt,
          sealed,
        },
      ],
      {},
      (answer) => {
        const [stored] = answer.ok ? answer.value : []
        const found = stored?.applied === false ? stored.stored : undefined
        // Another process has ended the session, and this process has not heard of it yet: the token belongs to the
        // session that followed.
        if (found?.generation === expected && found.epoch !== epoch && session === entry.session) {
          this.#seal(entry, session, token, found.epoch, then)
          return
        }
        if (!answer.ok || stored?.applied !== true) {
          const moved = new HoldfastError(
            'STORAGE_BUSY',
            `another process stored a token of ${user} at the same time`,
            { retryable: true, user },
          )
          then({ result: 'failed', error: answer.ok ? moved : answer.error })
          return
        }
        // The next generation is counted from this generation, even if nothing else of the token is kept.
        entry.generation = generation
        // An end of a session that another process decided is heard of in the order of storage, so it was before this
        // change. `endCount` counts only the ends decided here.
        if (endCount !== entry.endCount) {
          then({ result: 'sessionEnded' })
          return
        }
        const formerTokens = withFormer(entry)
        Object.assign(entry, { token, refused: false, fingerprint, expiresAt, refreshAt })
        entry.formerTokens = formerTokens
        entry.arrivalCount += 1
        context.report('token.updated', { user, generation })
        tellOf(user)
        then({ result: 'new', generation })
      },
    )
  }
}
