/** An operation is on disk before its `enqueue` resolves, and a crash at any moment after that keeps it. */
import { isLast } from '../stored-rows.ts'
import { isDeepStrictEqual } from 'node:util'
import { additionsTo, type Invariant } from './invariant.ts'
import type { RunRecord } from './run-record.ts'

export const durableBeforeAck: Invariant = (run) => {
  const told = additionsTo(run.acknowledged)
  const lives = additionsTo(run.lives)
  const heard = additionsTo(run.heard)
  const dropped = new Set<string>()
  /** When each life was told of damage: from then on nothing is acknowledged (E2). */
  const toldOfDamage = new Map<number, number>()
  const open = new Set<string>()
  let acknowledgedCount = 0
  let transitionCount = 0
  /** Takes in what there was when the list had come to this length. */
  const takeIn = (acknowledgements: number, transitions: number) => {
    for (const { id, found } of run.acknowledged.slice(acknowledgedCount, acknowledgements)) {
      if (found !== null) open.add(id)
    }
    acknowledgedCount = Math.max(acknowledgedCount, acknowledgements)
    for (const { id, to } of run.rows.transitions.slice(transitionCount, transitions)) {
      if (isLast(to) || to === 'erased') gone.add(id)
    }
    transitionCount = Math.max(transitionCount, transitions)
    for (const id of open) if (gone.has(id)) open.delete(id)
  }
  /** Settled: these need no keeping any more. */
  const gone = new Set<string>()
  return (moment) => {
    const violations: unknown[] = moment === 'end' ? [...notThere(run)] : []
    for (const { kept, startedAt, after } of lives()) {
      takeIn(after.acknowledged, after.transitions)
      for (const id of open) {
        if (!kept.has(id)) violations.push({ operation: id, lostAtTheStartAt: startedAt })
      }
    }
    for (const { event, detail, life, at } of heard()) {
      if (isDamageTold(event, detail) && !toldOfDamage.has(life)) toldOfDamage.set(life, at)
      // An anonymous operation under `required` is never stored (I3).
      const { id, reason } = detail as { readonly id?: string; readonly reason?: string }
      if (event === 'operation.dropped' && reason === 'anonymous') dropped.add(id ?? '')
    }
    for (const { id, at, found, life } of told()) {
      if (at > (toldOfDamage.get(life) ?? at)) violations.push({ operation: id, afterDamage: at })
      if (found === null && !dropped.has(id)) violations.push({ operation: id, acknowledgedAt: at })
    }
    return violations
  }
}

/** Damage that was found while running; what a salvage tells comes after it. */
function isDamageTold(event: string, detail: object): boolean {
  if (event !== 'error' || 'salvaged' in detail) return false
  const { error } = detail as { readonly error?: { readonly code?: string } }
  return error?.code === 'STORAGE_CORRUPT'
}

/** What was seen to be committed is what another connection finds. */
function notThere(run: RunRecord): unknown[] {
  const { rows } = run
  const found = run.idsInDatabase()
  const seen = { pending: [...rows.pending.keys()].sort(), dead: [...rows.letters.keys()].sort() }
  return isDeepStrictEqual(seen, { pending: found.pending, dead: found.dead })
    ? []
    : [{ seen, found }]
}
