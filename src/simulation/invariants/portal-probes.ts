/**
 * While a captive portal answers, one lane after the other sends its head to find out whether it is gone, after waits
 * that double (Q6).
 */
import type { SeenRequest } from '../scripted-server.ts'
import { additionsTo, follow, type Invariant, isRead, show } from './invariant.ts'
import { outcomeOf } from './outcome.ts'
import type { RunRecord } from './run-record.ts'
import { doublingWait } from './doubling-wait.ts'

interface Portal {
  readonly life: number
  /** How often it has answered: the wait is the one after so many failures. */
  readonly count: number
  readonly since: number
  /** The request that probes it; null: none is in flight. */
  readonly probe: SeenRequest | null
  /** Whose lane was the last to probe it; undefined: none was. */
  readonly lastUser: string | null | undefined
}

export const portalProbes: Invariant = (run) => {
  const turns = additionsTo(run.turns)
  let portal: Portal | null = null
  /** When each head met a portal first, and when the server itself answered last. */
  const metAt = new Map<string, number>()
  let answeredAt = -1
  /** When a portal was met last of which nobody can tell whether it counted. */
  let disputedAt = -1
  let violations: object[] = []
  const followRequests = follow(run, {
    sent: (request) => {
      // A read waits for no lane, and probes nothing.
      if (isRead(request)) return
      // In a wait with a random part nobody can tell from here what is too early.
      if (portal === null || portal.life !== request.client.life || portal.probe !== null) return
      // In the instant in which it was met.
      if (request.at <= portal.since) return
      const due = portal.since + doublingWait(run.settings.backoff, portal.count)
      if (!run.settings.backoff.jitter && request.at < due) {
        violations.push({ ...show(request), why: `the captive portal is probed at ${due}` })
      }
      const isProbe = request.at === due
      if (isProbe && portal.lastUser === request.user && isOtherReady(run, request, portal)) {
        violations.push({ ...show(request), why: 'it is the turn of another lane' })
      }
      // Later than due: nobody had anything to send, and the portal may be taken for gone.
      portal = isProbe ? { ...portal, probe: request, lastUser: request.user } : null
    },
    ended: (request) => {
      const outcome = outcomeOf(request)
      const { endedAt, client, ids } = request
      const [head = ''] = ids
      const { life } = client
      if (endedAt === null || (isRead(request) && outcome === 'portal')) portal = null
      else if (outcome === 'portal') {
        // The server has answered others since, or in this instant: then it may be no portal.
        const firstMetAt = metAt.get(head) ?? endedAt
        const isDisputed = answeredAt >= firstMetAt
        metAt.set(head, firstMetAt)
        if (isDisputed) disputedAt = endedAt
        portal = request.at <= disputedAt ? null : after(portal, request, endedAt)
      } else if (outcome !== 'unknown' && outcome !== 'unsent') {
        answeredAt = endedAt
        portal = null
      } else if (portal?.probe === request)
        portal = { ...portal, life, since: endedAt, probe: null }
    },
  })
  return () => {
    violations = []
    const turn = turns().at(-1)
    // A request in flight at that moment may meet a portal that the engine waits for already.
    if (turn !== undefined && portal !== null) disputedAt = turn.at
    if (turn !== undefined || portal?.life !== run.life) portal = null
    followRequests()
    return violations
  }
}

/** What was in flight already when it was met first says nothing new. */
function after(portal: Portal | null, request: SeenRequest, since: number): Portal {
  const { life } = request.client
  if (portal === null || portal.life !== life) {
    return { life, count: 1, since, probe: null, lastUser: undefined }
  }
  if (portal.probe !== request) return portal
  return { ...portal, count: portal.count + 1, since, probe: null }
}

/** Has another lane been held by the portal alone since it was met last? */
function isOtherReady(
  { status, wall, now }: RunRecord,
  { user }: SeenRequest,
  { since }: Portal,
): boolean {
  const sinceWall = wall - (now - since)
  return status.lanes.some(
    (lane) =>
      lane.user !== user &&
      !lane.sending &&
      lane.holds.every((hold) => hold.name === 'offline' && hold.since <= sinceWall) &&
      lane.holds.length > 0,
  )
}
