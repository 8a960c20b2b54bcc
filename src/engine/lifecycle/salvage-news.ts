/**
 * Tells the app that a damaged database was set aside (E2): the kept rows, the missing rows, and the operations that
 * are dead now.
 */
import type { MissingRows, SalvageReport } from '../../../storage/storage.ts'
import { HoldfastError } from '../../errors.ts'
import type { Context } from '../context.ts'

/** Most gaps that the message lists; the report has them all. */
const MOST_TOLD = 20

export function tellOfSalvage(context: Context, setAside: string, salvaged?: SalvageReport): void {
  const was = `the database was damaged; it is set aside as ${setAside}`
  const message = salvaged === undefined ? was : `${was}; ${wordsOf(salvaged)}`
  const error = new HoldfastError('STORAGE_CORRUPT', message)
  context.report('error', salvaged === undefined ? { error } : { error, salvaged })
  for (const { id, kind, user } of salvaged?.buried ?? []) {
    context.report('operation.dead', { id, kind, user, reason: 'outcome-unknown', status: null })
  }
}

function wordsOf({ kept, missing, buried }: SalvageReport): string {
  const counts = Object.entries(kept).map(([rows, count]) => `${rows} ${count}`)
  const gaps = missing.slice(0, MOST_TOLD).map(wordsOfMissing)
  const more = missing.length > MOST_TOLD ? [`and ${missing.length - MOST_TOLD} more`] : []
  return [
    `kept: ${counts.length === 0 ? 'nothing' : counts.join(', ')}`,
    `missing: ${gaps.length === 0 ? 'nothing that is known' : [...gaps, ...more].join(', ')}`,
    ...(buried.length === 0 ? [] : [`dead, because they may have been sent: ${buried.length}`]),
  ].join('; ')
}

function wordsOfMissing({ rows, why, count, key, after, before }: MissingRows): string {
  const reason = why === 'owner-unknown' ? ' (owner unknown)' : ''
  if (key !== null) return `${rows} ${key}${reason}`
  if (count !== null) return `${rows}: ${count} more${reason}`
  if (after === null && before === null) return `${rows}: any`
  const from = after === null ? '' : ` behind ${after}`
  const to = before === null ? '' : ` before ${before}`
  return `${rows}: any${from}${to}`
}
