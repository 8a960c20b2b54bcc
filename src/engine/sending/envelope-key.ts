/**
 * The key of an envelope of a merging kind, made of its members (Q5): an envelope that is built again with the same
 * members keeps its key, in this process and in the next. Ids cannot be guessed, so neither can the key.
 */
import { createHash } from 'node:crypto'
import type { OperationId } from '../../model.ts'

export function envelopeKey(members: readonly { readonly id: OperationId }[]): string {
  const ids = members.map(({ id }) => id).join('\n')
  return createHash('sha256').update(ids).digest('base64url').slice(0, 22)
}
