/** At most one write of a lane is in flight. */
import type { SeenRequest } from '../scripted-server.ts'
import { additionsTo, type Invariant, isRead, show } from './invariant.ts'

export const laneExclusive: Invariant = (run) => {
  const requests = additionsTo(run.requests)
  const last = new Map<string | null, SeenRequest>()
  return () =>
    requests().flatMap((request) => {
      if (isRead(request)) return []
      const before = last.get(request.user)
      last.set(request.user, request)
      if (before === undefined || before.client.life < request.client.life) return []
      const overAt = before.givenUpAt ?? before.endedAt ?? Number.POSITIVE_INFINITY
      return overAt <= request.at ? [] : [{ inFlight: show(before), besides: show(request) }]
    })
}
