/** The state of a lane in a journal that begins in the middle. */
import type { Hold } from '../../../machines/holds.ts'
import type { EnvelopeRow, LaneRow } from '../../../storage/rows.ts'
import type { Json } from '../../journal/lines.ts'
import type { OperationId } from '../../model.ts'

/** A lane in the summary of a journal. */
export interface SavedLane {
  readonly row: LaneRow
  readonly envelopes: readonly EnvelopeRow[]
  readonly rows: Json
  readonly holds: readonly Hold[]
  readonly refusedCount: number
  readonly mayHaveBeenSent: boolean
  readonly superseded: readonly OperationId[]
  readonly repliesAtPortal: number | null
  readonly repliesAtLastEnd: number | null
}
