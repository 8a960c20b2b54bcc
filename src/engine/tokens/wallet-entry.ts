/** The wallet's entry for one user: the token, and the facts about it. */
import type { TokenRow } from '../../../storage/rows.ts'
import { HoldfastError } from '../../errors.ts'
import type { Instant, UserId } from '../../model.ts'
import { Token, type TokenFacts } from './token.ts'
import { SerialQueue } from './serial-queue.ts'

export interface WalletEntry {
  readonly user: UserId
  /** Null if only storage has the token, and no vault has given it back. */
  token: Token | null
  generation: number
  /** The epoch as storage counts it: after `forget(user)` it begins at 0 again (I12). */
  epoch: number
  /** Grows with every end of a session: work that began before belongs to a former session (T11). */
  session: number
  /** How many tokens have become the current one: an answer of the source to an older count is not used (T6). */
  arrivalCount: number
  /** The generation that was sent before its time, and whether that time has come since (T9). */
  early: { readonly generation: number; readonly isOver: boolean } | null
  /**
   * How many ends of a session were decided in this process: storage has them behind every change that was on its
   * way.
   */
  endCount: number
  refused: boolean
  /**
   * The last generation that was refused. The first acceptance of a later generation ends the count of refusals (T8).
   */
  refusedGeneration: number
  fingerprint: string | null
  /** The tokens before the current one, the newest first: a server may still speak of them (E6). Never saved. */
  formerTokens: readonly Token[]
  /**
   * The fingerprints of the tokens refused last. If such a token comes again, it is not newer than the tokens that
   * came since (T2).
   */
  refusedTokens: readonly string[]
  expiresAt: Instant | null
  /** From this instant on, a send asks for the next token (T9). */
  refreshAt: Instant | null
  /** True if the user has logged out with operations pending: the session ends when none is left (T11). */
  leaving: boolean
  /**
   * How many changes of `leaving` are on their way into storage. Until they are stored, the stored value is older
   * than the value here.
   */
  leavingUnstored: number
  /**
   * True if the user logged out with `discard`: an operation in flight is discarded too, once its outcome is known
   * (I7).
   */
  discarding: boolean
  /** The first 401 since a token was last accepted (T8). */
  firstRefusal: HoldfastError | null
  /** Here a token that was handed in waits until the token before it is stored. */
  readonly storing: SerialQueue
}

/** An entry as a journal's summary has it: of a token only its facts, never the secret. */
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

/** Most tokens before the current one that are remembered. */
const MOST_FORMER = 4

/** The former tokens of a user, after another token has taken the place of the current one. */
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
    { user },
  )
}

/**
 * True if a user without a token was forgotten in another process: storage has a lower epoch, and no end of a session
 * is being stored.
 */
export function isOfAnotherEpoch(
  { epoch, storing }: WalletEntry,
  row: TokenRow | undefined,
): boolean {
  return storing.isIdle && (row?.epoch ?? 0) < epoch
}

/** True if storage has no such generation, or another token of it: a generation has only one token. */
export function isOfAnotherTime(
  { generation, fingerprint }: WalletEntry,
  row: TokenRow | undefined,
): boolean {
  if (row === undefined || row.generation < generation) return true
  const isSame = fingerprint === null || row.fingerprint === null || row.fingerprint === fingerprint
  return row.generation === generation && !isSame
}
