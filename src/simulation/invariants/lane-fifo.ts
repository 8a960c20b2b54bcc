/**
 * A lane is first-in first-out: whatever is sent is the head of its owner's lane at that moment, so
 * nothing is sent before an earlier one has settled; places follow the order of the calls (Q2, Q3), and
 * follow-ups go ahead of all that was pending behind what yielded them (Q13), and what is retried comes behind all that
 * was made before it (Q9).
 */
import { isDeepStrictEqual } from 'node:util'
import { parseOperationId } from '../../../storage/operation-id.ts'
import { additionsTo, type Invariant, isForgotten, isRead, show } from './invariant.ts'
import type { OperationId } from '../../model.ts'
import type { Transition } from '../stored-rows.ts'
import type { RunRecord } from './run-record.ts'

export const laneFifo: Invariant = (run) => {
  const requests = additionsTo(run.requests)
  const transitions = additionsTo(run.rows.transitions)
  return (moment) => {
    const moved = transitions()
    return [
      ...requests()
        .filter((request) => !isRead(request))
        .filter(({ ids, client }) => !isDeepStrictEqual(client.head, ids))
        // Another process has forgotten the user in this instant: who dispatches has yet to hear of it (Q17).
        .filter(({ user, at, client }) => {
          const isGone = client.head.length === 0 && isForgotten(run, user, { from: at, to: at })
          return !(isGone && run.lives.some(({ process }) => process !== 'main'))
        })
        .map((request) => ({ ...show(request), headOfTheLane: request.client.head })),
      ...overtaken(run, moved),
      ...retriedAhead(run, moved),
      ...(moment === 'end' ? misplaced(run) : []),
    ]
  }
}

/** Operations that have come back ahead of an older one. Members of one envelope come back together. */
function retriedAhead(
  { rows, requests }: RunRecord,
  transitions: readonly Transition[],
): unknown[] {
  const bound = new Set([...rows.keys.values()].flatMap(({ ids }) => (ids.length > 1 ? ids : [])))
  return transitions.flatMap(({ id, from, to }) => {
    const back = rows.pending.get(id)
    const own = parseOperationId(id)
    if (from !== 'dead' || to !== 'pending' || back === undefined || own === null) return []
    if (own.lane !== back.lane || bound.has(id) || id.includes('/')) return []
    const isSending = requests.some(({ user, endedAt }) => user === back.user && endedAt === null)
    const older = [...rows.pending.values()].filter((other) => {
      const made = parseOperationId(other.id)
      // Where nothing is in flight any more, one that had to come back behind what was is out of its place (Q2).
      const isInPlace = made?.place === other.place || isSending
      const isOlder = made?.lane === own.lane && made.place < own.place && isInPlace
      const isAhead = other.lane === back.lane && other.place > back.place
      return isOlder && isAhead && !bound.has(other.id) && !other.id.includes('/')
    })
    return older.map((other) => ({ retried: id, isAheadOf: other.id }))
  })
}

/** Follow-ups that have just been made, and lie behind what they must go ahead of. */
function overtaken({ rows }: RunRecord, transitions: readonly Transition[]): unknown[] {
  const back = new Set(transitions.filter(({ from }) => from === 'dead').map(({ id }) => id))
  return transitions.flatMap(({ id, from }) => {
    const made = rows.pending.get(id)
    const parent = id.slice(0, Math.max(0, id.lastIndexOf('/')))
    if (from !== 'absent' || parent === '' || made === undefined) return []
    // Adopted in the instant they were made: behind what the user has by then (I3, Q2).
    if (rows.known.get(parent as OperationId)?.lane !== made.lane) return []
    const ahead = [...rows.pending.values()].filter(
      (other) =>
        other.lane === made.lane &&
        other.place < made.place &&
        !other.id.startsWith(`${parent}/`) &&
        // What was retried in the same instant is back at its old place.
        !back.has(other.id),
    )
    return ahead.map((other) => ({ followUp: id, liesBehind: other.id }))
  })
}

/** Operations that were put ahead of one that was enqueued before them. */
function misplaced({ acknowledged, calls: all, lives, rows }: RunRecord): unknown[] {
  const idOf = new Map(acknowledged.map(({ call, id }) => [call, id]))
  /**
   * Of each lane and process: which of two processes was first, only the commit decides. What is stored within a
   * transaction of the app comes before what was handed in before it and is not stored yet.
   */
  const last = new Map<string, { readonly id: string; readonly place: number }>()
  return all.flatMap((call) => {
    const operation = rows.known.get(idOf.get(call) ?? '')
    if (operation === undefined) return []
    const { id, lane, place } = operation
    const way = call.draft?.within === undefined ? '' : 'within'
    const calls = `${lane} ${lives[call.life]?.process ?? ''} ${way}`
    const before = last.get(calls)
    last.set(calls, { id, place })
    return before === undefined || before.place < place
      ? []
      : [{ enqueued: before, next: { id, place } }]
  })
}
