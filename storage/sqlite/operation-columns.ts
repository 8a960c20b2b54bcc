/** An operation as SQLite has it, and as the contract has it. */
import type { OperationRow } from '../rows.ts'
import { parseStored } from './stored-json.ts'

export interface StoredOperation extends Omit<
  OperationRow,
  'creates' | 'deviceScoped' | 'superseded' | 'revision'
> {
  /** JSON, or null: none. */
  readonly creates: string | null
  readonly deviceScoped: 0 | 1
  readonly superseded: 0 | 1
  readonly revision: number
}

export const OPERATION_COLUMNS = `id, lane, place, kind, version, payload, enqueued_at AS enqueuedAt,
  expires_at AS expiresAt, creates, device_scoped AS deviceScoped, superseded, revision`

const NONE: readonly string[] = []

export function operationOf<Stored extends StoredOperation>(
  stored: Stored,
): Omit<Stored, 'creates' | 'deviceScoped' | 'superseded' | 'revision'> & OperationRow {
  const { superseded, revision, ...row } = stored
  return {
    ...row,
    creates: listOf(stored.creates),
    deviceScoped: stored.deviceScoped === 1,
    ...(superseded === 1 ? { superseded: true } : {}),
    ...(revision === 0 ? {} : { revision }),
  }
}

/** A list of strings as a column has it: null is the empty one. */
export function columnOf(list: readonly string[] | undefined): string | null {
  return list === undefined || list.length === 0 ? null : JSON.stringify(list)
}

export function listOf(column: string | null): readonly string[] {
  return column === null ? NONE : parseStored<string[]>(column)
}
