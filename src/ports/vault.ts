/**
 * Where tokens survive a restart (T1). A vault is a cipher: what it seals is kept in the database, and
 * only it can open that again. Without one, tokens stay in memory.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { VaultUnreadableError } from '../errors.ts'

export interface Vault {
  /** `secret`: a text of Holdfast's, of a token and of what it is for. `unseal` must give it back as it is. */
  seal(secret: string): Uint8Array | Promise<Uint8Array>
  /**
   * Throws {@link VaultUnreadableError} where this can never be opened again: the user must sign in.
   * Any other error means that the vault is not available just now.
   */
  unseal(sealed: Uint8Array): string | Promise<string>
}

const KEY_BYTES = 32
const IV_BYTES = 12
const TAG_BYTES = 16

/** A cipher takes a shorter tag too, which would be easy to guess. */
const TAG = { authTagLength: TAG_BYTES } as const

/**
 * A vault whose key (32 bytes, AES-256-GCM) is in memory: made anew unless one is given, say from the
 * system's keychain.
 */
export function memoryVault(key: Uint8Array = randomBytes(KEY_BYTES)): Vault {
  if (key.length !== KEY_BYTES) {
    throw new RangeError(`memoryVault: the key must have ${KEY_BYTES} bytes, not ${key.length}`)
  }
  return {
    seal: (secret) => {
      const iv = randomBytes(IV_BYTES)
      const cipher = createCipheriv('aes-256-gcm', key, iv, TAG)
      const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()])
      return Buffer.concat([iv, cipher.getAuthTag(), sealed])
    },
    unseal: (sealed) => {
      if (sealed.length < IV_BYTES + TAG_BYTES) {
        throw new VaultUnreadableError('the sealed value is too short to be one of this vault')
      }
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, IV_BYTES), TAG)
        decipher.setAuthTag(sealed.subarray(IV_BYTES, IV_BYTES + TAG_BYTES))
        const opened = decipher.update(sealed.subarray(IV_BYTES + TAG_BYTES))
        return Buffer.concat([opened, decipher.final()]).toString('utf8')
      } catch (error) {
        throw new VaultUnreadableError('the sealed token cannot be opened with this key', error)
      }
    },
  }
}
