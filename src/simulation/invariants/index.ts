/**
 * The invariants of every run, whatever it expects. They look from outside: at the
 * record of the world and at the rows, never into the engine's memory; only `status()` is compared.
 */
import { asCalled } from './as-called.ts'
import { boundedRefresh } from './bounded-refresh.ts'
import { boundedResources } from './bounded-resources.ts'
import { boundedRetry } from './bounded-retry.ts'
import { drains } from './drains.ts'
import { durableBeforeAck } from './durable-before-ack.ts'
import { effectOnce } from './effect-once.ts'
import { endedSessions } from './ended-sessions.ts'
import { eventsMatchRows } from './events-match-rows.ts'
import { hostSurvives } from './host-survives.ts'
import type { Invariant } from './invariant.ts'
import { lostWatches } from './lost-watches.ts'
import { laneExclusive } from './lane-exclusive.ts'
import { laneFifo } from './lane-fifo.ts'
import { legalTransitions } from './legal-transitions.ts'
import { noLoss } from './no-loss.ts'
import { noPark } from './no-park.ts'
import { noPhantom } from './no-phantom.ts'
import { noSecrets } from './no-secrets.ts'
import { ownTokenOnly } from './own-token-only.ts'
import { portalProbes } from './portal-probes.ts'
import { readsInOrder } from './reads-in-order.ts'
import { refusedReads } from './refused-reads.ts'
import { requirementAsks } from './requirement-asks.ts'
import { settles } from './settles.ts'
import { stableKey } from './stable-key.ts'
import { tokenValidAtSend } from './token-valid-at-send.ts'
import { toldOfNeeds } from './told-of-needs.ts'
import { tooLate } from './too-late.ts'
import { trueFailures } from './true-failures.ts'
import { trueLooks } from './true-looks.ts'
import { trueReceipts } from './true-receipts.ts'
import { trueResults } from './true-results.ts'
import { trueSubscriptions } from './true-subscriptions.ts'
import { typedFailure } from './typed-failure.ts'
import { wakes } from './wakes.ts'
import { wholeEnvelopes } from './whole-envelopes.ts'
import { wholeSetAside } from './whole-set-aside.ts'

/** The id of a rule of docs/rules.md. `V`: no rule alone says it, it follows from all of them. */
type RuleId = `${'Q' | 'I' | 'T' | 'R' | 'U' | 'S' | 'G' | 'E'}${number}` | 'V'

export interface ListedInvariant {
  readonly id: string
  /** The rules that are broken if it does not hold. At least one. */
  readonly rules: readonly RuleId[]
  /** What holds, always. */
  readonly statement: string
  readonly begin: Invariant
}

/** Those that an engine that has been closed still has to keep. */
export const AFTER_CLOSE: ReadonlySet<string> = new Set([
  'typed-failure',
  'no-secrets',
  'bounded-resources',
  'host-survives',
])

/** Those that an engine which is closing need not keep: it sends nothing more, and is woken by nothing (Q19). */
export const WHILE_OPEN: ReadonlySet<string> = new Set(['no-park', 'wakes', 'drains'])

const list = (
  id: string,
  rules: readonly [RuleId, ...RuleId[]],
  statement: string,
  begin: Invariant,
): ListedInvariant => ({
  id,
  rules,
  statement,
  begin,
})

