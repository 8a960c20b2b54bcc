/** Lists the stored operations for the app. The lists come from storage itself. They never decide anything. */
import type { Storage } from '../../storage/storage.ts'
import { ownerOf } from './arguments.ts'
import { wholeNumberOf } from '../checks/numbers.ts'
import {
  type DeadLetter,
  describeLetter,
  describePending,
  type PendingOperation,
} from './operation-info.ts'

export interface PendingFilter {
  /** Only the operations of this user; null: of the anonymous identity. Default: of all owners. */
  readonly user?: string | null
  /** The maximum number of operations, a whole number from 1. Default: 1000. */
  readonly limit?: number
}

const MOST_LETTERS = 1000
const MOST_PENDING = 1000

/** The pending operations lane by lane, each lane in the order in which it will be sent. */
export async function pendingOperations(
  storage: Storage,
  { user, limit = MOST_PENDING }: PendingFilter,
): Promise<readonly PendingOperation[]> {
  wholeNumberOf('pending: limit', limit, 1)
  if (user !== undefined) ownerOf('pending', user)
  const { lanes } = await storage.reload()
  const found: PendingOperation[] = []
  for (const { lane, user: owner, pending } of lanes) {
    if (pending === 0 || (user !== undefined && owner !== user)) continue
    const left = limit - found.length
    if (left === 0) break
    const rows = await storage.window(lane, Number.MIN_SAFE_INTEGER, left)
    found.push(...rows.map((row) => describePending(row, owner)))
  }
  return found
}

/** The dead letters, the oldest first. */
export async function deadLetters(
  storage: Storage,
  { user }: { readonly user?: string | null },
): Promise<readonly DeadLetter[]> {
  const letters = await storage.letters({
    ...(user === undefined ? {} : { user: ownerOf('deadLetters', user) }),
    limit: MOST_LETTERS,
  })
  return letters.map((letter) => describeLetter(letter, letter.user))
}
