/** Makes the summary of each owner that `status()` shows (Q22). */
import type { Instant, UserId } from '../model.ts'
import type { Lane } from './lanes/lane.ts'
import type { LaneFailure, LaneStatus, OwnerStatus } from './status.ts'

/** The counts of an owner, while its lanes are added up. */
interface Sum {
  pending: number
  sending: number
  dead: number
  lastFailure: LaneFailure | null
}

/**
 * The owners with pending operations come first. `shown`: the lanes with pending operations, as the status has them.
 * `all`: lanes with dead letters, too. `completions`: when an operation of an owner was last completed.
 */
export function ownerStatuses(
  shown: readonly LaneStatus[],
  all: Iterable<Lane>,
  completions: ReadonlyMap<UserId | null, Instant>,
): readonly OwnerStatus[] {
  const sums = new Map<UserId | null, Sum>()
  const sumOf = (user: UserId | null): Sum => {
    const sum = sums.get(user) ?? { pending: 0, sending: 0, dead: 0, lastFailure: null }
    sums.set(user, sum)
    return sum
  }
  for (const { user, pending, sending, lastFailure } of shown) {
    const sum = sumOf(user)
    sum.pending += pending
    if (sending) sum.sending += 1
    sum.lastFailure = newer(sum.lastFailure, lastFailure)
  }
  for (const { user, letters } of all) if (letters > 0) sumOf(user).dead += letters
  for (const user of completions.keys()) sumOf(user)
  const owners = Array.from(sums, ([user, sum]) =>
    Object.freeze<OwnerStatus>({
      user,
      pending: sum.pending,
      sending: sum.sending,
      dead: sum.dead,
      lastCompletedAt: completions.get(user) ?? null,
      lastFailure: sum.lastFailure,
    }),
  )
  return Object.freeze(owners)
}

function newer(one: LaneFailure | null, other: LaneFailure | null): LaneFailure | null {
  if (one === null || other === null) return one ?? other
  return other.at > one.at ? other : one
}
