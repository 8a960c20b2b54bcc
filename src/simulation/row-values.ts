/** What stands in a column of a row. */
import type { LaneFailure } from '../engine/status.ts'
import type { Row } from './row-log.ts'

/** What an envelope's row says of its last failure, as `status()` shows it. */
export function lastFailureOf(row: Row): LaneFailure | null {
  const at = numberOf(row['last_failed_at'])
  const code = textOf(row['last_code'])
  return at === null
    ? null
    : { at, status: code === null ? numberOf(row['last_status']) : null, code }
}

export function textOf(value: string | number | null | undefined): string | null {
  return value === null || value === undefined ? null : String(value)
}

export function numberOf(value: string | number | null | undefined): number | null {
  return value === null || value === undefined ? null : Number(value)
}
