/** `formatStatus()`: the status as a few lines of plain English, for a support dialog, a log or a terminal. Pure. */
import type { HoldName } from '../../machines/holds.ts'
import type {
  HoldStatus,
  LaneStatus,
  OwnerStatus,
  Status,
  TokenNeedStatus,
} from '../engine/status.ts'
import type { Instant, UserId } from '../model.ts'
import { systemClock } from '../ports/clock.ts'
import { printable, printableJson } from '../scrub/printable.ts'
import { ageInWords, leftInWords } from './duration-words.ts'
import { failureInWords, HOLD_WORDS, NEED_WORDS } from './hold-words.ts'

/** So many owners, and so many token needs, are shown: more is no text for a person. */
const MOST_SHOWN = 20

/** The longest user id that is shown whole, in characters. */
const LONGEST_USER = 64

export interface FormatStatusOptions {
  /**
   * The present, in epoch milliseconds: times are told from it. Give it if the engine has a clock of its own. Default: the
   * clock of the machine.
   */
  readonly now?: Instant
}

/**
 * The status as a short text of several lines: the state of the queue, the identity and the requirement; for each owner
 * what is pending, what holds it and until when; dead letters; token needs. The text is for people: its words may change
 * with any version. User ids stand in quotation marks, with control characters escaped. At most 20 owners are shown, the
 * current identity and owners with pending operations first.
 *
 * @throws TypeError unless `now` is a finite number.
 * @example
 * ```ts
 * import { formatStatus, type Holdfast } from 'holdfast'
 *
 * declare const holdfast: Holdfast
 *
 * console.log(formatStatus(holdfast.status()))
 * ```
 */
export function formatStatus(
  status: Status,
  { now = systemClock.wall() }: FormatStatusOptions = {},
): string {
  if (!Number.isFinite(now)) throw new TypeError('formatStatus: now must be a finite number')
  const { queue, identity, requirement, counts } = status
  const whose = identity === null ? 'nobody is logged in' : `logged in as ${shownUser(identity)}`
  return [
    `holdfast is ${queue}, ${whose}, requirement ${requirement}`,
    countsInWords(counts),
    ...ownerLines(status, now),
    ...needLines(status),
  ].join('\n')
}

function ownerLines(status: Status, now: Instant): string[] {
  const rankOf = ({ user, pending, dead }: OwnerStatus) => {
    if (user !== null && user === status.identity) return 0
    if (pending > 0) return 1
    return dead > 0 ? 2 : 3
  }
  const sorted = status.owners.toSorted((one, other) => rankOf(one) - rankOf(other))
  const shown = sorted.slice(0, MOST_SHOWN)
  const lines = shown.flatMap((owner) => linesOf(owner, status, now))
  return sorted.length > shown.length ? [...lines, more(sorted, shown, 'owners')] : lines
}

function linesOf(owner: OwnerStatus, status: Status, now: Instant): string[] {
  const { user, lastCompletedAt, lastFailure } = owner
  const lanes = status.lanes.filter((lane) => lane.user === user)
  const holds = heldBy(lanes)
  const parts = [countsInWords(owner)]
  if (lastCompletedAt !== null) {
    parts.push(`last completed ${ageInWords(now - lastCompletedAt)} ago`)
  }
  if (lastFailure !== null && !holds.has('backing-off')) {
    const age = ageInWords(now - lastFailure.at)
    parts.push(`last failure ${age} ago: ${printable(failureInWords(lastFailure))}`)
  }
  const line = `${shownUser(user)}: ${parts.join('; ')}`
  const held = Array.from(
    holds.values(),
    (one) => `  ${heldInWords(one, lanes.length, status, now)}`,
  )
  return [line, ...held]
}

/** A hold of one owner, the lane that is told of, and how many of the lanes have it. */
interface Held {
  readonly hold: HoldStatus
  readonly lane: LaneStatus
  readonly count: number
}

/** By name; of several lanes the one whose hold ends first is told of. */
function heldBy(lanes: readonly LaneStatus[]): ReadonlyMap<HoldName, Held> {
  const held = new Map<HoldName, Held>()
  for (const lane of lanes) {
    for (const hold of lane.holds) {
      const other = held.get(hold.name)
      const count = (other?.count ?? 0) + 1
      const isFirst = other === undefined || endOf(hold) < endOf(other.hold)
      held.set(hold.name, isFirst ? { hold, lane, count } : { ...other, count })
    }
  }
  return held
}

function endOf({ until }: HoldStatus): number {
  return until ?? Number.POSITIVE_INFINITY
}

function heldInWords(
  { hold, lane, count }: Held,
  laneCount: number,
  { tokenNeeds }: Status,
  now: Instant,
): string {
  const { name, since, until } = hold
  const { words, isWait } = HOLD_WORDS[name]
  const left = until === null ? null : leftInWords(until - now)
  const age = `for ${ageInWords(now - since)}`
  const time = left === null ? ` (${age})` : isWait ? ` ${left}` : ` (${age}, next try in ${left})`
  const share = laneCount > 1 ? ` [${count} of ${laneCount} lanes]` : ''
  return `${words}${time}${share}: ${printable(causeInWords(hold, lane, tokenNeeds))}`
}

/** A cause that another part of the status tells better. */
function causeInWords(
  { name, cause, until }: HoldStatus,
  { user, retryAt, lastFailure }: LaneStatus,
  needs: readonly TokenNeedStatus[],
): string {
  // The wait for operations to merge with is no wait after a failure.
  const isRetry = name === 'backing-off' && retryAt !== null && retryAt === until
  if (isRetry && lastFailure !== null) return failureInWords(lastFailure)
  const need = name === 'awaiting-token' ? needs.find((one) => one.user === user) : undefined
  return need === undefined ? cause : `${NEED_WORDS[need.reason]}${refreshInWords(need)}`
}

function refreshInWords({ lastFailure }: TokenNeedStatus): string {
  if (lastFailure === undefined) return ''
  const { code, reason } = lastFailure
  return `; the last refresh failed: ${reason ?? code}`
}

function needLines({ tokenNeeds }: Status): string[] {
  if (tokenNeeds.length === 0) return []
  const shown = tokenNeeds.slice(0, MOST_SHOWN)
  const needs = shown.map(({ user, reason }) => `${shownUser(user)} (${NEED_WORDS[reason]})`)
  if (tokenNeeds.length > shown.length) needs.push(more(tokenNeeds, shown, 'users'))
  return [`tokens needed: ${needs.join(', ')}`]
}

function more(all: readonly unknown[], shown: readonly unknown[], what: string): string {
  return `and ${all.length - shown.length} more ${what}`
}

interface Counts {
  readonly pending: number
  readonly sending: number
  readonly dead: number
}

function countsInWords({ pending, sending, dead }: Counts): string {
  const parts = [pending === 0 ? 'nothing pending' : `${pending} pending`]
  if (sending > 0) parts.push(`${sending} sending`)
  if (dead > 0) parts.push(dead === 1 ? '1 dead letter' : `${dead} dead letters`)
  return parts.join(', ')
}

function shownUser(user: UserId | null): string {
  if (user === null) return 'anonymous'
  const isLong = user.length > LONGEST_USER
  return printableJson(isLong ? `${user.slice(0, LONGEST_USER).toWellFormed()}…` : user)
}
