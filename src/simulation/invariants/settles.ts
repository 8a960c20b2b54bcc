/** A process that has heard an accepted reply never sends the operations of that request again (Q6, Q11). */
import type { SeenRequest } from '../scripted-server.ts'
import { follow, type Invariant, isRead, show } from './invariant.ts'
import { knownAt, outcomeOf } from './outcome.ts'

export const settles: Invariant = (run) => {
  /** The last accepted sending, by operation. */
  const accepted = new Map<string, SeenRequest>()
  let violations: unknown[] = []
  const followRequests = follow(run, {
    sent: (request) => {
      for (const id of request.ids) {
        const before = accepted.get(id)
        // Another process cannot know what was not stored yet (Q5).
        if (before === undefined || before.client.life !== request.client.life) continue
        violations.push({ accepted: show(before), again: show(request) })
      }
    },
    ended: (request) => {
      if (isRead(request) || knownAt(run, request) === null) return
      if (outcomeOf(request) !== 'accepted') return
      for (const id of request.ids) accepted.set(id, request)
    },
  })
  return () => {
    violations = []
    followRequests()
    return violations
  }
}
