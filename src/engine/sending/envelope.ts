/** Decides which operations at the head of a lane form the next envelope (Q4, Q5). Pure. */
import type { OperationRow } from '../../../storage/rows.ts'
import type { Kinds } from '../../operations/kinds.ts'
import type { Lane } from '../lanes/lane.ts'

export const MOST_MEMBERS = 100
const MOST_BYTES = 262_144

export interface Envelope {
  readonly members: readonly [OperationRow, ...OperationRow[]]
  /** Null: the envelope has no key yet. */
  readonly key: string | null
  readonly isMerging: boolean
  /** True if storage has the envelope in this form. Then it is sent again unchanged. */
  readonly isRecorded: boolean
}

/** The envelope that has been formed already, or a new one; null while the rows are not in memory. */
export function formEnvelope(
  lane: Lane,
  kinds: Pick<Kinds, 'mergeKey'>,
  isReady: (row: OperationRow) => boolean,
): Envelope | null {
  const { head, envelope } = lane
  if (head === undefined) return null
  if (envelope !== null && envelope.key !== null) {
    const { key } = envelope
    const members = lane.rows.filter((row) => envelope.members.includes(row.place))
    const [first, ...rest] = members
    if (first === undefined || members.length !== envelope.members.length) return null
    return { members: [first, ...rest], key, isMerging: members.length > 1, isRecorded: true }
  }
  if (head.place <= lane.soloThrough) {
    return { members: [head], key: null, isMerging: false, isRecorded: false }
  }
  const mergeKey = kinds.mergeKey(head)
  if (mergeKey === null) return { members: [head], key: null, isMerging: false, isRecorded: false }
  return {
    members: [head, ...neighbours(lane, mergeKey, kinds, isReady)],
    key: null,
    isMerging: true,
    isRecorded: false,
  }
}

/** The operations directly behind the head that merge with it, up to an envelope that was sent before (I3, Q5, Q7). */
function neighbours(
  lane: Lane,
  mergeKey: string,
  kinds: Pick<Kinds, 'mergeKey'>,
  isReady: (row: OperationRow) => boolean,
): OperationRow[] {
  const run: OperationRow[] = []
  let bytes = Buffer.byteLength(lane.head?.payload ?? '')
  for (const row of lane.rows.slice(1, MOST_MEMBERS)) {
    bytes += Buffer.byteLength(row.payload)
    if (lane.envelopeAt(row.place) !== null) break
    if (bytes > MOST_BYTES || kinds.mergeKey(row) !== mergeKey || !isReady(row)) break
    run.push(row)
  }
  return run
}
