/**
 * Every operation whose `enqueue` resolved is pending, dead, or was settled with a reason that was
 * recorded or reported; and `completed` is only what the server has taken.
 */
import type { Transition } from '../stored-rows.ts'
import { additionsTo, follow, hasEnded, type Invariant, isForgotten } from './invariant.ts'
import { outcomeOf } from './outcome.ts'
import type { RunRecord } from './run-record.ts'

const ENDS: ReadonlySet<string> = new Set([
  'operation.completed',
  'operation.dropped',
  'operation.cancelled',
])

export const noLoss: Invariant = (run) => {
  const acknowledged = additionsTo(run.acknowledged)
  const transitions = additionsTo(run.rows.transitions)
  const heard = additionsTo(run.heard)
  const open = new Set<string>()
  const reported = new Set<string>()
  const taken = new Set<string>()
  const followRequests = follow(run, {
    ended: (request) => {
      if (outcomeOf(request) === 'accepted') for (const id of request.ids) taken.add(id)
    },
  })
  return () => {
    followRequests()
    for (const { event, detail } of heard()) {
      if (ENDS.has(event)) reported.add((detail as { readonly id: string }).id)
    }
    /** What members of merged envelopes without a request add up to, by owner: that must come to nothing. */
    const folded = new Map<string | null, number>()
    const touched = new Map<string, Transition | null>()
    for (const { id } of acknowledged()) {
      open.add(id)
      touched.set(id, null)
    }
    for (const transition of transitions()) {
      const { id, user, to } = transition
      if (open.has(id)) touched.set(id, transition)
      if (to !== 'completed' || taken.has(id)) continue
      folded.set(user, (folded.get(user) ?? 0) + byOf(run, id))
    }
    const kept = [...folded].filter(([, by]) => by !== 0)
    const unsent = kept.map(([user, by]) => ({ user, by, butNobody: 'has sent it' }))
    const lost = [...touched].flatMap(([id, last]) => {
      const fate = fateOf(run, id, last, { reported, taken })
      if (fate !== 'open') open.delete(id)
      return fate === 'open' || fate === 'explained' ? [] : [{ operation: id, ...fate }]
    })
    return [...unsent, ...lost]
  }
}

/** What one of the kind that neighbours cancel out is worth; of any other kind: nothing. */
function byOf({ rows }: RunRecord, id: string): number {
  const { kind, payload } = rows.known.get(id) ?? {}
  if (kind !== 'fold' || payload === undefined) return 0
  return (JSON.parse(payload) as { readonly by: number }).by
}

interface Known {
  readonly reported: ReadonlySet<string>
  readonly taken: ReadonlySet<string>
}

function fateOf(
  run: RunRecord,
  id: string,
  last: Transition | null,
  { reported, taken }: Known,
): 'open' | 'explained' | object {
  const { rows, lives } = run
  const state = rows.stateOf(id)
  if (state === 'pending' || state === 'dead') return 'open'
  if (state === 'dropped' || state === 'cancelled') return 'explained'
  // Only what no seek finds any more may be missing after a salvage (E2).
  if (state === 'lost' && run.lost.has(id)) return 'explained'
  if (state === 'erased' && isForgotten(run, rows.ownerOf(id))) return 'explained'
  if (state !== 'completed') return reported.has(id) ? 'explained' : { state }
  const isFolded = rows.known.get(id)?.kind === 'fold'
  if (!taken.has(id) && !isFolded) return { state, butTheServer: 'has not accepted it' }
  // Whoever dies after the commit cannot report it any more.
  const died = last !== null && hasEnded(lives, last.life)
  return reported.has(id) || died ? 'explained' : { state, butNobody: 'was told' }
}
