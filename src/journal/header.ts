/** A journal's first line. */
import type { KindFacts } from '../operations/kind-facts.ts'
import type { Settings } from '../options.ts'
import { VERSION } from '../version.ts'
import { ROWS } from './former-rows.ts'
import type { JournalHeader, JsonRecord } from './lines.ts'

export function headerOf(settings: Settings, kinds: readonly KindFacts[]): JournalHeader {
  return {
    journal: 1,
    holdfast: VERSION,
    rows: ROWS,
    payloads: 'digest',
    options: {
      settings: settings as unknown as JsonRecord,
      kinds: kinds as unknown as JsonRecord[],
    },
  }
}
