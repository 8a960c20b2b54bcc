/** Reads what tokens say of themselves. Their fingerprints are keyed with the database's own key. */
import { readToken, type Token } from './token.ts'

export class TokenReader {
  readonly #subjectClaim: string | null
  #fingerprintKey = ''

  constructor(subjectClaim: string | null) {
    this.#subjectClaim = subjectClaim
  }

  /** The database's own key, told before any token is read. */
  useFingerprintKey(key: string): void {
    this.#fingerprintKey = key
  }

  readonly read = (secret: string): Token =>
    readToken(secret, this.#fingerprintKey, this.#subjectClaim)
}
