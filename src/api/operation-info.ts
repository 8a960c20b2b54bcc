/** The data on one operation that the app can read. */
import type { LetterRow, OperationRow } from '../../storage/rows.ts'
import type { Whereabouts } from '../../storage/storage.ts'
import { storedResult } from './stored-result.ts'
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

/** An operation that has not settled. */
export interface PendingOperation extends StoredInfo {
  readonly state: 'pending'
}

/** An operation that failed for good, kept until the app retries or discards it (Q9). */
export interface DeadLetter extends StoredInfo {
  readonly state: 'dead'
  readonly reason: DeadReason
  /** The status of the last reply; null: there was none. */
  readonly status: number | null
  /** The beginning of the server's reply, redacted. */
  readonly excerpt: string | null
  readonly diedAt: Instant
  readonly attempts: number
}

/** What is known of an operation, wherever it is now. */
export type OperationInfo =
  | PendingOperation
  | DeadLetter
  | {
      readonly state: 'dropped'
      readonly id: OperationId
      readonly reason: DropReason | null
      readonly settledAt: Instant
    }
  | {
      readonly state: 'completed'
      readonly id: OperationId
      readonly settledAt: Instant
      /** What the kind's `interpret` made of the reply (Q23). Left out: nothing. */
      readonly result?: unknown
    }
  | { readonly state: 'cancelled'; readonly id: OperationId; readonly settledAt: Instant }

/** Null for a retained outcome `dead`: the letter is gone, because its user was forgotten (I12). */
export function describe(found: Whereabouts): OperationInfo | null {
  if (found.state === 'settled') {
    const { id, outcome, reason, settledAt } = found.outcome
    switch (outcome) {
      case 'dead':
        return null
      case 'dropped':
        return { state: outcome, id, reason: reason as DropReason | null, settledAt }
      case 'completed':
        return { state: outcome, id, settledAt, ...storedResult(found.outcome) }
      case 'cancelled':
        return { state: outcome, id, settledAt }
    }
  }
  return found.state === 'pending'
    ? describePending(found.row, found.user)
    : describeLetter(found.letter, found.user)
}

export function describePending(row: OperationRow, user: UserId | null): PendingOperation {
  return { ...stored(row, user), state: 'pending' }
}

export function describeLetter(letter: LetterRow, user: UserId | null): DeadLetter {
  const { reason, status, excerpt, diedAt, attempts } = letter
  return { ...stored(letter, user), state: 'dead', reason, status, excerpt, diedAt, attempts }
}

function stored(
  { id, kind, version, enqueuedAt, payload }: OperationRow,
  user: UserId | null,
): StoredInfo {
  return { id, user, kind, version, enqueuedAt, payload: payloadOf(payload) }
}

/** Another program may have changed a stored payload: one bad payload must not make the whole list fail. */
function payloadOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
