/**
 * A read is sent when the writes it comes after have settled, and the creations of the records that it needs (Q12), with
 * the newest reading position of its user, and not before the delay of that (R1, R2). A read of somebody who is not logged in any more has been cancelled (R4).
 */
import type { SeenRequest } from '../scripted-server.ts'
import type { SeenCall } from '../seen.ts'
import { additionsTo, type Invariant, isRead, show } from './invariant.ts'
import { earlierOf, readCameTo } from './judged-reads.ts'
import { type Position, ReadingPositions } from './reading-positions.ts'
import type { RunRecord } from './run-record.ts'
import { isUnheard } from './unheard-commits.ts'

export const readsInOrder: Invariant = (run) => {
  const requests = additionsTo(run.requests)
  const calls = additionsTo(run.calls)
  const positions = new ReadingPositions(run)
  let open: SeenCall[] = []
  return () => {
    open = [...open, ...calls().filter(({ name }) => name === 'read')]
    positions.look()
    const sent = requests().filter(isRead)
    const faults = sent.flatMap((request) => {
      const call = open.find(
        ({ step, life, at }) =>
          step === request.ops[0] && life === request.client.life && at <= request.at,
      )
      if (call === undefined) return []
      return [
        writeFault(run, call, request),
        recordFault(run, call, request),
        positionFault(run, positions, call, request),
      ]
        .filter((why) => why !== null)
        .map((why) => ({ ...show(request), why }))
    })
    open = open.filter(({ settledAt }) => settledAt === null)
    return [...faults, ...open.filter((call) => isOfFormer(run, call)).map(asFault)]
  }
}

/** Is its user logged in no more, in the process that is looked at? */
function isOfFormer(run: RunRecord, { life, user }: SeenCall): boolean {
  return life === run.life && user !== run.identity && run.checkCount === 0 && !run.isDamaged
}

function asFault(call: SeenCall): object {
  return { ...call, why: 'its user is not logged in any more' }
}

/** A write that it comes after, and that is still pending. */
function writeFault(run: RunRecord, call: SeenCall, { at }: SeenRequest): string | null {
  const pending = pendingBefore(run, call).find(
    (id) =>
      (call.after === null || call.after.includes(id)) &&
      !run.rows.transitions.some(
        (step) => step.id === id && step.from === 'pending' && step.at >= call.at && step.at <= at,
      ),
  )
  return pending === undefined ? null : `${pending} is still pending`
}

/** A creation of a record that it needs, and that was pending before and still is. */
function recordFault({ rows }: RunRecord, { needs }: SeenCall, { at }: SeenRequest): string | null {
  if (needs.length === 0) return null
  const created = [...rows.pending.values()].find(({ id, kind, payload }) => {
    const { record = '' } = JSON.parse(payload) as { readonly record?: string }
    return CREATING.has(kind) && needs.includes(record) && (rows.storedAt.get(id) ?? at) < at
  })
  return created === undefined ? null : `the creation ${created.id} is still pending`
}

/** The kinds that create a record. */
const CREATING: ReadonlySet<string> = new Set(['create', 'register'])

/**
 * The operations that its user had pending at the call, in every process (R1). The order in one instant is not known. A call
 * that names no operations comes after the operations that its process has heard of.
 */
function pendingBefore(run: RunRecord, call: SeenCall): readonly string[] {
  const { rows } = run
  const { at, user, life, after } = call
  const pending = new Set<string>()
  for (const step of rows.transitions) {
    if (step.at >= at) break
    const isKnown = after !== null || !isUnheard(run, step, life, at)
    if (step.to === 'pending' && step.user === user && isKnown) pending.add(step.id)
    else pending.delete(step.id)
  }
  // What was nobody's is somebody's now (I3).
  for (const { id } of rows.adoptions) pending.delete(id)
  return [...pending]
}

function positionFault(
  run: RunRecord,
  positions: ReadingPositions,
  call: SeenCall,
  request: SeenRequest,
): string | null {
  const { user, key } = call
  const { at, position } = request
  if (isLastTry(run, call, request)) {
    return position === null ? null : 'its last try has a reading position'
  }
  // Of a damaged page nobody can tell what is read.
  if (run.isDamaged) return null
  const possible = positions.possible(user, key ?? '', at)
  const tokens = possible.map((one) => one?.token ?? null)
  if (!tokens.includes(position)) {
    return `the newest reading position is ${tokens.at(-1) ?? 'none'}`
  }
  if (position === null) return null
  const told = positions.told(user, key ?? '')
  const readyAt = Math.min(
    ...told
      .filter((one, index) => one.token === position && isNewestSince(told, index, call.at, at))
      .map((one) => one.readyAt - jumpedMs(run, one.at, at)),
  )
  return at < readyAt ? `not before ${readyAt}` : null
}

/** After a 425 or 429, or a reply that the app judges so, it goes once more, without a position (R5). */
function isLastTry(run: RunRecord, call: SeenCall, request: SeenRequest): boolean {
  return earlierOf(run, request).some((sent) => readCameTo(call, sent) === 'retry')
}

/** Was this one the newest at a moment between the two? Who has waited for it waits no longer where it is told again. */
function isNewestSince(
  told: readonly Position[],
  index: number,
  from: number,
  to: number,
): boolean {
  const [position, next] = told.slice(index)
  return position !== undefined && position.at <= to && (next === undefined || next.at >= from)
}

/** How far the wall clock, by which the delay is stored, has gone ahead of the time that passed. */
function jumpedMs({ turns }: RunRecord, from: number, to: number): number {
  return turns
    .filter(({ turn, at }) => (turn === 'wall' || turn === 'slept') && at >= from && at <= to)
    .reduce((sum, { byMs }) => sum + Math.max(0, byMs), 0)
}