export const INVARIANTS: readonly ListedInvariant[] = [
  list(
    'no-loss',
    ['Q2', 'Q9', 'Q14'],
    'an operation whose enqueue resolved is pending, dead, or settled for a reason that was recorded or reported',
    noLoss,
  ),
  list(
    'durable-before-ack',
    ['Q2'],
    'an operation is on disk before its enqueue resolves, and a crash after that keeps it',
    durableBeforeAck,
  ),
  list(
    'no-phantom',
    ['Q5'],
    'every key the server sees belongs to an enqueued operation or a recorded envelope, with its body',
    noPhantom,
  ),
  list(
    'stable-key',
    ['Q5'],
    'an envelope of unknown outcome is sent again under the same key, with the same members and body',
    stableKey,
  ),
  list(
    'whole-envelopes',
    ['Q4', 'Q5'],
    'an envelope is as large as Q4 allows, waits no longer than the window, and stays whole until it is rejected',
    wholeEnvelopes,
  ),
  list('effect-once', ['Q5', 'Q6'], 'the server applies an operation at most once', effectOnce),
  list(
    'settles',
    ['Q6', 'Q11'],
    'an operation whose accepted reply was heard is never sent again by the process that heard it',
    settles,
  ),
  list(
    'lane-fifo',
    ['Q2', 'Q3', 'Q13'],
    'what is sent is the head of its lane, and places follow the order of the calls',
    laneFifo,
  ),
  list('lane-exclusive', ['Q3'], 'a lane has at most one write in flight', laneExclusive),
  list(
    'token-valid-at-send',
    ['T4', 'T9'],
    'no request carries a token known to be refused, or expired where a source can give another',
    tokenValidAtSend,
  ),
  list(
    'own-token-only',
    ['I4', 'I5', 'I8'],
    'a request carries a token of the owner of its operations, or none where I4 allows it',
    ownTokenOnly,
  ),
  list(
    'bounded-refresh',
    ['T1', 'T6', 'T8', 'T9'],
    'the token source is asked as seldom as T6, T8 and T9 say, and the vault as T1 says',
    boundedRefresh,
  ),
  list(
    'requirement-asks',
    ['I2'],
    'each failure of the source of the requirement is told, and while nothing is known it is asked again in time',
    requirementAsks,
  ),
  list(
    'portal-probes',
    ['Q6'],
    'a captive portal is probed by one lane after the other, after waits that double',
    portalProbes,
  ),
  list('bounded-retry', ['Q7', 'Q8'], 'attempts wait, and end, as Q7 and Q8 say', boundedRetry),
  list(
    'legal-transitions',
    ['Q8', 'Q9', 'Q10', 'Q12', 'Q14', 'Q18', 'T3'],
    'rows move only as the table says, each move for its cause',
    legalTransitions,
  ),
  list('too-late', ['Q9', 'Q10'], 'cancel() is too late only for what may have arrived', tooLate),
  list(
    'events-match-rows',
    ['V'],
    'each event has its committed change and each change its event, once, in order; status() shows the rows',
    eventsMatchRows,
  ),
  list(
    'true-receipts',
    ['Q23'],
    'a receipt that was awaited all along settles with the end that the rows tell of',
    trueReceipts,
  ),
  list(
    'true-results',
    ['Q9', 'Q10', 'Q19', 'I7', 'I12'],
    'a call resolves in time, with what is true, and has done what it is called',
    trueResults,
  ),
  list(
    'true-looks',
    ['Q9', 'Q23'],
    'pending(), deadLetters() and operation() answer what was so at a moment of the call',
    trueLooks,
  ),
  list(
    'true-subscriptions',
    ['V'],
    'who watches status() is called after each of its changes, and for nothing else',
    trueSubscriptions,
  ),
  list(
    'told-of-needs',
    ['T5'],
    'a listener that comes late hears of the needs that are open, of each once, and of nothing else',
    toldOfNeeds,
  ),
  list(
    'true-failures',
    ['Q7', 'Q9', 'Q22'],
    'what the app hears of an attempt that failed is what the server answered',
    trueFailures,
  ),
  list(
    'as-called',
    ['I1', 'Q2', 'Q8', 'Q16'],
    'an operation is stored as it was handed over, within the limits, for the user who was logged in then',
    asCalled,
  ),
  list(
    'ended-sessions',
    ['T11'],
    'the token of a user who has logged out and has nothing pending is gone',
    endedSessions,
  ),
  list(
    'reads-in-order',
    ['R1', 'R2', 'R4', 'Q12'],
    'a read is sent after the writes it comes after, with the newest reading position, for who is logged in',
    readsInOrder,
  ),
  list(
    'refused-reads',
    ['R3', 'R5'],
    'a read is sent again only after a refused token or a reply that asks for it, and no more often than that allows',
    refusedReads,
  ),
  list(
    'typed-failure',
    ['Q21', 'Q22', 'E3'],
    'every failure is a coded error, none a fault inside, and every call ends',
    typedFailure,
  ),
  list(
    'no-secrets',
    ['E6', 'T16'],
    'no secret in the journal, an event, an error, the status or the database',
    noSecrets,
  ),
  list(
    'bounded-resources',
    ['Q3', 'Q15', 'Q19'],
    'requests, alarms, listeners and rows stay in proportion to the work, and close() leaves none',
    boundedResources,
  ),
  list(
    'host-survives',
    ['E3'],
    'no promise rejects unheard, no exception goes uncaught',
    hostSurvives,
  ),
  list(
    'lost-watches',
    ['Q17'],
    'a process whose watch on commits has failed tells WATCH_LOST once, and no other process tells it',
    lostWatches,
  ),
  list(
    'whole-set-aside',
    ['E5'],
    'after each try to set a damaged database aside all its files are in one place',
    wholeSetAside,
  ),
  list(
    'no-park',
    ['Q15', 'E3'],
    'nothing is pending without an alarm, a request in flight, or a hold that somebody can still end',
    noPark,
  ),
  list(
    'wakes',
    ['Q7', 'Q15', 'Q17', 'T7'],
    'a hold ends in the instant in which its cause is gone',
    wakes,
  ),
  list(
    'drains',
    ['V'],
    'once nothing more happens by itself, all that may be sent has settled',
    drains,
  ),
]
