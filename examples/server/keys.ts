/**
 * The issuer's signing key and the public key set that the API verifies against. A rotation replaces
 * both at once: tokens signed by the old key find no key any more.
 */
import { createLocalJWKSet, exportJWK, generateKeyPair } from 'jose'
import type { CryptoKey, JSONWebKeySet } from 'jose'

export const signingAlgorithm = 'ES256'

interface KeyState {
  readonly kid: string
  readonly privateKey: CryptoKey
  readonly resolver: ReturnType<typeof createLocalJWKSet>
  readonly verified: Map<string, VerifiedToken>
}

export interface VerifiedToken {
  readonly user: string
  readonly serial: number
  /** Epoch milliseconds. */
  readonly expiresAt: number
}

export class SigningKeys {
  #state: KeyState
  #rotationCount = 0

  private constructor(state: KeyState) {
    this.#state = state
  }

  static async create(): Promise<SigningKeys> {
    return new SigningKeys(await makeKey('key-0'))
  }

  get kid(): string {
    return this.#state.kid
  }

  get privateKey(): CryptoKey {
    return this.#state.privateKey
  }

  /** What `jwtVerify` asks for the key of a token. */
  get resolver(): KeyState['resolver'] {
    return this.#state.resolver
  }

  /** Tokens whose signature was found good under this key; a rotation drops them with it. */
  get verified(): Map<string, VerifiedToken> {
    return this.#state.verified
  }

  /** What `/.well-known/jwks.json` serves. */
  jwks(): JSONWebKeySet {
    return this.#state.resolver.jwks()
  }

  async rotate(): Promise<void> {
    this.#rotationCount += 1
    this.#state = await makeKey(`key-${this.#rotationCount}`)
  }
}

async function makeKey(kid: string): Promise<KeyState> {
  const { privateKey, publicKey } = await generateKeyPair(signingAlgorithm)
  const jwk = { ...(await exportJWK(publicKey)), kid, alg: signingAlgorithm, use: 'sig' }
  return { kid, privateKey, resolver: createLocalJWKSet({ keys: [jwk] }), verified: new Map() }
}
