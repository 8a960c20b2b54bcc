/**
 * `cancel()` is too late only for an operation that may have arrived: one in flight, or with an attempt of unknown
 * outcome (Q10). An attempt that came to `unsent` is none of these (Q5).
 */
import type { SeenCall } from '../seen.ts'
import { additionsTo, type Invariant, show } from './invariant.ts'
import { outcomeOf } from './outcome.ts'
import type { RunRecord } from './run-record.ts'

/** A portal is no reply of the server, so it tells as little. */
const TELLS_NOTHING: ReadonlySet<string> = new Set(['unknown', 'doubtful', 'portal'])

export const tooLate: Invariant = (run) => {
  const calls = additionsTo(run.calls)
  let open: SeenCall[] = []
  return () => {
    open.push(...calls().filter(({ name }) => name === 'cancel'))
    const settled = open.filter(({ settledAt }) => settledAt !== null)
    open = open.filter(({ settledAt }) => settledAt === null)
    return settled
      .filter((call) => isTooLate(call) && isPlain(run, call) && !mayHaveArrived(run, call))
      .map((call) => ({
        cancelled: call.step,
        at: call.at,
        sent: run.requests.filter(({ ops }) => ops.includes(call.step ?? '')).map(show),
        why: 'it has surely not arrived',
      }))
  }
}

function isTooLate({ error }: SeenCall): boolean {
  return (error as { readonly code?: string } | null)?.code === 'TOO_LATE'
}

/** What another process, or this one before it began anew, has sent, and what could not be recorded, cannot be told from outside. */
function isPlain(
  { rows, requests, lives, turns, acknowledged }: RunRecord,
  call: SeenCall,
): boolean {
  const { step, life } = call
  const id = acknowledged.find((done) => done.call.step === step)?.id ?? ''
  const storedAt = rows.storedAt.get(id) ?? 0
  const isOfOthers = requests.some(
    ({ ops, client }) => ops.includes(step ?? '') && client.life !== life,
  )
  // A process that ended may have recorded an envelope, and have died before it sent that.
  const hasDied = lives.some(({ startedAt }, index) => index > 0 && startedAt >= storedAt)
  return !isOfOthers && !hasDied && !turns.some(({ turn, at }) => turn === 'disk' && at >= storedAt)
}

function mayHaveArrived({ requests }: RunRecord, { step, at, settledAt }: SeenCall): boolean {
  return requests.some((request) => {
    if (!request.ops.includes(step ?? '') || request.at > (settledAt ?? at)) return false
    const isInFlight = request.endedAt === null || request.endedAt >= at
    return isInFlight || TELLS_NOTHING.has(outcomeOf(request))
  })
}
