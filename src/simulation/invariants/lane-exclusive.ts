/** At most one write of a lane is in flight. */
import type { SeenRequest } from '../scripted-server.ts'
import { additionsTo, type Invariant, isForgotten, isRead, show } from './invariant.ts'
import type { RunRecord } from './run-record.ts'

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
      // The lane of who was forgotten meanwhile is another one (I12).
      const { user, at } = request
      if (isForgotten(run, user, { from: before.at, to: at })) return []
      const overAt = before.givenUpAt ?? before.endedAt ?? Number.POSITIVE_INFINITY
      return overAt <= request.at ? [] : [{ inFlight: show(before), besides: show(request) }]
    })
}
