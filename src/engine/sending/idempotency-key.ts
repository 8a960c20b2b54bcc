/**
 * The idempotency key of an envelope (Q5). An operation that is sent alone has its own id as key. An envelope of a
 * merging kind has a key that is made of its members: an envelope that is built again with the same members keeps its
 * key, in this process and in the next. A replaced payload has another key (Q9). Ids cannot be guessed, so neither can
 * the key.
 */
import { createHash } from 'node:crypto'
import type { OperationId } from '../../model.ts'

interface Member {
  readonly id: OperationId
  /** How often its payload was replaced (Q9). Default: 0. */
  readonly revision?: number
}

type Members = readonly [Member, ...(readonly Member[])]

export function idempotencyKeyOf(members: Members, isMerging: boolean): string {
  if (!isMerging) return keyOf(members[0])
  const keys = members.map(keyOf).join('\n')
  return createHash('sha256').update(keys).digest('base64url').slice(0, 22)
}

/** No id has a tilde: a nonce is of letters, digits, `-` and `_`, and a follow-up adds numbers. */
function keyOf({ id, revision = 0 }: Member): string {
  return revision === 0 ? id : `${id}~${revision}`
}
