/** What is left of what is known of an envelope when operations of its lane are gone. Pure. */
import type { EnvelopeRow } from './rows.ts'

/**
 * Null: nothing, its head is gone, or an outcome that nobody will learn. Its head keeps its attempts and
 * its wait when others are gone, and is formed anew (Q4, Q7, Q8).
 */
export function withoutMembers(envelope: EnvelopeRow, gone: readonly number[]): EnvelopeRow | null {
  if (gone.includes(envelope.place)) return null
  if (!envelope.members.some((place) => gone.includes(place))) return envelope
  return envelope.unknownSince === null ? { ...envelope, key: null, members: [] } : null
}
