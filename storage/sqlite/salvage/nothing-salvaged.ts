/** The report on a database of which SQLite can read nothing at all. */
import type { MissingRows, SalvagedRows, SalvageReport } from '../../storage.ts'

const ALL: readonly SalvagedRows[] = [
  'operations',
  'envelopes',
  'letters',
  'lanes',
  'tokens',
  'records',
  'forgotten-records',
  'positions',
  'outcomes',
  'deadlines',
  'meta',
]

export const NOTHING_SALVAGED: SalvageReport = {
  kept: {},
  missing: ALL.map((rows): MissingRows => ({
    rows,
    why: 'unreadable',
    count: null,
    key: null,
    after: null,
    before: null,
  })),
  buried: [],
}
