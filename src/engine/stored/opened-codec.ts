/** The stored state in a journal: without the key of the file, and without sealed tokens. */
import type { OpenedState } from '../../../storage/storage.ts'
import type { JsonRecord } from '../../journal/lines.ts'
import type { Codec } from '../boundary/boundary.ts'

/** A sealed token is replayed as an empty one: that there is one is all that decides anything. */
export const openedCodec: Codec<OpenedState> = {
  write: ({ fingerprintKey: _key, tokens, ...state }) => ({
    ...(state as unknown as JsonRecord),
    tokens: tokens.map(({ sealed, ...token }) => ({ ...token, sealed: sealed !== null })),
  }),
  read: (json) => {
    const state = json as unknown as OpenedState & {
      readonly tokens: readonly { readonly sealed: boolean }[]
    }
    const tokens = state.tokens.map((token) => ({
      ...token,
      sealed: (token.sealed as unknown as boolean) ? new Uint8Array() : null,
    }))
    return { ...state, fingerprintKey: '', tokens }
  },
}
