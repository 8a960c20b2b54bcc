/** What the wallet knows of one user's token. */
import { HoldfastError } from '../../errors.ts'
import type { Instant, UserId } from '../../model.ts'
import { Token, type TokenFacts } from './token.ts'
import { SerialQueue } from './serial-queue.ts'

export interface WalletEntry {
  readonly user: UserId
  /** Null where only storage knew it, and no vault could bring it back. */
  token: Token | null
  generation: number
  /** As storage counts it: from 0 again for whoever is forgotten (I12). */
  epoch: number
  /** Grows with every end of a session: what was begun before belongs to a former one (T11). */
  session: number
  /** How many tokens have become the current one: an answer of the source to an older state is not used (T6). */
  arrivalCount: number
  /** The generation whose time had not come, and whether it has come since (T9). */
  early: { readonly generation: number; readonly isOver: boolean } | null
  /** How many of these ends were decided here: storage has them behind whatever was on its way. */
  endCount: number
  refused: boolean
  /** The last generation that was refused: one that is accepted later ends the count of refusals (T8). */
  refusedGeneration: number
  fingerprint: string | null
  /** The tokens before the current one, the newest first: a server may still speak of them (E6). Never saved. */
  formerTokens: readonly Token[]
  /** Of those that were refused last: one that comes again is no newer than what came since (T2). */
  refusedTokens: readonly string[]
  expiresAt: Instant | null
  /** From when on a send asks for the next one (T9). */
  refreshAt: Instant | null
  /** True if the user has logged out, and the session ends once nothing of theirs is pending (T11). */
  leaving: boolean
  /** How many changes of `leaving` are on their way into storage: until then storage does not know better. */
  leavingUnstored: number
  /** Logged out with `discard`: what is still in flight goes too, once its outcome is known (I7). */
  discarding: boolean
  /** The first 401 since a token was last accepted (T8). */
  firstRefusal: HoldfastError | null
  /** Tokens that were handed in wait for the one before them to be stored. */
  readonly storing: SerialQueue
}

/** As a journal's summary has it: of a token only what may be known. */
export interface SavedEntry extends Omit<
  WalletEntry,
  'token' | 'formerTokens' | 'firstRefusal' | 'storing'
> {
  readonly token: TokenFacts | null
  readonly hasRefusal: boolean
}

export function newEntry(user: UserId): WalletEntry {
  return {
    user,
    token: null,
    generation: 0,
    epoch: 0,
    session: 0,
    arrivalCount: 0,
    early: null,
    endCount: 0,
    refused: false,
    refusedGeneration: 0,
    fingerprint: null,
    formerTokens: [],
    refusedTokens: [],
    expiresAt: null,
    refreshAt: null,
    leaving: false,
    leavingUnstored: 0,
    discarding: false,
    firstRefusal: null,
    storing: new SerialQueue(),
  }
}

/** So many tokens before the current one are remembered. */
const MOST_FORMER = 4

/** The former tokens of a user, once another one takes the place of the current one. */
export function withFormer({ token, formerTokens }: WalletEntry): readonly Token[] {
  return token === null ? formerTokens : [token, ...formerTokens].slice(0, MOST_FORMER)
}

export function saveEntry({
  token,
  formerTokens: _formerTokens,
  firstRefusal,
  storing: _storing,
  ...facts
}: WalletEntry): SavedEntry {
  return { ...facts, token: token?.facts ?? null, hasRefusal: firstRefusal !== null }
}

export function resumeEntry(entry: WalletEntry, saved: SavedEntry): void {
  const { user, token, hasRefusal, ...facts } = saved
  Object.assign(entry, facts, {
    token: token === null ? null : new Token('', token),
    firstRefusal: hasRefusal ? refusalOf(user, facts.generation) : null,
  })
}

export function refusalOf(user: UserId, generation: number): HoldfastError {
  return new HoldfastError(
    'AUTH_TOKEN_REFUSED',
    `the server answered 401 to generation ${generation} of ${user}`,
  )
}
