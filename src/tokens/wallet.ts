/**
 * The tokens in memory, one per user, with what is stored of each. Here a token becomes the current
 * generation, is refused, or is deleted: always in storage first, then here, then for the machine.
 */
import type { TokenEvent } from '../../machines/token.machine.ts'
import type { TokenRow } from '../../storage/storage.ts'
import { withRefused } from '../../storage/with-refused.ts'
import type { Codec } from '../engine/boundary/boundary.ts'
import type { Credential } from '../engine/sending/attempt.ts'
import type { Core } from '../engine/core.ts'
import { HoldfastError } from '../errors.ts'
import type { Instant, UserId } from '../model.ts'
import { ServerClock } from './server-clock.ts'
import { spanOf } from './span.ts'
import { Token, type TokenFacts } from './token.ts'

/** What became of a token that was handed in (T2). */
export type Taken =
  | { readonly taken: 'new'; readonly generation: number }
  /** It is the current one, and works as far as anybody knows. */
  | { readonly taken: 'current' }
  /** It is one that the server refused. */
  | { readonly taken: 'refused' }
  /** The session it was meant for has ended meanwhile (T11). */
  | { readonly taken: 'late' }
  | { readonly taken: 'failed'; readonly error: Error }

interface Entry {
  readonly user: UserId
  /** Null where only storage knew it, and no vault could bring it back. */
  token: Token | null
  generation: number
  /** As storage counts it: from 0 again for whoever is forgotten (I12). */
  epoch: number
  /** Grows with every end of a session: what was begun before belongs to a former one (T11). */
  session: number
  refused: boolean
  fingerprint: string | null
  /** Of those that were refused last: one that comes again is no newer than what came since (T2). */
  refusedTokens: readonly string[]
  expiresAt: Instant | null
  /** From when on a send asks for the next one (T9). */
  refreshAt: Instant | null
  leaving: boolean
  /** Logged out with `discard`: what is still in flight goes too, once its outcome is known (I7). */
  discarding: boolean
  /** The first 401 since a token was last accepted (T8). */
  firstRefusal: HoldfastError | null
  /** Tokens that were handed in and wait for the one before them to be stored. */
  readonly waiting: (() => void)[]
  /** A token is being stored, or the end of a session: how many of these. */
  storingCount: number
}

/** The wallet as a journal's summary has it. */
export interface SavedWallet {
  readonly offsetMs: number
  readonly entries: readonly (Omit<Entry, 'token' | 'firstRefusal' | 'waiting' | 'storingCount'> & {
    readonly token: TokenFacts | null
    readonly hasRefusal: boolean
  })[]
}

const sealedCodec: Codec<Uint8Array> = { write: () => null, read: () => new Uint8Array() }

export class Wallet {
  readonly clock = new ServerClock()
  /** Told when a session ends. */
  onEnd: (user: UserId) => void = () => undefined
  readonly #core: Core
  readonly #entries = new Map<UserId, Entry>()

  constructor(core: Core) {
    this.#core = core
  }

  /** The vault has given back the token of this row, unless the session has ended or a newer one has come. */
  unsealed(row: TokenRow, token: Token): void {
    if (this.isCurrent(row)) this.restore({ ...row, leaving: this.isLeaving(row.user) }, token)
  }

  /** Is this still what is known of the user's token? */
  isCurrent({ user, generation, epoch }: TokenRow): boolean {
    return generation === this.generation(user) && epoch === this.epoch(user)
  }

  /** What storage knew at the start; `token`: what the vault gave back. */
  restore(row: TokenRow, token: Token | null): void {
    const entry = this.#entry(row.user)
    const { generation, epoch, refused, fingerprint, expiresAt, refreshAt, leaving } = row
    const known = { generation, epoch, refused, fingerprint, expiresAt, refreshAt, leaving }
    if (epoch !== entry.epoch) entry.session += 1
    Object.assign(entry, known, { token, refusedTokens: row.refusedTokens ?? [] })
    if (refused) entry.firstRefusal ??= refusalOf(row.user, generation)
    this.#tellOf(entry)
  }

