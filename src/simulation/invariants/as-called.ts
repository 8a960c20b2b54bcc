/**
 * An operation is stored as it was handed over: for the user who was logged in at the call, of its kind, with its payload,
 * and with its own time, which the call says before the kind does (I1, Q2, Q8); no larger, and no more of them, than the
 * limits allow (Q16).
 */
import { isDeepStrictEqual } from 'node:util'
import type { Acknowledgement } from '../seen.ts'
import { additionsTo, type Invariant, isAlone, onChange } from './invariant.ts'
import type { RunRecord } from './run-record.ts'

/** Kinds whose schema or upgrade changes the payload. */
const CHANGED: ReadonlySet<string> = new Set(['stamp', 'draft'])

export const asCalled: Invariant = (run) => {
  const acknowledged = additionsTo(run.acknowledged)
  const crowd = onChange(run, () => crowdOf(run))
  return () => [...acknowledged().flatMap((done) => faultsOf(run, done)), ...crowd()]
}

/**
 * More than `maxPending`. Only what was enqueued counts, and not what is back from the dead (Q9, Q13, I7); another process
 * counts for itself.
 */
function crowdOf(run: RunRecord): readonly object[] {
  const { rows, settings, acknowledged } = run
  if (rows.pending.size <= settings.maxPending || !isAlone(run)) return []
  const isBack = new Set(rows.transitions.flatMap(({ id, from }) => (from === 'dead' ? [id] : [])))
  const own = acknowledged.filter(({ id }) => rows.pending.has(id) && !isBack.has(id))
  return own.length <= settings.maxPending ? [] : [{ pending: own.length, of: settings.maxPending }]
}

function faultsOf(
  { rows, kinds, settings }: RunRecord,
  { id, call }: Acknowledgement,
): readonly object[] {
  const row = rows.known.get(id)
  const { draft, user } = call
  // Dropped at the door: nothing was stored (I3).
  if (row === undefined || draft === null) return []
  const faults: object[] = []
  if (row.user !== user) faults.push({ id, user, storedFor: row.user })
  if (row.kind !== draft.kind) faults.push({ id, kind: draft.kind, storedAs: row.kind })
  const payload: unknown = JSON.parse(row.payload)
  const isChanged = CHANGED.has(draft.kind) || !kinds.has(draft.kind)
  if (!isChanged && !isDeepStrictEqual(payload, JSON.parse(JSON.stringify(draft.payload)))) {
    faults.push({ id, payload: draft.payload, stored: payload })
  }
  const bytes = Buffer.byteLength(row.payload)
  if (!isChanged && bytes > settings.maxPayloadBytes) faults.push({ id, bytes })
  const lifeMs = draft.expiresInMs ?? kinds.get(draft.kind)?.spec.expiresInMs ?? null
  const storedMs =
    row.expiresAt === null || row.enqueuedAt === null ? null : row.expiresAt - row.enqueuedAt
  // Storage keeps whole milliseconds.
  const isSame =
    lifeMs === null || storedMs === null ? lifeMs === storedMs : Math.abs(lifeMs - storedMs) <= 1
  if (!isSame) faults.push({ id, expiresInMs: lifeMs, storedAs: storedMs })
  return faults
}
