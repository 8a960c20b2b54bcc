/** Who is logged in, what the server demands, and what is stored of each user's token. */
import type { Database } from 'better-sqlite3'
import type { LaneId, Requirement, UserId } from '../../src/model.ts'
import type {
  Answer,
  DeadlineChange,
  EndSessionChange,
  LeaveChange,
  OriginChange,
  RefuseTokenChange,
  TokenChange,
} from '../changes.ts'
import type { DeadlineRow, TokenRow } from '../rows.ts'
import { withRefused } from '../with-refused.ts'
import { DONE, MISSED } from './pending.ts'
import { parseStored } from './stored-json.ts'

type MetaName = 'identity' | 'requirement' | 'fingerprint-key' | 'left-behind' | 'origin'

interface StoredToken extends Omit<TokenRow, 'refused' | 'refusedTokens' | 'leaving'> {
  readonly refused: 0 | 1
  readonly refusedTokens: string | null
  readonly leaving: 0 | 1
}

/** What a change must know of the token that it replaces. */
interface Present {
  readonly generation: number
  readonly epoch: number
  readonly isSealed: 0 | 1
}

const NO_TOKEN: Present = { generation: 0, epoch: 0, isSealed: 0 }

export class Sessions {
  readonly #getMeta
  readonly #setMeta
  readonly #unsetMeta
  readonly #tokens
  readonly #present
  readonly #setToken
  readonly #current
  readonly #refuse
  readonly #leave
  readonly #end
  readonly #forget
  readonly #dropTokens
  readonly #deadlines
  readonly #setDeadline
  readonly #unsetDeadline
  readonly #sealedGone: () => void

