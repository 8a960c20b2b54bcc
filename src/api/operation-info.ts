/** The data on one operation that the app can read. */
import type { Whereabouts } from '../../storage/storage.ts'
import type { DeadReason, DropReason, Instant, OperationId, UserId } from '../model.ts'

interface StoredInfo {
  readonly id: OperationId
  /** The owner of the operation; null: the anonymous identity. */
  readonly user: UserId | null
  readonly kind: string
  readonly version: number
  /** The stored payload, in its stored version. If it is not JSON (the operation is unreadable), its text. */
  readonly payload: unknown
  readonly enqueuedAt: Instant
}

export type OperationInfo =
  | (StoredInfo & { readonly state: 'pending' })
  | (StoredInfo & {
      readonly state: 'dead'
      readonly reason: DeadReason
      readonly status: number | null
      /** The beginning of the server's reply, redacted. */
      readonly excerpt: string | null
      readonly diedAt: Instant
      readonly attempts: number
    })
  | {
      readonly state: 'dropped'
      readonly id: OperationId
      readonly reason: DropReason | null
      readonly settledAt: Instant
    }
  | {
      readonly state: 'completed' | 'cancelled'
      readonly id: OperationId
      readonly settledAt: Instant
    }

/** Null for a retained outcome `dead`: the letter is gone, because its user was forgotten (I12). */
export function describe(found: Whereabouts): OperationInfo | null {
  if (found.state === 'settled') {
    const { id, outcome, reason, settledAt } = found.outcome
    if (outcome === 'dead') return null
    return outcome === 'dropped'
      ? { state: outcome, id, reason: reason as DropReason | null, settledAt }
      : { state: outcome, id, settledAt }
  }
  return describeStored(found)
}

export function describeStored(found: Exclude<Whereabouts, { state: 'settled' }>): OperationInfo {
  const row = found.state === 'pending' ? found.row : found.letter
  const { id, kind, version, enqueuedAt } = row
  const info = {
    id,
    user: found.user,
    kind,
    version,
    enqueuedAt,
    payload: payloadOf(row.payload),
  }
  if (found.state === 'pending') return { ...info, state: 'pending' }
  const { reason, status, excerpt, diedAt, attempts } = found.letter
  return { ...info, state: 'dead', reason, status, excerpt, diedAt, attempts }
}

/** Another program may have changed a stored payload: one bad payload must not make the whole list fail. */
function payloadOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
