/** Whether the operation at the head of a lane needs a record that another lane is still to create (Q12). */
import type { StoredOperation } from '../stored-rows.ts'
import { headOf } from './invariant.ts'
import type { RunRecord } from './run-record.ts'

/** True if an operation that creates it is pending elsewhere. */
export function awaitsRecord(run: RunRecord, user: string | null): boolean {
  const { rows } = run
  const head = headOf(run, user)
  if (head === null) return false
  const needed = neededBy(run, head)
  return [...rows.pending.values()].some(
    (row) => row.lane !== head.lane && createdBy(run, row).some((local) => needed.includes(local)),
  )
}

/** The local ids of the records that it cannot do without. */
export function requiredBy(run: RunRecord, operation: StoredOperation): readonly string[] {
  return needsOf(run, operation).required ?? []
}

function neededBy(run: RunRecord, operation: StoredOperation): readonly string[] {
  const { required = [], optional = [] } = needsOf(run, operation)
  return [...required, ...optional]
}

function needsOf({ kinds }: RunRecord, { kind, payload }: StoredOperation) {
  return kinds.get(kind)?.spec.needs?.(JSON.parse(payload) as never) ?? {}
}

/** The local ids of the records that it creates. */
export function createdBy(
  { kinds }: RunRecord,
  { kind, payload }: StoredOperation,
): readonly string[] {
  return kinds.get(kind)?.spec.creates?.(JSON.parse(payload) as never) ?? []
}
