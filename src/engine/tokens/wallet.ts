/**
 * The tokens in memory, one per user, and the stored facts of each. A change of a token reaches storage first, then
 * the wallet, then the token machine.
 */
import type { TokenEvent } from '../../../machines/token.machine.ts'
import type { TokenRow } from '../../../storage/rows.ts'
import { withRefused } from '../../../storage/with-refused.ts'
import type { Credential } from '../sending/attempt.ts'
import type { Context } from '../context.ts'
import type { HoldfastError } from '../../errors.ts'
import type { Instant, UserId } from '../../model.ts'
import { Signal } from '../events/signal.ts'
import { ServerClock } from './server-clock.ts'
import { type TokenAcceptance, AcceptToken } from './accept-token.ts'
import type { Token } from './token.ts'
import {
  isOfAnotherEpoch,
  isOfAnotherTime,
  newEntry,
  refusalOf,
  resumeEntry,
  type SavedEntry,
  saveEntry,
  type WalletEntry,
  withFormer,
} from './wallet-entry.ts'

/**
 * Longest time until a token's `notBefore` for which its lanes wait. If it is further away, a 401 counts as a refusal
 * like any other (T9): no clock is that wrong.
 */
const MOST_EARLY_MS = 600_000

/** The wallet as a journal's summary has it. */
export interface SavedWallet {
  readonly offsetMs: number
  readonly entries: readonly SavedEntry[]
}

export interface WalletParts {
  readonly context: Context
}

export class Wallet {
  readonly clock = new ServerClock()
  /** Told when the session of a user ends. */
  readonly sessionEnded = new Signal<UserId>()
  /** Told after the machine of a user has heard of a token. */
  readonly arrived = new Signal<{ readonly user: UserId; readonly generation: number }>()
  /** Told after a user was forgotten (I12). */
  readonly forgotten = new Signal<UserId>()
  readonly #context: Context
  readonly #acceptToken: AcceptToken
  readonly #entries = new Map<UserId, WalletEntry>()

