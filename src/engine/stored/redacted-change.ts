/** A change as a journal has it: of payloads and results the size, of a sealed token that there is one, of a reply nothing. */
import type { Change } from '../../../storage/changes.ts'
import type { JsonRecord } from '../../journal/lines.ts'
import { sizesOf } from '../../operations/results.ts'

export function redact(change: Change): JsonRecord {
  if (change.change === 'enqueue') {
    const { payload: _payload, ...rest } = change
    return { ...rest } as unknown as JsonRecord
  }
  if (change.change === 'upgrade') {
    const { payload, ...rest } = change
    return { ...rest, bytes: Buffer.byteLength(payload) } as unknown as JsonRecord
  }
  if (change.change === 'revive' && change.replacement !== undefined) {
    const { payload, ...replacement } = change.replacement
    const bytes = Buffer.byteLength(payload)
    return { ...change, replacement: { ...replacement, bytes } } as unknown as JsonRecord
  }
  if (change.change === 'token') {
    return { ...change, sealed: change.sealed !== null } as unknown as JsonRecord
  }
  if (change.change === 'complete') {
    const followUps = (change.followUps ?? []).map(({ payload, ...followUp }) => ({
      ...followUp,
      bytes: Buffer.byteLength(payload),
    }))
    const results = change.results === undefined ? {} : { results: sizesOf(change.results) }
    return { ...change, followUps, ...results } as unknown as JsonRecord
  }
  if (change.change === 'bury') {
    const { excerpt: _excerpt, ...rest } = change
    return { ...rest } as unknown as JsonRecord
  }
  return change as unknown as JsonRecord
}
