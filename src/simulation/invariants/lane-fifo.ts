/**
 * A lane is first-in first-out: whatever is sent is the head of its owner's lane at that moment, so
 * nothing is sent before an earlier one has settled; and places follow the order of the calls (Q2, Q3).
 */
import { isDeepStrictEqual } from 'node:util'
import { additionsTo, type Invariant, isRead, show } from './invariant.ts'
import type { RunRecord } from './run-record.ts'

export const laneFifo: Invariant = (run) => {
  const requests = additionsTo(run.requests)
  return (moment) => [
    ...requests()
      .filter((request) => !isRead(request))
      .filter(({ ids, client }) => !isDeepStrictEqual(client.head, ids))
      .map((request) => ({ ...show(request), headOfTheLane: request.client.head })),
    ...(moment === 'end' ? misplaced(run) : []),
  ]
}

/** Operations that were put ahead of one that was enqueued before them. */
function misplaced({ acknowledged, calls: all, lives, rows }: RunRecord): unknown[] {
  const idOf = new Map(acknowledged.map(({ call, id }) => [call, id]))
  /** Of each lane and process: which of two processes was first, only the commit decides. */
  const last = new Map<string, { readonly id: string; readonly place: number }>()
  return all.flatMap((call) => {
    const operation = rows.known.get(idOf.get(call) ?? '')
    if (operation === undefined) return []
    const { id, lane, place } = operation
    const calls = `${lane} ${lives[call.life]?.process ?? ''}`
    const before = last.get(calls)
    last.set(calls, { id, place })
    return before === undefined || before.place < place
      ? []
      : [{ enqueued: before, next: { id, place } }]
  })
}
