/** A vault that survives the simulated process, and seals the same token to the same bytes. */
import { createCipheriv, createDecipheriv, createHash } from 'node:crypto'
import type { Vault } from '../ports/vault.ts'

const KEY = createHash('sha256').update('the key of the simulated vault').digest()
const IV_BYTES = 16

export const scenarioVault: Vault = {
  seal: (secret) => {
    const iv = createHash('sha256').update(secret).digest().subarray(0, IV_BYTES)
    const cipher = createCipheriv('aes-256-ctr', KEY, iv)
    return Buffer.concat([iv, cipher.update(secret, 'utf8'), cipher.final()])
  },
  unseal: (sealed) => {
    const decipher = createDecipheriv('aes-256-ctr', KEY, sealed.subarray(0, IV_BYTES))
    return Buffer.concat([decipher.update(sealed.subarray(IV_BYTES)), decipher.final()]).toString()
  },
}
