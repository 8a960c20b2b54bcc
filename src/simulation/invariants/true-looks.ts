/**
 * What the app looks at was so at a moment of the look: `pending()`, `deadLetters()` and `operation(id)` ask storage, in
 * several steps, and meanwhile operations come and go.
 */
import type { OperationInfo } from '../../api/operation-info.ts'
import type { SeenCall } from '../seen.ts'
import type { OperationState, StoredOperation } from '../stored-rows.ts'
import { additionsTo, hasEnded, type Invariant } from './invariant.ts'
import type { RunRecord } from './run-record.ts'

/** A list of so many may be cut there. */
const MOST_LISTED = 1000

export const trueLooks: Invariant = (run) => {
  const added = additionsTo(run.calls)
  let open: SeenCall[] = []
  return () => {
    open.push(...added().filter(({ name }) => LOOKS.has(name)))
    const answered = open.filter(({ settledAt, error }) => settledAt !== null && error === null)
    open = open.filter(({ settledAt, life }) => settledAt === null && !hasEnded(run.lives, life))
    // What a damaged database still answers, nobody can say.
    return run.isDamaged ? [] : answered.flatMap((call) => faultsOf(run, call))
  }
}

const LOOKS: ReadonlySet<string> = new Set(['pending', 'deadLetters', 'operation'])

function faultsOf(run: RunRecord, call: SeenCall): readonly object[] {
  if (hasBeenSalvaged(run, call)) return []
  switch (call.name) {
    case 'pending':
      return listFaults(run, call, 'pending', run.rows.pending)
    case 'deadLetters':
      return listFaults(run, call, 'dead', run.rows.letters)
    default:
      return operationFaults(run, call)
  }
}

/** What was there before the salvage is not known of every row. */
function hasBeenSalvaged({ setAsides }: RunRecord, { at }: SeenCall): boolean {
  return setAsides.some((tried) => tried.at >= at)
}

function listFaults(
  run: RunRecord,
  call: SeenCall,
  state: 'pending' | 'dead',
  rows: ReadonlyMap<string, StoredOperation>,
): readonly object[] {
  const listed = call.result as readonly Extract<OperationInfo, { readonly user: unknown }>[]
  const { user, limit = MOST_LISTED } = call.filter ?? {}
  const faults: object[] = []
  const fault = (why: string, about: unknown) => faults.push({ ...call, result: about, why })
  const ids = new Set(listed.map(({ id }) => String(id)))
  if (ids.size < listed.length) fault('an operation is listed twice', listed)
  if (listed.length > limit) fault('more are listed than the limit allows', listed.length)
  for (const info of listed) {
    if (info.state !== state || !hasBeen(run, call, info.id, state)) {
      fault(`an operation is listed that was not ${state}`, info)
    }
    if (user !== undefined && info.user !== user) fault('it is of another user', info)
  }
  if (listed.length < limit) {
    for (const { id, user: owner } of rows.values()) {
      const isAskedFor = user === undefined || user === owner
      if (isAskedFor && !ids.has(id) && hasStayed(run, call, id)) fault('it is not listed', id)
    }
  }
  const isAskew = state === 'pending' && !isInOrder(run, call, listed)
  if (isAskew) fault('they are not in the order of their lanes', [...ids])
  return faults
}

/** Lane by lane, each in the order in which it is sent. */
function isInOrder(
  { rows }: RunRecord,
  { at }: SeenCall,
  listed: readonly { readonly id: string }[],
): boolean {
  const moved = new Set(
    [...rows.adoptions, ...rows.shifts].flatMap((move) => (move.at >= at ? [move.id] : [])),
  )
  const places = listed.flatMap(({ id }) => (moved.has(id) ? [] : (rows.pending.get(id) ?? [])))
  const lanes = places.map(({ lane }) => lane).filter((lane, index, all) => lane !== all[index - 1])
  if (new Set(lanes).size < lanes.length) return false
  return places.every(({ lane, place }, index) => {
    const before = places[index - 1]
    return before === undefined || before.lane !== lane || before.place < place
  })
}

function operationFaults(run: RunRecord, call: SeenCall): readonly object[] {
  const info = call.result as OperationInfo | null
  const id = info?.id ?? idOf(run, call)
  if (id === null) return []
  if (info === null) {
    const isKept = run.rows.pending.has(id) || run.rows.letters.has(id)
    return isKept && hasStayed(run, call, id) ? [{ ...call, why: 'it is known' }] : []
  }
  if (hasBeen(run, call, id, info.state)) return []
  return [{ ...call, why: `it was not ${info.state}` }]
}

/** The operation that the step names; null: nothing of it was stored. */
function idOf({ rows }: RunRecord, { step }: SeenCall): string | null {
  for (const id of rows.known.keys()) if (id.endsWith(`.${step ?? ''}`)) return id
  return null
}

/** Was it in this state at some moment of the call? */
function hasBeen(
  { rows }: RunRecord,
  { at }: SeenCall,
  id: string,
  state: OperationState,
): boolean {
  if (rows.stateOf(id) === state) return true
  return rows.transitions.some(
    (step) => step.id === id && step.at >= at && (step.from === state || step.to === state),
  )
}

/** Has nothing become of it since before the call? */
function hasStayed({ rows }: RunRecord, { at }: SeenCall, id: string): boolean {
  if ((rows.storedAt.get(id) ?? at) >= at) return false
  const isMoved = (move: { readonly id: string; readonly at: number }) =>
    move.id === id && move.at >= at
  return ![rows.transitions, rows.adoptions, rows.shifts].some((moves) => moves.some(isMoved))
}
