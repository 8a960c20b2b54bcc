/** A vault that survives the simulated process, seals the same token to the same bytes, and fails as a scenario says. */
import { createCipheriv, createDecipheriv, createHash } from 'node:crypto'
import { VaultUnreadableError } from '../errors.ts'
import type { Vault } from '../ports/vault.ts'
import type { Scenario } from './scenario.ts'

const KEY = createHash('sha256').update('the key of the simulated vault').digest()
const IV_BYTES = 16

/** How often a vault fails, counted over every process that uses it. */
type VaultFaults = Exclude<NonNullable<Scenario['config']>['vault'], boolean | undefined>

export function scenarioVault(faults: VaultFaults): Vault {
  let tries = 0
  return {
    seal,
    unseal: (sealed) => {
      tries += 1
      if (tries <= (faults.unavailable ?? 0)) throw new Error('the keyring is locked')
      if (tries <= (faults.unavailable ?? 0) + (faults.unreadable ?? 0)) {
        throw new VaultUnreadableError('this is not of this vault')
      }
      return unseal(sealed)
    },
  }
}

function seal(secret: string): Uint8Array {
  const iv = createHash('sha256').update(secret).digest().subarray(0, IV_BYTES)
  const cipher = createCipheriv('aes-256-ctr', KEY, iv)
  return Buffer.concat([iv, cipher.update(secret, 'utf8'), cipher.final()])
}

function unseal(sealed: Uint8Array): string {
  const decipher = createDecipheriv('aes-256-ctr', KEY, sealed.subarray(0, IV_BYTES))
  return Buffer.concat([decipher.update(sealed.subarray(IV_BYTES)), decipher.final()]).toString()
}
