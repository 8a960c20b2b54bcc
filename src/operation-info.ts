/** What the app may know of one operation. */
import type { Whereabouts } from '../storage/storage.ts'
import type { DeadReason, DropReason, Instant, OperationId, UserId } from './model.ts'

interface StoredInfo {
  readonly id: OperationId
  /** Its owner; null: the anonymous identity. */
  readonly user: UserId | null
  readonly kind: string
  readonly version: number
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

export function describe(found: Whereabouts): OperationInfo {
  if (found.state === 'settled') {
    const { id, outcome, reason, settledAt } = found.outcome
    return outcome === 'dropped'
      ? { state: outcome, id, reason, settledAt }
      : { state: outcome, id, settledAt }
  }
  const row = found.state === 'pending' ? found.row : found.letter
  const { id, kind, version, enqueuedAt } = row
  const info = {
    id,
    user: found.user,
    kind,
    version,
    enqueuedAt,
    payload: JSON.parse(row.payload) as unknown,
  }
  if (found.state === 'pending') return { ...info, state: 'pending' }
  const { reason, status, excerpt, diedAt, attempts } = found.letter
  return { ...info, state: 'dead', reason, status, excerpt, diedAt, attempts }
}
