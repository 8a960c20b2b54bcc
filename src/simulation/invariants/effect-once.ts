/**
 * A server that remembers keys, as this one does, applies each operation at most once. Of a kind whose keys it forgets
 * it must not get one again that may have been applied longer ago (Q5), unless the app itself wants it sent again.
 */
import type { SeenRequest } from '../scripted-server.ts'
import { additionsTo, type Invariant, isRead, show } from './invariant.ts'
import type { RunRecord } from './run-record.ts'

export const effectOnce: Invariant = (run) => {
  const requests = additionsTo(run.requests)
  const applied = new Map<string, SeenRequest>()
  return () => {
    const violations: unknown[] = []
    for (const request of requests()) {
      if (!request.applied || isRead(request)) continue
      for (const id of request.ids) {
        const before = applied.get(id)
        if (before !== undefined && !isExcused(run, id, before, request)) {
          violations.push({ applied: show(before), again: show(request) })
        }
        applied.set(id, request)
      }
    }
    return violations
  }
}

/**
 * Where the server forgets keys, the engine counts from the first attempt of unknown outcome, by its wall clock: it cannot
 * count while that is set back.
 */
function isExcused(run: RunRecord, id: string, before: SeenRequest, again: SeenRequest): boolean {
  if ((run.kinds.get(again.kind)?.spec.idempotencyWindowMs ?? null) === null) return false
  const isBetween = ({ at }: { readonly at: number }) => at >= before.at && at <= again.at
  const isSetBack = run.turns.some(
    (turn) => turn.turn === 'wall' && turn.byMs < 0 && isBetween(turn),
  )
  const isRetried = run.rows.transitions.some(
    (step) => step.id === id && step.from === 'dead' && step.to === 'pending' && isBetween(step),
  )
  return isSetBack || isRetried
}
