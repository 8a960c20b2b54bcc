/** A server that remembers keys, as this one does, applies each operation at most once. */
import type { SeenRequest } from '../scripted-server.ts'
import { additionsTo, type Invariant, isRead, show } from './invariant.ts'

export const effectOnce: Invariant = (run) => {
  const requests = additionsTo(run.requests)
  const applied = new Map<string, SeenRequest>()
  return () => {
    const violations: unknown[] = []
    for (const request of requests()) {
      if (!request.applied || isRead(request)) continue
      for (const id of request.ids) {
        const before = applied.get(id)
        if (before !== undefined) violations.push({ applied: show(before), again: show(request) })
        applied.set(id, request)
      }
    }
    return violations
  }
}