  /** `sealedGone` is told when a sealed token goes: what it was stays in the WAL for now (E5). */
  constructor(database: Database, sealedGone: () => void) {
    this.#sealedGone = sealedGone
    this.#getMeta = database.prepare<[string], { value: string }>(
      'SELECT value FROM holdfast_meta WHERE name = ?',
    )
    this.#setMeta = database.prepare<[string, string]>(
      'INSERT OR REPLACE INTO holdfast_meta (name, value) VALUES (?, ?)',
    )
    this.#unsetMeta = database.prepare<[string]>('DELETE FROM holdfast_meta WHERE name = ?')
    this.#tokens = database.prepare<[], StoredToken>(
      `SELECT user, generation, epoch, refused, refused_tokens AS refusedTokens, fingerprint,
         expires_at AS expiresAt, refresh_at AS refreshAt, sealed, leaving
       FROM holdfast_tokens ORDER BY user`,
    )
    this.#present = database.prepare<[string], Present>(
      'SELECT generation, epoch, sealed IS NOT NULL AS isSealed FROM holdfast_tokens WHERE user = ?',
    )
    this.#setToken = database.prepare<[Omit<TokenChange, 'change' | 'expected' | 'epoch'>]>(
      `INSERT INTO holdfast_tokens (user, generation, fingerprint, expires_at, refresh_at, sealed)
       VALUES (@user, @generation, @fingerprint, @expiresAt, @refreshAt, @sealed)
       ON CONFLICT (user) DO UPDATE SET generation = @generation, refused = 0, fingerprint = @fingerprint,
         expires_at = @expiresAt, refresh_at = @refreshAt, sealed = @sealed`,
    )
    this.#current = database.prepare<
      [string, number],
      Pick<StoredToken, 'refusedTokens'> & { readonly fingerprint: string }
    >(
      `SELECT fingerprint, refused_tokens AS refusedTokens FROM holdfast_tokens
       WHERE user = ? AND generation = ? AND fingerprint IS NOT NULL`,
    )
    this.#refuse = database.prepare<[string, string]>(
      'UPDATE holdfast_tokens SET refused = 1, refused_tokens = ? WHERE user = ?',
    )
    // These two make the row: a user who never had a token can leave too.
    this.#leave = database.prepare<[string, number]>(
      `INSERT INTO holdfast_tokens (user, leaving) VALUES (?, ?)
       ON CONFLICT (user) DO UPDATE SET leaving = excluded.leaving`,
    )
    this.#end = database.prepare<[string]>(
      `INSERT INTO holdfast_tokens (user, epoch) VALUES (?, 1)
       ON CONFLICT (user) DO UPDATE SET epoch = epoch + 1, refused = 0, refused_tokens = NULL,
         fingerprint = NULL, expires_at = NULL, refresh_at = NULL, sealed = NULL, leaving = 0`,
    )
    this.#forget = database.prepare<[string]>('DELETE FROM holdfast_tokens WHERE user = ?')
    this.#dropTokens = database.prepare<[]>(
      `UPDATE holdfast_tokens SET refused = 0, refused_tokens = NULL, fingerprint = NULL, expires_at = NULL,
         refresh_at = NULL, sealed = NULL`,
    )
    this.#deadlines = database.prepare<[], DeadlineRow>(
      'SELECT origin, until, wait_ms AS waitMs FROM holdfast_deadlines ORDER BY origin',
    )
    this.#setDeadline = database.prepare<[string, number, number]>(
      'INSERT OR REPLACE INTO holdfast_deadlines (origin, until, wait_ms) VALUES (?, ?, ?)',
    )
    this.#unsetDeadline = database.prepare<[string]>(
      'DELETE FROM holdfast_deadlines WHERE origin = ?',
    )
  }

  get(name: MetaName): string | null {
    return this.#getMeta.get(name)?.value ?? null
  }

  set(name: MetaName, value: string | null): Answer {
    if (value === null) this.#unsetMeta.run(name)
    else this.#setMeta.run(name, value)
    return DONE
  }

  /** The generations go on: an answer to an older one must not look new. */
  changeOrigin({ former, origin }: OriginChange): Answer {
    if (this.get('origin') !== former) return MISSED
    this.#dropTokens.run()
    this.#sealedGone()
    return this.set('origin', origin)
  }

  identity(): UserId | null {
    return this.get('identity') as UserId | null
  }

  requirement(): Requirement {
    return (this.get('requirement') ?? 'unknown') as Requirement
  }

  leaveBehind(lanes: readonly LaneId[]): Answer {
    return this.set('left-behind', JSON.stringify(lanes))
  }

  takeUp(): Answer {
    const lanes = this.get('left-behind')
    if (lanes === null) return MISSED
    this.set('left-behind', null)
    return { applied: true, affected: [], leftBehind: parseStored<LaneId[]>(lanes) }
  }

  tokens(): TokenRow[] {
    return this.#tokens.all().map(({ refusedTokens, ...row }) => ({
      ...row,
      refused: row.refused === 1,
      ...(refusedTokens === null ? {} : { refusedTokens: fingerprintsOf(refusedTokens) }),
      leaving: row.leaving === 1,
    }))
  }

  setToken(change: TokenChange): Answer {
    const { isSealed, ...stored } = this.#present.get(change.user) ?? NO_TOKEN
    const isOfEpoch = change.epoch === undefined || change.epoch === stored.epoch
    if (stored.generation !== change.expected || !isOfEpoch) return { applied: false, stored }
    const { user, generation, fingerprint, expiresAt, refreshAt, sealed } = change
    this.#setToken.run({ user, generation, fingerprint, expiresAt, refreshAt, sealed })
    if (isSealed === 1) this.#sealedGone()
    return DONE
  }

  refuseToken({ user, generation }: RefuseTokenChange): Answer {
    const current = this.#current.get(user, generation)
    if (current === undefined) return MISSED
    const refused = withRefused(fingerprintsOf(current.refusedTokens), current.fingerprint)
    this.#refuse.run(JSON.stringify(refused), user)
    return DONE
  }

  leave(change: LeaveChange): Answer {
    this.#leave.run(change.user, change.leaving ? 1 : 0)
    return DONE
  }

  end(change: EndSessionChange): Answer {
    const { epoch, isSealed } = this.#present.get(change.user) ?? NO_TOKEN
    if (change.epoch !== undefined && change.epoch !== epoch) return MISSED
    this.#end.run(change.user)
    if (isSealed === 1) this.#sealedGone()
    return DONE
  }

  forget(user: UserId): void {
    this.#forget.run(user)
  }

  deadlines(): DeadlineRow[] {
    return this.#deadlines.all()
  }

  setDeadline(change: DeadlineChange): Answer {
    if (change.until === null) this.#unsetDeadline.run(change.origin)
    else this.#setDeadline.run(change.origin, change.until, change.waitMs)
    return DONE
  }
}

function fingerprintsOf(column: string | null): readonly string[] {
  return column === null ? [] : parseStored<string[]>(column)
}
