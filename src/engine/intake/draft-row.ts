/** Makes the row of an operation to store, from the app's draft and the facts of its kind. */
import type { Affected, EnqueueChange } from '../../../storage/changes.ts'
import type { OperationRow } from '../../../storage/rows.ts'
import { instantAfter } from '../../checks/numbers.ts'
import type { UserId } from '../../model.ts'
import type { Context } from '../context.ts'
import type { Admitted } from './admission.ts'

type Stored = Omit<EnqueueChange, 'change' | 'user' | 'nonce'> &
  Required<Pick<EnqueueChange, 'creates' | 'deviceScoped'>>

export interface Wanted extends Admitted {
  readonly kind: string
  /** Null: the kind decides. */
  readonly expiresInMs: number | null
}

export function draftRow(
  { boundary, kinds, lifetimes }: Context,
  { kind, payload, creates, expiresInMs: wantedMs }: Wanted,
): Stored {
  const facts = kinds.facts(kind)
  const version = facts?.version ?? 1
  const expiresInMs = wantedMs ?? facts?.expiresInMs ?? null
  // The clock may be set before the operation is stored (Q8).
  if (expiresInMs !== null) lifetimes.look()
  return {
    kind,
    version,
    payload,
    enqueuedAt: boundary.wall,
    expiresAt: expiresInMs === null ? null : instantAfter(boundary.wall, expiresInMs),
    creates,
    deviceScoped: facts?.deviceScoped ?? false,
  }
}

/** The change that stores the operation at the end of its owner's lane. */
export function draftChange(
  context: Context,
  user: UserId | null,
  nonce: string,
  wanted: Wanted,
): EnqueueChange {
  const { kind, version, payload, enqueuedAt, expiresAt, creates, deviceScoped } = draftRow(
    context,
    wanted,
  )
  return {
    change: 'enqueue',
    user,
    nonce,
    kind,
    version,
    payload,
    enqueuedAt,
    expiresAt,
    creates,
    deviceScoped,
  }
}

/** The row that is in the lane once the change is stored. */
export function rowOf(change: EnqueueChange, { id, lane: laneId, place }: Affected): OperationRow {
  const {
    kind,
    version,
    payload,
    enqueuedAt,
    expiresAt,
    creates = [],
    deviceScoped = false,
  } = change
  return {
    id,
    lane: laneId,
    place,
    kind,
    version,
    payload,
    enqueuedAt,
    expiresAt,
    creates,
    deviceScoped,
  }
}
