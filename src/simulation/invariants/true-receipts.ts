/**
 * A receipt that was awaited all along settles with the end that the rows tell of, in every process; and once
 * nothing more happens by itself, no receipt of an operation that has ended is open (Q23).
 */
import type { SeenReceipt } from '../seen.ts'
import type { Transition } from '../stored-rows.ts'
import { hasEnded, type Invariant } from './invariant.ts'
import type { RunRecord } from './run-record.ts'

export const trueReceipts: Invariant = (run) => {
  const open = new Set<SeenReceipt>()
  let seen = 0
  return (moment) => {
    for (const receipt of run.receipts.slice(seen)) open.add(receipt)
    seen = run.receipts.length
    const settled = [...open].filter(({ settlement }) => settlement !== null)
    for (const receipt of settled) open.delete(receipt)
    const untrue = settled.filter((receipt) => !isTrue(run, receipt))
    if (moment !== 'end' || !run.isQuiet) return untrue
    const forgotten = [...open].filter(
      ({ id, life }) => !hasEnded(run.lives, life) && run.rows.stateOf(id) !== 'pending',
    )
    return [...untrue, ...forgotten.map((receipt) => ({ ...receipt, why: 'nobody was told' }))]
  }
}

function isTrue(run: RunRecord, { id, life, settlement }: SeenReceipt): boolean {
  if (settlement === null) return true
  const { outcome, reason } = settlement
  // The engine was closed first.
  if (outcome === 'pending') return hasEnded(run.lives, life)
  // At the door nothing was stored of it (I3).
  if (!run.rows.known.has(id)) return outcome === 'dropped' && reason === 'anonymous'
  return run.rows.transitions.some((step) => step.id === id && isOf(step, settlement))
}

function isOf({ to, reason: stored }: Transition, settlement: SeenReceipt['settlement']): boolean {
  if (settlement === null || settlement.outcome !== to) return false
  return to === 'completed' || to === 'cancelled' || settlement.reason === stored
}
