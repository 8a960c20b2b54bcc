/** Brings the records in line with the operations that were salvaged (Q12). */
import type { Database } from 'better-sqlite3'
import type { Instant } from '../../../src/model.ts'
import type { Key } from './keys.ts'

/** The local ids of the records that salvaged operations create. */
export function createdRecords(target: Database): readonly Key[] {
  const locals = target
    .prepare<[], string>(
      `SELECT value FROM holdfast_operations, json_each(creates) WHERE creates IS NOT NULL`,
    )
    .pluck()
    .all()
  return locals.map((local) => [local])
}

/**
 * A record whose creation is pending is pending, also where its row was unreadable. A record whose creation is
 * unreadable will not be made: an operation that waited for it would wait for ever.
 */
export function mendRecords(target: Database, at: Instant): void {
  const expect = (state: string, table: string) =>
    `INSERT OR IGNORE INTO holdfast_records (local, state, lane, creation, changed_at)
     SELECT local.value, '${state}', operation.lane, operation.id, operation.enqueued_at
     FROM ${table} AS operation, json_each(operation.creates) AS local
     WHERE operation.creates IS NOT NULL ORDER BY operation.lane, operation.place`
  target.exec(expect('pending', 'holdfast_operations'))
  target.exec(expect('lost', 'holdfast_letters'))
  target
    .prepare(
      `UPDATE holdfast_records SET state = 'lost', changed_at = ?
       WHERE state = 'pending'
         AND (creation IS NULL OR creation NOT IN (SELECT id FROM holdfast_operations))`,
    )
    .run(at)
}
