/** Which dead letters a call of the app means. */
import type { LetterFilter } from '../../storage/storage.ts'
import { nameOf, wordOf } from '../checks/texts.ts'
import { DEAD_REASONS } from '../dead-reasons.ts'
import type { DeadReason } from '../model.ts'
import { ownerOf } from './arguments.ts'

/** Names dead letters: those that are as each given field says. Without a field: all. */
export interface DeadLetterFilter {
  /** Of this user; null: of the anonymous identity. Default: of all owners. */
  readonly user?: string | null
  /** Of this kind. Default: of every kind. */
  readonly kind?: string
  /** Dead for this reason. Default: for any reason. */
  readonly reason?: DeadReason
}

/** @throws TypeError if a field is wrong, naming the call and the field. */
export function letterFilterOf(
  call: string,
  { user, kind, reason }: DeadLetterFilter,
): Pick<LetterFilter, 'user' | 'kind' | 'reason'> {
  return {
    ...(user === undefined ? {} : { user: ownerOf(call, user) }),
    ...(kind === undefined ? {} : { kind: nameOf(`${call}: kind`, kind) }),
    ...(reason === undefined ? {} : { reason: wordOf(`${call}: reason`, reason, DEAD_REASONS) }),
  }
}
