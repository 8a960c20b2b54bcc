/** At most one write of a lane is in flight. */
import type { SeenRequest } from '../scripted-server.ts'
import { additionsTo, type Invariant, isRead, show } from './invariant.ts'
import type { RunRecord } from './run-record.ts'

/** The lane of who was forgotten meanwhile is another one (I12). */
function isForgotten(
  { calls }: RunRecord,
  before: SeenRequest,
  { user, at }: SeenRequest,
): boolean {
  return calls.some(
    (call) => call.name === 'forget' && call.user === user && call.at >= before.at && call.at <= at,
  )
}

/** Had the process that sent it ended before? */
function diedBy({ lives }: RunRecord, { client }: SeenRequest, at: number): boolean {
  const endedAt = lives[client.life]?.endedAt ?? null
  return endedAt !== null && endedAt <= at
}

export const laneExclusive: Invariant = (run) => {
  const requests = additionsTo(run.requests)
  const last = new Map<string | null, SeenRequest>()
  return () =>
    requests().flatMap((request) => {
      if (isRead(request)) return []
      const before = last.get(request.user)
      last.set(request.user, request)
      if (before === undefined || diedBy(run, before, request.at)) return []
      if (isForgotten(run, before, request)) return []
      const overAt = before.givenUpAt ?? before.endedAt ?? Number.POSITIVE_INFINITY
      return overAt <= request.at ? [] : [{ inFlight: show(before), besides: show(request) }]
    })
}