  /** What a machine that knows nothing is to be told of this user's token; null: there is none to tell of. */
  arrival(user: UserId): Extract<TokenEvent, { type: 'token.arrived' }> | null {
    const entry = this.#entries.get(user)
    if (entry === undefined || (entry.token === null && !entry.refused)) return null
    const { generation, expiresAt, refreshAt, refused } = entry
    return { type: 'token.arrived', generation, expiresAt, refreshAt, refused }
  }

  /** The token a send may carry. Under `required` one that is known to be refused never goes out. */
  credential(user: UserId): Credential | null {
    const entry = this.#entries.get(user)
    if (entry === undefined || entry.token === null || entry.refused) return null
    return { token: entry.token, generation: entry.generation }
  }

  generation(user: UserId): number {
    return this.#entries.get(user)?.generation ?? 0
  }

  epoch(user: UserId): number {
    return this.#entries.get(user)?.epoch ?? 0
  }

  /** What is begun now counts only as long as this is the same (T11). */
  session(user: UserId): number {
    return this.#entries.get(user)?.session ?? 0
  }

  isLeaving(user: UserId): boolean {
    return this.#entries.get(user)?.leaving ?? false
  }

  /** Is a token of this user being stored just now? Then who needs one waits for that. */
  whenTaken(user: UserId, then: () => void): void {
    const entry = this.#entries.get(user)
    if (entry === undefined || entry.storingCount === 0) then()
    else entry.waiting.push(then)
  }

  /** Takes a token that the app pushed or the source gave, after those handed in before it. */
  take(user: UserId, token: Token, then: (taken: Taken) => void): void {
    const entry = this.#entry(user)
    const { session } = entry
    const begin = () => {
      entry.storingCount += 1
      this.#take(entry, session, token, (taken) => this.#stored(entry, () => then(taken)))
    }
    if (entry.storingCount > 0) entry.waiting.push(begin)
    else begin()
  }

  /** The server refused this generation, and that has been stored (T4). */
  refused(user: UserId, generation: number, refusal = refusalOf(user, generation)): void {
    if (this.#refuse(user, generation, refusal)) {
      this.#core.pilot.token(user, { type: 'token.refused', generation })
    }
  }

  /** The server has told that to another process: here nothing is asked for until something needs it (T5). */
  refusedElsewhere(user: UserId, generation: number): void {
    const isNews = this.#refuse(user, generation, refusalOf(user, generation))
    if (isNews) this.#tellOf(this.#entry(user))
  }

