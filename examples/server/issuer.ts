/**
 * Mints the tokens, as an app's own backend would. Each token carries a serial number in `jti`, so
 * that the server can refuse the tokens minted so far and take a newer one.
 */
import { SignJWT } from 'jose'
import { signingAlgorithm } from './keys.ts'
import type { SigningKeys } from './keys.ts'

export const issuerName = 'holdfast-reference-issuer'
export const audienceName = 'holdfast-reference-api'
const defaultLifetimeMs = 3_600_000

export interface MintedToken {
  readonly user: string
  readonly token: string
  /** When it ends, in epoch milliseconds: a whole second, as in `exp`. */
  readonly expiresAt: number
}

export class Issuer {
  readonly #keys: SigningKeys
  readonly #now: () => number
  #lastSerial = 0

  constructor(keys: SigningKeys, now: () => number) {
    this.#keys = keys
    this.#now = now
  }

  get lastSerial(): number {
    return this.#lastSerial
  }

  /** A lifetime is rounded up to the next whole second; a negative one makes an expired token. */
  async mint(user: string, lifetimeMs: number = defaultLifetimeMs): Promise<MintedToken> {
    this.#lastSerial += 1
    const serial = this.#lastSerial
    const now = this.#now()
    const expiresAtSeconds = Math.ceil((now + lifetimeMs) / 1_000)
    const token = await new SignJWT()
      .setProtectedHeader({ alg: signingAlgorithm, kid: this.#keys.kid, typ: 'JWT' })
      .setIssuer(issuerName)
      .setAudience(audienceName)
      .setSubject(user)
      .setJti(String(serial))
      .setIssuedAt(Math.floor(now / 1_000))
      .setExpirationTime(expiresAtSeconds)
      .sign(this.#keys.privateKey)
    return { user, token, expiresAt: expiresAtSeconds * 1_000 }
  }
}
