/** An operation is on disk before its `enqueue` resolves, and a crash at any moment after that keeps it. */
import type { Acknowledgement } from '../seen.ts'
import { isLast, type Transition } from '../stored-rows.ts'
import { additionsTo, type Invariant } from './invariant.ts'

export const durableBeforeAck: Invariant = (run) => {
  const acknowledged = additionsTo(run.acknowledged)
  const lives = additionsTo(run.lives)
  const transitions = additionsTo(run.rows.transitions)
  const heard = additionsTo(run.heard)
  const dropped = new Set<string>()
  const open = new Set<string>()
  let life = -1
  return () => {
    const violations: unknown[] = []
    let left: readonly Transition[] = transitions()
    let told: readonly Acknowledgement[] = acknowledged()
    for (const { kept, startedAt } of lives()) {
      life += 1
      for (const { id, found, life: then } of told) {
        if (then < life && found !== null) open.add(id)
      }
      told = told.filter((one) => one.life >= life || one.found === null)
      left = leave(open, left, life)
      for (const id of open) {
        if (!kept.has(id)) violations.push({ operation: id, lostAtTheStartAt: startedAt })
      }
    }
    for (const { event, detail } of heard()) {
      // An anonymous operation under `required` is never stored (I3).
      const { id, reason } = detail as { readonly id?: string; readonly reason?: string }
      if (event === 'operation.dropped' && reason === 'anonymous') dropped.add(id ?? '')
    }
    for (const { id, at, found } of told) {
      if (found === null && !dropped.has(id)) violations.push({ operation: id, acknowledgedAt: at })
      else if (!isLast(run.rows.stateOf(id)) && found !== null) open.add(id)
    }
    leave(open, left, life + 1)
    return violations
  }
}

/** What was settled in the lives before this one needs no keeping any more. Answers what came later. */
function leave(
  open: Set<string>,
  transitions: readonly Transition[],
  before: number,
): readonly Transition[] {
  return transitions.filter((transition) => {
    if (transition.life >= before) return true
    if (isLast(transition.to) || transition.to === 'erased') open.delete(transition.id)
    return false
  })
}
