/** An operation as it is to be stored: what is asked for, and what its kind says of it. */
import type { EnqueueChange } from '../../../storage/changes.ts'
import type { Core } from '../core.ts'

type Stored = Omit<EnqueueChange, 'change' | 'user' | 'nonce'> &
  Required<Pick<EnqueueChange, 'creates' | 'deviceScoped'>>

export interface Wanted {
  readonly kind: string
  /** JSON text. */
  readonly payload: string
  /** Null: as the kind says. */
  readonly expiresInMs: number | null
}

export function draftRow(
  { boundary, kinds }: Core,
  { kind, payload, expiresInMs: wantedMs }: Wanted,
): Stored {
  const facts = kinds.facts(kind)
  const version = facts?.version ?? 1
  const expiresInMs = wantedMs ?? facts?.expiresInMs ?? null
  return {
    kind,
    version,
    payload,
    enqueuedAt: boundary.wall,
    expiresAt: expiresInMs === null ? null : Math.ceil(boundary.wall + expiresInMs),
    creates: kinds.recordsOf(kind, payload, version).creates,
    deviceScoped: facts?.deviceScoped ?? false,
  }
}
