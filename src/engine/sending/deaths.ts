/** The reasons why operations become dead letters before they are sent, and the data kept with them. Pure. */
import type { EnvelopeRow, OperationRow } from '../../../storage/rows.ts'
import type { Lane } from '../lanes/lane.ts'
import { scrub } from '../../scrub/scrub.ts'
import { isBound as mustStayAsItWas } from './judge.ts'
import type { Death } from './settle.ts'

/** The outcome is unknown, and the server may have forgotten the key (Q5). */
export function ofUnknownOutcome(lane: Lane): Death {
  return {
    reason: 'outcome-unknown',
    excerpt: null,
    status: lane.envelope?.lastStatus ?? null,
    envelopeKey: lane.envelope?.key ?? null,
    unknownSince: lane.unknownSince,
  }
}

/** The creations of these records failed (Q12). */
export function ofLostRecords(lane: Lane, locals: readonly string[]): Death {
  return {
    reason: 'dependency-dead',
    excerpt: null,
    status: null,
    envelopeKey: lane.isOutcomeUnknown ? (lane.envelope?.key ?? null) : null,
    unknownSince: lane.unknownSince,
    dependsOn: locals,
  }
}

export interface UnreadableParts {
  readonly members: readonly OperationRow[]
  /** The members that cannot be read; empty: all of them together make no request. */
  readonly dead: readonly OperationRow[]
  /** The envelope that they must stay in; null: none (Q5). */
  readonly bound: EnvelopeRow | null
  readonly key: string
  readonly why: string
  /** The tokens that `why` must not show. */
  readonly tokens: readonly string[]
}

/** Payloads that cannot be read, or make no request (Q6, Q14). */
export function ofUnreadable({ members, dead, bound, key, why, tokens }: UnreadableParts): Death {
  return {
    reason: 'unreadable',
    // The same body can no longer be made: the other members die with the dead ones, and come back with them, under the
    // same key.
    blameless: bound === null ? [] : members.filter((row) => !dead.includes(row)),
    // The exception of a kind may quote the payload, or any other text.
    excerpt: scrub(why, { tokens }),
    status: bound === null ? null : bound.lastStatus,
    envelopeKey: bound === null ? null : key,
    unknownSince: bound === null ? null : bound.unknownSince,
  }
}

/** The recorded envelope, if after its last outcome it may only be sent again unchanged (Q5); else null. */
export function boundEnvelope(lane: Lane, key: string): EnvelopeRow | null {
  const { envelope } = lane
  return envelope !== null && envelope.key === key && mustStayAsItWas(envelope) ? envelope : null
}
