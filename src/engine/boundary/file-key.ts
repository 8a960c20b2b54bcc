/**
 * Digests with the key of the database, for journals (E6). The key is never in a journal, so that nobody can try short
 * payloads or user ids against it. A replay computes no digest: it has those of the journal.
 */
import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'

/** 132 bits in base64url. */
const LENGTH = 22

export class FileKey {
  #key: KeyObject = createSecretKey(Buffer.alloc(0))

  /** The key of the database that has just been opened. */
  use(key: string): void {
    this.#key = createSecretKey(Buffer.from(key))
  }

  /** `of`: what the text is, so that two things of the same text have two digests. */
  digest(of: 'body' | 'merge' | 'user', text: string): string {
    const hmac = createHmac('sha256', this.#key).update(`${of}\u0000${text}`)
    return hmac.digest('base64url').slice(0, LENGTH)
  }
}
