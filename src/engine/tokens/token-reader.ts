/** Reads the claims of tokens. Their fingerprints are keyed with the database's own key. */
import { readToken, type Token } from './token.ts'

export class TokenReader {
  readonly #subjectClaim: string | null
  #fingerprintKey = ''

  constructor(subjectClaim: string | null) {
    this.#subjectClaim = subjectClaim
  }

  /** Takes the database's own key, before any token is read. */
  useFingerprintKey(key: string): void {
    this.#fingerprintKey = key
  }

  readonly read = (secret: string): Token =>
    readToken(secret, this.#fingerprintKey, this.#subjectClaim)
}
