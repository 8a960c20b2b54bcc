/**
 * The idempotency key of an envelope (Q5). An operation that is sent alone has its own id as key. An envelope of a
 * merging kind has a key that is made of its members: an envelope that is built again with the same members keeps its
 * key, in this process and in the next. Ids cannot be guessed, so neither can the key.
 */
import { createHash } from 'node:crypto'
import type { OperationId } from '../../model.ts'

type Members = readonly [{ readonly id: OperationId }, ...(readonly { readonly id: OperationId }[])]

export function idempotencyKeyOf(members: Members, isMerging: boolean): string {
  if (!isMerging) return members[0].id
  const ids = members.map(({ id }) => id).join('\n')
  return createHash('sha256').update(ids).digest('base64url').slice(0, 22)
}
