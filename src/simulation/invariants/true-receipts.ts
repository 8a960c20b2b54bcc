/**
 * A receipt that was awaited all along settles with the end that the rows tell of, in every process; and at the
 * end of a run no receipt of an operation that ended long ago is open (Q23). What was committed is never said to have
 * been rolled back.
 */
import { isDeepStrictEqual } from 'node:util'
import type { SeenReceipt } from '../seen.ts'
import type { Transition } from '../stored-rows.ts'
import { additionsTo, hasEnded, type Invariant } from './invariant.ts'
import type { RunRecord } from './run-record.ts'

/** So long after the end every process has heard of it, also if storage failed meanwhile. */
const LONGEST_MS = 60_000

export const trueReceipts: Invariant = (run) => {
  const open = new Set<SeenReceipt>()
  const added = additionsTo(run.receipts)
  return (moment) => {
    for (const receipt of added()) open.add(receipt)
    const settled = [...open].filter(
      ({ settlement, refusal }) => settlement !== null || refusal !== null,
    )
    for (const receipt of settled) open.delete(receipt)
    const untrue = settled.filter((receipt) => !isTrue(run, receipt))
    if (moment !== 'end') return untrue
    const untold = [...open].filter((receipt) => isUntold(run, receipt))
    return [...untrue, ...untold.map((receipt) => ({ ...receipt, why: 'nobody was told' }))]
  }
}

/** True if the operation ended so long before the life of the process ended that the process must have heard of it. */
function isUntold({ rows, lives, isQuiet, now }: RunRecord, { id, life }: SeenReceipt): boolean {
  const endedAt = lives[life]?.endedAt ?? null
  const heardAt = (endedAt ?? now) - (isQuiet && endedAt === null ? 0 : LONGEST_MS)
  const last = rows.transitions.findLast((step) => step.id === id && step.at <= heardAt)
  return last !== undefined && last.to !== 'pending'
}

function isTrue(run: RunRecord, receipt: SeenReceipt): boolean {
  const { id, life, settlement, refusal } = receipt
  // Only of what was committed is a receipt awaited.
  if (refusal === 'UNKNOWN_OPERATION') return false
  if (settlement === null) return true
  const { outcome, reason } = settlement
  // The engine was closed first.
  if (outcome === 'pending') return hasEnded(run.lives, life) && !isUntold(run, receipt)
  // At the door nothing was stored of it (I3).
  if (!run.rows.known.has(id)) return outcome === 'dropped' && reason === 'anonymous'
  const isEnd = run.rows.transitions.some((step) => step.id === id && isOf(step, settlement))
  return isEnd && (outcome !== 'completed' || hasItsResult(run, id, settlement.result))
}

/** Of a kind with results, each operation has its own, in every process. A salvage may lose it (E2). */
function hasItsResult({ rows, setAsides }: RunRecord, id: string, result: unknown): boolean {
  const known = rows.known.get(id)
  if (known?.kind !== 'quote') return result === undefined
  if (result === undefined) return setAsides.length > 0
  const { text } = JSON.parse(known.payload) as { readonly text: string }
  return isDeepStrictEqual(result, { text })
}

function isOf({ to, reason: stored }: Transition, settlement: SeenReceipt['settlement']): boolean {
  if (settlement === null || settlement.outcome !== to) return false
  return to === 'completed' || to === 'cancelled' || settlement.reason === stored
}