  #refuse(user: UserId, generation: number, refusal: HoldfastError): boolean {
    const entry = this.#entry(user)
    // Without a token its session has ended meanwhile (T11); a second 401 to it says nothing new (T4).
    if (entry.generation !== generation || entry.token === null || entry.refused) return false
    entry.refused = true
    entry.refusedTokens = withRefused(entry.refusedTokens, entry.fingerprint ?? '')
    entry.firstRefusal ??= refusal
    this.#core.report('token.refused', { user, generation })
    return true
  }

  /** The server took a request of this generation. */
  accepted(user: UserId, generation: number): void {
    const entry = this.#entry(user)
    if (entry.firstRefusal === null || entry.generation !== generation) return
    entry.firstRefusal = null
    this.#core.pilot.token(user, { type: 'token.accepted', generation })
  }

  firstRefusal(user: UserId): HoldfastError | null {
    return this.#entries.get(user)?.firstRefusal ?? null
  }

  setLeaving(user: UserId, leaving: boolean): void {
    this.#entry(user).leaving = leaving
  }

  isDiscarding(user: UserId): boolean {
    return this.#entries.get(user)?.discarding ?? false
  }

  setDiscarding(user: UserId, discarding: boolean): void {
    this.#entry(user).discarding = discarding
  }

  /** Those who have logged out with something pending. */
  leaving(): readonly UserId[] {
    return [...this.#entries.values()].filter(({ leaving }) => leaving).map(({ user }) => user)
  }

  /**
   * The session ends, now; storing that is the caller's, who says when it is done. Tokens that come
   * meanwhile, for the next session, wait for it.
   */
  end(user: UserId): { stored: () => void } {
    const entry = this.#entry(user)
    entry.epoch += 1
    entry.session += 1
    entry.storingCount += 1
    Object.assign(entry, {
      token: null,
      refused: false,
      fingerprint: null,
      refusedTokens: [],
      expiresAt: null,
      refreshAt: null,
      leaving: false,
      firstRefusal: null,
    })
    this.onEnd(user)
    this.#core.pilot.token(user, { type: 'token.lost', reason: 'missing' })
    return { stored: () => this.#stored(entry, () => undefined) }
  }

  /** Nothing is remembered of this user. */
  forget(user: UserId): void {
    const entry = this.#entry(user)
    entry.generation = 0
    entry.epoch = 0
  }

  /** Another process has forgotten whose generation is gone, or an older one: nothing else takes it back (I12). */
  heard(rows: readonly TokenRow[]): void {
    const stored = new Map(rows.map((row) => [row.user, row]))
    for (const entry of Array.from(this.#entries.values())) {
      if (entry.generation === 0 || !isOfAnotherTime(entry, stored.get(entry.user))) continue
      const { stored: done } = this.end(entry.user)
      this.forget(entry.user)
      done()
    }
  }

  /** Is no token on its way into storage? */
  get isIdle(): boolean {
    return [...this.#entries.values()].every((entry) => entry.storingCount === 0)
  }

  /** For a journal that begins here; of a token only what may be known. */
  save(): SavedWallet {
    return {
      offsetMs: this.clock.offsetMs,
      entries: [...this.#entries.values()].map(
        ({ token, firstRefusal, waiting: _waiting, storingCount: _storingCount, ...entry }) => ({
          ...entry,
          token: token?.facts ?? null,
          hasRefusal: firstRefusal !== null,
        }),
      ),
    }
  }

  resume(saved: SavedWallet): void {
    this.clock.offsetMs = saved.offsetMs
    for (const { user, token, hasRefusal, ...facts } of saved.entries) {
      Object.assign(this.#entry(user), facts, {
        token: token === null ? null : new Token('', token),
        firstRefusal: hasRefusal ? refusalOf(user, facts.generation) : null,
      })
    }
  }

  /** The corrected time by which tokens expire. */
  now(): Instant {
    return this.clock.now(this.#core.boundary.wall)
  }

  #tellOf({ user }: Entry): void {
    const arrival = this.arrival(user)
    if (arrival !== null) this.#core.pilot.token(user, arrival)
  }

  #stored(entry: Entry, then: () => void): void {
    entry.storingCount -= 1
    then()
    while (entry.storingCount === 0 && entry.waiting.length > 0) entry.waiting.shift()?.()
  }

  #take(entry: Entry, session: number, token: Token, then: (taken: Taken) => void): void {
    const { user } = entry
    if (session !== entry.session) {
      then({ taken: 'late' })
      return
    }
    const { subject } = token.facts
    if (subject !== null && subject !== user) {
      const message = `the token pushed for ${user} names another user in its subject claim`
      then({ taken: 'failed', error: new HoldfastError('AUTH_USER_MISMATCH', message) })
      return
    }
    const known = this.#isKnown(entry, token)
    if (known !== null) {
      then({ taken: known })
      return
    }
    this.#seal(token, (sealed) => {
      if (session === entry.session) this.#store(entry, token, sealed, then)
      else then({ taken: 'late' })
    })
  }

  /** T2: a refused one changes nothing, the valid one says nothing new. */
  #isKnown(entry: Entry, token: Token): 'current' | 'refused' | null {
    const { fingerprint } = token.facts
    // An older one that was refused: there may be a current one that works.
    const isAnyValid = !entry.refused && entry.token !== null
    if (entry.refusedTokens.includes(fingerprint)) return isAnyValid ? 'current' : 'refused'
    if (fingerprint !== entry.fingerprint) return null
    if (entry.refused) return 'refused'
    const isExpired = entry.expiresAt !== null && entry.expiresAt <= this.now()
    return entry.token === null || isExpired ? null : 'current'
  }

  /** A vault that fails costs the token its next restart, not its use (T15). */
  #seal(token: Token, then: (sealed: Uint8Array | null) => void): void {
    const { boundary, ports, settings, report } = this.#core
    if (!settings.hasVault) {
      then(null)
      return
    }
    boundary.ask(
      {
        name: 'seal',
        args: () => token.toJSON(),
        codec: sealedCodec,
        put: async () => {
          if (ports.vault === null) throw new TypeError('no vault')
          const sealed: unknown = await ports.vault.seal(token.reveal())
          if (sealed instanceof Uint8Array) return sealed
          throw new TypeError('the vault must seal to a Uint8Array')
        },
      },
      (answer) => {
        if (answer.ok) {
          then(answer.value)
          return
        }
        const message = 'the vault could not seal a token; it is kept in memory only'
        const error = new HoldfastError('AUTH_VAULT_UNAVAILABLE', message, { cause: answer.error })
        report('error', { error })
        then(null)
      },
    )
  }

  #store(
    entry: Entry,
    token: Token,
    sealed: Uint8Array | null,
    then: (taken: Taken) => void,
  ): void {
    const { user, generation: expected, session } = entry
    const generation = expected + 1
    const { expiresAt, refreshAt } = spanOf(token.facts, this.now())
    const { fingerprint } = token.facts
    this.#core.store.commit(
      [
        { change: 'token', user, expected, generation, fingerprint, expiresAt, refreshAt, sealed },
        { change: 'leave', user, leaving: entry.leaving },
      ],
      {},
      (answer) => {
        if (!answer.ok || !answer.value[0]?.applied) {
          const moved = new HoldfastError(
            'STORAGE_BUSY',
            `another process stored a token of ${user} at the same time`,
            { retryable: true },
          )
          then({ taken: 'failed', error: answer.ok ? moved : answer.error })
          return
        }
        // The next generation is counted from this one, though nothing else is left of it.
        entry.generation = generation
        if (session !== entry.session) {
          then({ taken: 'late' })
          return
        }
        Object.assign(entry, { token, refused: false, fingerprint, expiresAt, refreshAt })
        this.#core.report('token.updated', { user, generation })
        this.#tellOf(entry)
        then({ taken: 'new', generation })
      },
    )
  }

  #entry(user: UserId): Entry {
    const known = this.#entries.get(user)
    if (known !== undefined) return known
    const entry: Entry = {
      user,
      token: null,
      generation: 0,
      epoch: 0,
      session: 0,
      refused: false,
      fingerprint: null,
      refusedTokens: [],
      expiresAt: null,
      refreshAt: null,
      leaving: false,
      discarding: false,
      firstRefusal: null,
      waiting: [],
      storingCount: 0,
    }
    this.#entries.set(user, entry)
    return entry
  }
}

/** Of one and the same generation there is only one token. */
function isOfAnotherTime({ generation, fingerprint }: Entry, row: TokenRow | undefined): boolean {
  if (row === undefined || row.generation < generation) return true
  const isSame = fingerprint === null || row.fingerprint === null || row.fingerprint === fingerprint
  return row.generation === generation && !isSame
}

function refusalOf(user: UserId, generation: number): HoldfastError {
  return new HoldfastError(
    'AUTH_TOKEN_REFUSED',
    `the server answered 401 to generation ${generation} of ${user}`,
  )
}
