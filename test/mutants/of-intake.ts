/** Faults in what may be stored, and in which order. */
import type { Mutant } from './mutant.ts'

export const INTAKE_MUTANTS: readonly Mutant[] = [
  {
    id: 'quick-schema-overtakes',
    what: 'an operation with a quick schema overtakes an earlier one whose schema has not answered',
    rule: 'Q2',
    in: 'enqueue',
    find: 'if (queue === undefined && ticket.admitted !== null) {',
    replace: 'if (ticket.admitted !== null) {',
    foundBy: { file: 'test/scenarios/q2-a-quick-check-does-not-overtake-a-slow-one.yaml' },
  },
  {
    id: 'expiry-of-the-kind-wins',
    what: 'the expiresInMs of the kind takes precedence over that of the call',
    rule: 'Q8',
    in: 'draftRow',
    find: 'wantedMs ?? facts?.expiresInMs ?? null',
    replace: 'facts?.expiresInMs ?? wantedMs',
    foundBy: { file: 'test/scenarios/q8-the-time-of-a-call-wins-over-that-of-its-kind.yaml' },
  },
  {
    id: 'limit-ignores-what-is-coming',
    what: 'maxPending does not count the operations that are on their way into storage',
    rule: 'Q16',
    in: 'refusalOf',
    find: `lanes.count('pending') + lanes.unstoredCount >= maxPending`,
    replace: `lanes.count('pending') >= maxPending`,
    foundBy: { file: 'test/scenarios/q16-at-max-pending-an-enqueue-is-refused.yaml' },
  },
  {
    id: 'payload-measured-in-characters',
    what: 'maxPayloadBytes limits the characters of a payload, not its bytes',
    rule: 'Q16',
    in: 'tooLarge',
    find: 'Buffer.byteLength(payload)',
    replace: 'payload.length',
    foundBy: { file: 'test/scenarios/q16-a-payload-is-measured-in-bytes.yaml' },
  },
]
