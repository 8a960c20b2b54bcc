/** What the code of a kind or a read asks of records (Q12), from what storage has answered. */
import { show } from '../checks/show.ts'
import type { RecordLookups } from './define-operation.ts'

/** The server's id of a record, or the id itself if no operation created it. Null: the creation failed. */
export type RecordLookup = (id: string) => string | null

/** The functions `record()` and `optionalRecord()` of a request. */
export function recordLookups(lookup: RecordLookup): RecordLookups {
  return {
    record: (id) => {
      const found = lookup(id)
      if (found !== null) return found
      throw new Error(
        `record(${show(id)}): its creation failed; use optionalRecord() for an optional need`,
      )
    },
    optionalRecord: lookup,
  }
}
