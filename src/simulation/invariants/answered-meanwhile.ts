/** Whether a silence counts, because the server has answered others meanwhile (Q8). */
import type { SeenRequest } from '../scripted-server.ts'
import { isRead } from './invariant.ts'
import { outcomeOf } from './outcome.ts'
import type { RunRecord } from './run-record.ts'

/** Of the attempt before: when it failed, and in which life. */
interface Before {
  readonly since: number
  readonly life: number
}

/**
 * True if the server has answered other requests of this life since the attempt before failed, and before this one has. A
 * letter that came back ahead has had an attempt of its own in between: then from the end of that one. Where storage failed,
 * the end of an attempt counts from when it was stored, which nobody sees.
 */
export function wereAnswered(
  { requests, turns }: RunRecord,
  before: Before,
  { user, at, client, endedAt, givenUpAt }: SeenRequest,
): boolean {
  const until = givenUpAt ?? endedAt ?? 0
  const ends = requests.filter((other) => other.user === user && other.at < at && !isRead(other))
  const since = Math.max(before.since, ...ends.map((other) => other.endedAt ?? 0))
  if (turns.some((turn) => turn.turn === 'disk' && turn.at >= since && turn.at <= at)) return false
  return requests.some(
    (other) =>
      other.client.life === client.life &&
      before.life === client.life &&
      other.reply !== null &&
      other.endedAt !== null &&
      other.endedAt > since &&
      other.endedAt < until &&
      !['portal', 'unknown', 'unsent'].includes(outcomeOf(other)),
  )
}
