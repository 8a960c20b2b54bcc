/**
 * Seals a token with the vault, and unseals it again. The sealed text names the owner of the token, and only this
 * file writes and reads it. A value that was moved to another row, or was sealed for another server, is never used
 * (E6).
 */
import { types } from 'node:util'
import type { TokenRow } from '../../../storage/rows.ts'
import type { Codec } from '../boundary/boundary.ts'
import type { Context } from '../context.ts'
import { HoldfastError, VaultUnreadableError } from '../../errors.ts'
import type { UserId } from '../../model.ts'
import { canonicalOrigin } from '../../origin.ts'
import { rebuilt } from '../../scrub/rebuilt.ts'
import { mismatchOf } from './subject.ts'
import type { Token } from './token.ts'
import { tokenTextOf } from './token-text.ts'

/** The row that a sealed value is for. */
interface SealedFor {
  readonly user: UserId
  readonly generation: number
  readonly epoch: number
}

/** The version of the sealed text. A bare token, as it was sealed before there were versions, has no version. */
const VERSION = 1

/** The fields that are sealed beside the token, and must be the same at the unsealing. */
const BINDINGS = ['user', 'origin', 'generation', 'epoch'] as const

/** A text that may be a sealed one: none of its fields is known to be there. */
type MaybeSealed = Readonly<
  Partial<Record<'version' | 'token' | (typeof BINDINGS)[number], unknown>>
>

const sealedCodec: Codec<Uint8Array> = { write: () => null, read: () => new Uint8Array() }

/**
 * Seals a token. If the vault fails, the token is sealed to null: it is lost at the next restart, but it can be used
 * until then (T15).
 */
export function seal(
  context: Context,
  row: SealedFor,
  token: Token,
  then: (sealed: Uint8Array | null) => void,
): void {
  const { boundary, ports, settings, report } = context
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
        const sealed: unknown = await ports.vault.seal(sealedText(row, settings.origin, token))
        if (types.isUint8Array(sealed)) return sealed
        throw new TypeError('the vault must seal to a Uint8Array')
      },
    },
    (answer) => {
      if (answer.ok) {
        then(answer.value)
        return
      }
      const message = 'the vault could not seal a token; it is kept in memory only'
      // A vault may quote the token that it was given to seal (T16).
      const cause = rebuilt(answer.error, [token.reveal()])
      const error = new HoldfastError('AUTH_VAULT_UNAVAILABLE', message, { cause })
      report('error', { error })
      then(null)
    },
  )
}

/**
 * The token that is sealed in this row.
 *
 * @throws VaultUnreadableError if it is not the token of this row, of this user and for this server; any other error
 * of the vault means that the vault is not available just now.
 */
export async function unsealed(
  { ports, settings }: Pick<Context, 'ports' | 'settings'>,
  row: TokenRow,
  readToken: (secret: string) => Token,
): Promise<Token> {
  const { user, sealed, fingerprint } = row
  if (ports.vault === null || sealed === null) throw new TypeError('no vault')
  const opened: unknown = await ports.vault.unseal(sealed)
  const token = readToken(secretOf(opened, row, settings.origin))
  if (token.facts.fingerprint !== fingerprint) {
    throw new VaultUnreadableError(
      `the sealed token of ${user} is not the one that its row tells of`,
    )
  }
  const mismatch = mismatchOf(user, token, settings.subjectClaim)
  if (mismatch !== null) throw new VaultUnreadableError(mismatch.message)
  return token
}

function sealedText({ user, generation, epoch }: SealedFor, origin: string, token: Token): string {
  const bound = { user, origin: canonicalOrigin(origin), generation, epoch }
  return JSON.stringify({ version: VERSION, ...bound, token: token.reveal() })
}

function secretOf(opened: unknown, { user, generation, epoch }: SealedFor, origin: string): string {
  const text = parsed(opened)
  if (text?.version !== VERSION) {
    throw new VaultUnreadableError(
      `the sealed token of ${user} was sealed by another version of holdfast, or by another program`,
    )
  }
  const bound = { user, origin: canonicalOrigin(origin), generation, epoch }
  const differing = BINDINGS.find((name) => text[name] !== bound[name])
  if (differing !== undefined) {
    throw new VaultUnreadableError(
      `the sealed token of ${user} was sealed for another ${differing}`,
    )
  }
  const secret = tokenTextOf(text.token)
  if (secret !== null) return secret
  throw new VaultUnreadableError('the vault gave back a text that no header can carry')
}

/** Null: it is no JSON object, say a bare token. */
function parsed(opened: unknown): MaybeSealed | null {
  if (typeof opened !== 'string') return null
  try {
    const value: unknown = JSON.parse(opened)
    return typeof value === 'object' && value !== null ? { ...value } : null
  } catch {
    return null
  }
}
