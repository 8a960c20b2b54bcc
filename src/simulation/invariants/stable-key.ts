/**
 * An envelope that is built again with the same members keeps its key (Q5). Once nobody knows what a sending came to, the very same envelope is sent again: the same key, members
 * and body, over restarts too, until it is known. A stored payload that was upgraded meanwhile (Q14) is
 * the one reason for another body.
 */
import { isDeepStrictEqual } from 'node:util'
import type { SeenRequest } from '../scripted-server.ts'
import { follow, type Invariant, isRead, show } from './invariant.ts'
import { outcomeOf } from './outcome.ts'
import type { RunRecord } from './run-record.ts'

export const stableKey: Invariant = (run) => {
  /** The last sending of unknown outcome, by operation. */
  const unknown = new Map<string, SeenRequest>()
  /** The last sending, by its first operation. */
  const last = new Map<string, SeenRequest>()
  let violations: unknown[] = []
  const followRequests = follow(run, {
    sent: (request) => {
      if (isRead(request)) return
      const before = request.ids.map((id) => unknown.get(id)).find((found) => found !== undefined)
      if (before !== undefined && !isSame(run, before, request)) {
        violations.push({ unknown: show(before), again: show(request), body: request.body })
      }
      const head = request.ids[0] ?? ''
      const former = last.get(head)
      if (former !== undefined && isRebuiltUnderAnotherKey(run, former, request)) {
        violations.push({ built: show(former), again: show(request) })
      }
      last.set(head, request)
    },
    ended: (request) => {
      const outcome = outcomeOf(request, unknown.has(request.ids[0] ?? ''))
      for (const id of request.ids) {
        if (outcome === 'unknown' || outcome === 'doubtful') unknown.set(id, request)
        if (outcome === 'accepted' || outcome === 'rejected') unknown.delete(id)
      }
    },
  })
  return () => {
    violations = []
    followRequests()
    return violations
  }
}

/** After these outcomes the envelope may be built again, and with the same members it has the same key. */
function isRebuiltUnderAnotherKey(
  { rows }: RunRecord,
  former: SeenRequest,
  now: SeenRequest,
): boolean {
  const outcome = outcomeOf(former)
  const isRefusal = former.status === 425 || former.status === 429
  if (outcome !== 'unsent' && outcome !== 'refused-token' && !isRefusal) return false
  // Adopted, it is in another lane, where a member that was sent alone may merge (I3, Q4).
  if (former.user !== now.user) return false
  const isSameAgain = former.key === now.key || !isDeepStrictEqual(former.ids, now.ids)
  // A neighbour came between, and their request could not be made: each is tried alone, under its own id (Q6).
  const isTriedAlone = now.ids.length === 1 && now.key === now.ids[0]
  // A letter that comes back may have another place, where it merges with others, or not any more.
  const hasDied = rows.transitions.some(
    ({ id, to, at }) => to === 'dead' && at >= former.at && now.ids.includes(id),
  )
  return !isSameAgain && !isTriedAlone && !hasDied
}

function isSame(run: RunRecord, before: SeenRequest, now: SeenRequest): boolean {
  if (before.key !== now.key || !isDeepStrictEqual(before.ids, now.ids)) return false
  const { lives } = run
  const versions = [before, now].map(({ client, kind }) => lives[client.life]?.versions.get(kind))
  if (versions[0] !== versions[1] || isDeepStrictEqual(before.body, now.body)) return true
  return isOnlyRecordOther(before, now) && isRecordNewSince(run, before)
}

/**
 * A known limit: a record is called otherwise if a creation of it comes, is made or goes away meanwhile.
 * What it was called is not stored with the sending.
 */
function isRecordNewSince({ rows }: RunRecord, { ids, at }: SeenRequest): boolean {
  const payload = rows.known.get(ids[0] ?? '')?.payload
  if (payload === undefined) return false
  const local = recordIn(JSON.parse(payload))
  return rows.transitions.some((transition) => {
    if (transition.at < at) return false
    const moved = rows.known.get(transition.id)
    return moved?.kind === 'create' && recordIn(JSON.parse(moved.payload)) === local
  })
}

function isOnlyRecordOther(before: SeenRequest, now: SeenRequest): boolean {
  const rest = ({ body }: SeenRequest) => ({ ...(body as object), record: null })
  return isDeepStrictEqual(rest(before), rest(now))
}

function recordIn(payload: unknown): string | null {
  return (payload as { readonly record?: string }).record ?? null
}
