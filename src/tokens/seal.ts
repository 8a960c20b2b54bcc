import { types } from 'node:util'
import type { Codec } from '../engine/boundary/boundary.ts'
import type { Core } from '../engine/core.ts'
import { HoldfastError } from '../errors.ts'
import { rebuilt } from '../scrub/rebuilt.ts'
import type { Token } from './token.ts'

const sealedCodec: Codec<Uint8Array> = { write: () => null, read: () => new Uint8Array() }

/** A vault that fails costs the token its next restart, not its use (T15): then it is sealed to null. */
export function seal(core: Core, token: Token, then: (sealed: Uint8Array | null) => void): void {
  const { boundary, ports, settings, report } = core
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
        const sealed: unknown = await ports.vault.seal(token.reveal())
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
      // A vault may quote what it was to seal (T16).
      const cause = rebuilt(answer.error, [token.reveal()])
      const error = new HoldfastError('AUTH_VAULT_UNAVAILABLE', message, { cause })
      report('error', { error })
      then(null)
    },
  )
}