  constructor(parts: WalletParts) {
    this.#context = parts.context
    this.#acceptToken = new AcceptToken({
      context: parts.context,
      now: () => this.now(),
      tellOf: (user) => this.#tellOf(user),
    })
  }

  /**
   * The vault has given back the token of this row: it is remembered, unless the session has ended or a newer token
   * has come.
   */
  unsealed(row: TokenRow, token: Token): void {
    if (this.isStillSealed(row)) this.remember({ ...row, leaving: this.isLeaving(row.user) }, token)
  }

  /**
   * True if this row is current for its user, and the text of the token is not known. The first token after
   * `forget()` has the generation and epoch of the token before, but its text is known (I12).
   */
  isStillSealed(row: TokenRow): boolean {
    return this.isCurrent(row) && this.#entry(row.user).token === null
  }

  /** True if this row has the current generation and epoch of the user's token. */
  isCurrent({ user, generation, epoch }: TokenRow): boolean {
    return generation === this.generation(user) && epoch === this.epoch(user)
  }

  /** The token of this row, if the app or the source handed it in to this process; else null. */
  tokenOf({ user, generation, fingerprint }: TokenRow): Token | null {
    const entry = this.#entries.get(user)
    const isSame = entry?.generation === generation && entry.fingerprint === fingerprint
    return isSame ? entry.token : null
  }

  /** Takes over the facts of a row from storage. `token`: the token itself, null if it is not known. */
  remember(row: TokenRow, token: Token | null): void {
    const entry = this.#entry(row.user)
    const { generation, epoch, refused, fingerprint, expiresAt, refreshAt, leaving } = row
    const known = { generation, epoch, refused, fingerprint, expiresAt, refreshAt }
    if (entry.leavingUnstored === 0) entry.leaving = leaving
    if (epoch !== entry.epoch) entry.session += 1
    entry.formerTokens = withFormer(entry)
    Object.assign(entry, known, { token, refusedTokens: row.refusedTokens ?? [] })
    if (token !== null) entry.arrivalCount += 1
    if (refused) {
      entry.firstRefusal ??= refusalOf(row.user, generation)
      entry.refusedGeneration = generation
    }
    this.#tellOf(row.user)
  }

  /** The event that tells a new machine of this user's token; null: there is no token to tell of. */
  arrival(user: UserId): Extract<TokenEvent, { type: 'token.arrived' }> | null {
    const entry = this.#entries.get(user)
    if (entry === undefined || (entry.token === null && !entry.refused)) return null
    const { generation, expiresAt, refreshAt, refused } = entry
    return { type: 'token.arrived', generation, expiresAt, refreshAt, refused }
  }

  /** The token that a request may carry. Under `required`, a token that is known to be refused never goes out. */
  credential(user: UserId): Credential | null {
    const entry = this.#entries.get(user)
    if (entry === undefined || entry.token === null || entry.refused) return null
    return { token: entry.token, generation: entry.generation }
  }

  /**
   * The tokens of a user that a server or an error may quote: the sent token, the current token, former tokens (E6).
   */
  knownTokens(user: UserId | null, sent: Credential | null = null): readonly string[] {
    const entry = user === null ? undefined : this.#entries.get(user)
    const known = [sent?.token, entry?.token, ...(entry?.formerTokens ?? [])]
    return known.flatMap((token) => token?.reveal() ?? [])
  }

  /**
   * The last check before a request leaves, a write or a read: under `required` it carries a token of its user (E6,
   * I5). False: the request must not leave.
   */
  mayLeave(user: UserId | null): boolean {
    if (this.#context.pilot.requirement !== 'required') return true
    return user !== null && this.credential(user) !== null
  }

  /** True if the user has a token that is not refused, and whose end is not near. Then it is sent as it is (T9). */
  isFresh(user: UserId): boolean {
    const entry = this.#entries.get(user)
    if (entry === undefined || entry.token === null || entry.refused) return false
    const now = this.now()
    return (entry.refreshAt ?? Infinity) > now && (entry.expiresAt ?? Infinity) > now
  }

  generation(user: UserId): number {
    return this.#entries.get(user)?.generation ?? 0
  }

  epoch(user: UserId): number {
    return this.#entries.get(user)?.epoch ?? 0
  }

  /** The number of the user's session. Work that begins now counts only while this number is the same (T11). */
  session(user: UserId): number {
    return this.#entries.get(user)?.session ?? 0
  }

  /** How many tokens of this user have become the current one. */
  arrivalCount(user: UserId): number {
    return this.#entries.get(user)?.arrivalCount ?? 0
  }

  isLeaving(user: UserId): boolean {
    return this.#entries.get(user)?.leaving ?? false
  }

  /** True if a token of this user, or the end of a session, is being stored. */
  isStoring(user: UserId): boolean {
    return this.#entries.get(user)?.storing.isIdle === false
  }

  /** Calls `then` as soon as no token of this user, and no end of a session, is being stored. */
  whenStored(user: UserId, then: () => void): void {
    const entry = this.#entries.get(user)
    if (entry === undefined) then()
    else entry.storing.whenIdle(then)
  }

  /**
   * Takes a token that the app pushed or the source gave, after the tokens handed in before it. `since`: the token
   * counts only if no more than this number of the user's tokens have arrived (T6).
   */
  accept(
    user: UserId,
    token: Token,
    then: (acceptance: TokenAcceptance) => void,
    since?: number,
  ): void {
    this.#acceptToken.accept(this.#entry(user), token, then, since)
  }

  /**
   * If the server answered 401 to this generation because its time has not come yet, the lanes of the user wait for
   * that time, once for each generation (T9). Returns true if they do.
   */
  refusedEarly(user: UserId, generation: number): boolean {
    const entry = this.#entry(user)
    const until = entry.token?.facts.notBefore ?? null
    if (until === null || entry.refused || entry.generation !== generation) return false
    const leftMs = until - this.now()
    const hasWaited = entry.early?.generation === generation && entry.early.isOver
    if (leftMs <= 0 || leftMs > MOST_EARLY_MS || hasWaited) return false
    entry.early = { generation, isOver: false }
    this.#context.pilot.token(user, { type: 'token.early', generation, until })
    return true
  }

  /** The time of the user's token has come. */
  ripened(user: UserId): void {
    const entry = this.#entry(user)
    if (entry.early !== null) entry.early = { ...entry.early, isOver: true }
    this.#context.pilot.token(user, { type: 'token.ripened' })
  }

  /** The server refused this generation, and the refusal has been stored (T4). */
  refused(user: UserId, generation: number, refusal = refusalOf(user, generation)): void {
    if (this.#refuse(user, generation, refusal)) {
      this.#context.pilot.token(user, { type: 'token.refused', generation })
    }
  }

  /**
   * The server refused this generation in another process. This process asks for no token until something needs it
   * (T5).
   */
  refusedElsewhere(user: UserId, generation: number): void {
    const isNews = this.#refuse(user, generation, refusalOf(user, generation))
    if (isNews) this.#tellOf(user)
  }

  #refuse(user: UserId, generation: number, refusal: HoldfastError): boolean {
    const entry = this.#entry(user)
    // If there is no token, its session has ended (T11). A second 401 to a generation says nothing new (T4).
    if (entry.generation !== generation || entry.token === null || entry.refused) return false
    entry.refused = true
    entry.refusedGeneration = generation
    entry.refusedTokens = withRefused(entry.refusedTokens, entry.fingerprint ?? '')
    entry.firstRefusal ??= refusal
    this.#context.report('token.refused', { user, generation })
    return true
  }

  /**
   * The server accepted a request of this generation. The count of refusals starts anew, unless the generation is
   * older than the refusals (T8).
   */
  accepted(user: UserId, generation: number): void {
    const entry = this.#entry(user)
    const { firstRefusal, refusedGeneration } = entry
    const isGood = generation > refusedGeneration && generation <= entry.generation
    if (firstRefusal === null || !isGood) return
    entry.firstRefusal = null
    this.#context.pilot.token(user, { type: 'token.accepted', generation })
  }

  firstRefusal(user: UserId): HoldfastError | null {
    return this.#entries.get(user)?.firstRefusal ?? null
  }

  /** The caller stores the change, and calls `leavingStored()` when it is stored. */
  setLeaving(user: UserId, leaving: boolean): void {
    const entry = this.#entry(user)
    entry.leaving = leaving
    entry.leavingUnstored += 1
  }

  leavingStored(user: UserId): void {
    const entry = this.#entry(user)
    entry.leavingUnstored = Math.max(0, entry.leavingUnstored - 1)
  }

  /** The user has logged out, or come back, in another process (T11). */
  heardLeaving({ user, epoch, leaving }: TokenRow): void {
    const entry = this.#entry(user)
    if (epoch === entry.epoch && entry.leavingUnstored === 0) entry.leaving = leaving
  }

  isDiscarding(user: UserId): boolean {
    return this.#entries.get(user)?.discarding ?? false
  }

  setDiscarding(user: UserId, discarding: boolean): void {
    this.#entry(user).discarding = discarding
  }

  /** Users that have logged out with operations pending. */
  leaving(): readonly UserId[] {
    return [...this.#entries.values()].filter(({ leaving }) => leaving).map(({ user }) => user)
  }

  /**
   * The session ends now. The caller stores the end, and calls `stored` when it is stored. Tokens for the next
   * session that come before that wait for it.
   */
  end(user: UserId): { stored: () => void } {
    const entry = this.#entry(user)
    entry.epoch += 1
    entry.session += 1
    entry.endCount += 1
    entry.storing.begin()
    Object.assign(entry, {
      token: null,
      refused: false,
      refusedGeneration: 0,
      early: null,
      fingerprint: null,
      formerTokens: [],
      refusedTokens: [],
      expiresAt: null,
      refreshAt: null,
      leaving: false,
      firstRefusal: null,
    })
    this.sessionEnded.tell(user)
    this.#context.pilot.token(user, { type: 'token.lost', reason: 'missing' })
    return { stored: () => entry.storing.done(() => undefined) }
  }

  /** The user was forgotten: generation and epoch begin at 0 again (I12). */
  forget(user: UserId): void {
    const entry = this.#entry(user)
    entry.generation = 0
    entry.epoch = 0
    this.forgotten.tell(user)
  }

  /**
   * If storage has no token row for a user, or a row with a lower generation, another process called `forget(user)`:
   * nothing else ever lowers a generation (I12).
   */
  heard(rows: readonly TokenRow[]): void {
    const stored = new Map(rows.map((row) => [row.user, row]))
    for (const entry of Array.from(this.#entries.values())) {
      const row = stored.get(entry.user)
      if (entry.generation === 0) {
        if (isOfAnotherEpoch(entry, row)) this.forget(entry.user)
        continue
      }
      if (!isOfAnotherTime(entry, row)) continue
      const { stored: done } = this.end(entry.user)
      this.forget(entry.user)
      done()
    }
  }

  /** True if no token is on its way into storage. */
  get isIdle(): boolean {
    return [...this.#entries.values()].every(({ storing }) => storing.isIdle)
  }

  /** For a journal that begins here. */
  save(): SavedWallet {
    return {
      offsetMs: this.clock.offsetMs,
      entries: Array.from(this.#entries.values(), saveEntry),
    }
  }

  restore(saved: SavedWallet): void {
    this.clock.offsetMs = saved.offsetMs
    for (const entry of saved.entries) resumeEntry(this.#entry(entry.user), entry)
  }

  /** The corrected time by which tokens expire. */
  now(): Instant {
    return this.clock.now(this.#context.boundary.wall)
  }

  #tellOf(user: UserId): void {
    const arrival = this.arrival(user)
    if (arrival === null) return
    this.#context.pilot.token(user, arrival)
    this.arrived.tell({ user, generation: arrival.generation })
  }

  #entry(user: UserId): WalletEntry {
    const known = this.#entries.get(user)
    if (known !== undefined) return known
    const entry = newEntry(user)
    this.#entries.set(user, entry)
    return entry
  }
}
