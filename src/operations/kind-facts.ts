/** What the kinds declare, as plain data: it stands in a journal's header, and decides without their code. */
import { cutMs } from '../checks/numbers.ts'
import type { AnyOperationKind, DeclaredReply } from './define-operation.ts'

export interface KindFacts {
  readonly kind: string
  readonly version: number
  /** Null: the kind declares nothing about its replies. */
  readonly reply: DeclaredReply
  readonly expiresInMs: number | null
  /** Null: operations of this kind never merge. */
  readonly mergeGroup: string | null
  /** Can a payload of an older version be brought to this one? */
  readonly hasUpgrade: boolean
  /** Does it create or need records? */
  readonly hasRecords: boolean
  readonly deviceScoped: boolean
  readonly hasOnLogout: boolean
  /** Null: the server remembers keys for ever. */
  readonly idempotencyWindowMs: number | null
}

/** The kinds whose envelopes are recorded before they are first sent (Q5), and the group that each merges in; null: alone. */
export function recordedKindsOf(
  facts: Iterable<KindFacts>,
): Readonly<Record<string, string | null>> {
  const recorded = [...facts].filter(
    ({ mergeGroup, idempotencyWindowMs }) => mergeGroup !== null || idempotencyWindowMs !== null,
  )
  return Object.fromEntries(recorded.map(({ kind, mergeGroup }) => [kind, mergeGroup]))
}

export function factsOf(kinds: readonly AnyOperationKind[]): KindFacts[] {
  return kinds.map(({ kind, spec }) => ({
    kind,
    version: spec.version ?? 1,
    reply: spec.reply ?? null,
    expiresInMs: spec.expiresInMs ?? null,
    mergeGroup: spec.merge === undefined ? null : (spec.merge.group ?? kind),
    hasUpgrade: spec.upgrade !== undefined,
    hasRecords: spec.creates !== undefined || spec.needs !== undefined,
    deviceScoped: spec.deviceScoped ?? false,
    hasOnLogout: spec.onLogout !== undefined,
    idempotencyWindowMs:
      spec.idempotencyWindowMs === undefined ? null : cutMs(spec.idempotencyWindowMs),
  }))
}
