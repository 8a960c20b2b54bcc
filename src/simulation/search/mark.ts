/** A mark of coverage: true if a run has reached the thing that the mark is named for. */
import type { RunRecord } from '../invariants/run-record.ts'

export type Mark = (run: RunRecord) => boolean
