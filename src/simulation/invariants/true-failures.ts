/** What the app hears of an attempt that failed, or that an operation died of, is what the server answered (Q7, Q9, Q22). */
import type { HoldfastEvents } from '../../events.ts'
import type { SeenRequest } from '../scripted-server.ts'
import type { HeardEvent } from '../seen.ts'
import { additionsTo, type Invariant, isRead } from './invariant.ts'
import { outcomeOf } from './outcome.ts'
import type { RunRecord } from './run-record.ts'
import { hasFailedLately } from './running-time.ts'

export const trueFailures: Invariant = (run) => {
  const heard = additionsTo(run.heard)
  return () =>
    heard().flatMap((event) => {
      const why = whyUntrue(run, event)
      return why === null ? [] : [{ ...event, why }]
    })
}

function whyUntrue(run: RunRecord, heard: HeardEvent): string | null {
  const { event, detail } = heard
  const isDeath = event === 'operation.dead' && 'reason' in detail && detail.reason === 'rejected'
  if (event !== 'operation.retrying' && !isDeath) return null
  const {
    id,
    outcome = 'rejected',
    status,
  } = detail as Partial<HoldfastEvents['operation.retrying']> & {
    readonly id: string
    readonly status: number | null
  }
  const last = lastOf(run, id, heard)
  const isTrue = last.some((sent) => {
    const came = outcomeOf(sent)
    const isMute = came === 'unknown' || came === 'unsent'
    if (isMute) return outcome === came && status === null
    return (isDeath || outcome === 'retry') && status === sent.status
  })
  if (isTrue) return null
  return `it came to ${last.map((sent) => `${outcomeOf(sent)} ${sent.status}`).join(', ')}`
}

/**
 * The last sending of this operation by this process that was over by then; of one instant all. Where storage has failed, an
 * outcome may be told when it is stored at last (Q11), in the instant of the next sending: then it may be of any.
 */
function lastOf(
  { requests, turns }: RunRecord,
  id: string,
  { life, at }: HeardEvent,
): readonly SeenRequest[] {
  const overAt = ({ endedAt, givenUpAt }: SeenRequest) => givenUpAt ?? endedAt ?? Infinity
  const over = requests.filter(
    (sent) =>
      !isRead(sent) && sent.client.life === life && sent.ids.includes(id) && overAt(sent) <= at,
  )
  if (hasFailedLately({ now: at, turns })) return over
  const latest = Math.max(...over.map(overAt))
  return over.filter((sent) => overAt(sent) === latest)
}
