/**
 * A token that is handed in becomes the current generation: first in storage, then in the wallet, then
 * for the machine. One that says nothing new, or whose session has ended meanwhile, changes nothing.
 */
import type { Context } from '../context.ts'
import { HoldfastError } from '../../errors.ts'
import type { Instant, UserId } from '../../model.ts'
import { seal } from './seal.ts'
import { spanOf } from './span.ts'
import { mismatchOf } from './subject.ts'
import type { Token } from './token.ts'
import { type WalletEntry, withFormer } from './wallet-entry.ts'

/** What became of a token that was handed in (T2). */
export type TokenAcceptance =
  | { readonly result: 'new'; readonly generation: number }
  /** It is the current one, and works as far as anybody knows. */
  | { readonly result: 'current' }
  /** It is one that the server refused. */
  | { readonly result: 'refused' }
  /** A newer one has arrived since the source was asked for it (T6). */
  | { readonly result: 'overtaken' }
  /** The session it was meant for has ended meanwhile (T11). */
  | { readonly result: 'sessionEnded' }
  | { readonly result: 'failed'; readonly error: Error }

/** A token as it is to be stored; `epoch`: the one that it is sealed for. */
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

  /** After those handed in before it. `since`: only if no more tokens have arrived than these (T6). */
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

  /** It is sealed for the row that it will be in, so the row must be that one when it is stored (E6). */
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

  /** T2: a refused one changes nothing, the valid one says nothing new. */
  #isKnown(entry: WalletEntry, token: Token): 'current' | 'refused' | null {
    const { fingerprint } = token.facts
    // An older one that was refused: there may be a current one that works.
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
    // Nothing is said of `leaving`: a token ends no leaving, and another process may know better (T11).
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
        // The session has ended elsewhere, which is not heard of yet: the token is of the one that followed.
        if (found?.generation === expected && found.epoch !== epoch && session === entry.session) {
          this.#seal(entry, session, token, found.epoch, then)
          return
        }
        if (!answer.ok || stored?.applied !== true) {
          const moved = new HoldfastError(
            'STORAGE_BUSY',
            `another process stored a token of ${user} at the same time`,
            { retryable: true },
          )
          then({ result: 'failed', error: answer.ok ? moved : answer.error })
          return
        }
        // The next generation is counted from this one, though nothing else is left of it.
        entry.generation = generation
        // An end that was decided elsewhere is heard of in the order of storage: it was before this.
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
