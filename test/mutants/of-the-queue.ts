/** Faults in how operations are stored, sent, repeated and settled. */
import type { Mutant } from './mutant.ts'

export const QUEUE_MUTANTS: readonly Mutant[] = [
  {
    id: 'new-key-per-retry',
    what: 'each retry has a key of its own',
    rule: 'Q5',
    in: '#build',
    find: 'const key = envelope.key ?? idempotencyKeyOf(members, false)',
    replace: `const tries = lane.envelope?.attempts ?? 0
    const known = envelope.key ?? idempotencyKeyOf(members, false)
    const key = tries > 0 ? known + '#' + tries : known`,
  },
  {
    id: 'expiry-by-the-wall-clock',
    what: 'the time of an operation elapses by the wall clock alone',
    rule: 'Q8',
    in: 'isOver',
    find: 'return this.#lived - bornAt >= row.expiresAt - row.enqueuedAt',
    replace: 'return row.expiresAt <= this.#parts.boundary.wall',
  },
  {
    id: 'age-from-the-start',
    what: 'an operation from before the process is as old as the process',
    rule: 'Q8',
    in: '#bornAt',
    find: 'return Math.min(beganAt, enqueuedAt - (first?.offset ?? 0))',
    replace: 'return beganAt',
  },
  {
    id: 'new-key-when-rebuilt',
    what: 'an envelope that is built again with the same members has another key',
    rule: 'Q5',
    in: '#record',
    find: 'key: idempotencyKeyOf(members, isMerging),',
    replace: `key:
        idempotencyKeyOf(members, isMerging) +
        (isMerging ? former.attempts + '' + former.refusedCount : ''),`,
  },
  {
    id: 'formed-anew-after-unknown',
    what: 'an envelope of unknown outcome is formed anew',
    rule: 'Q5',
    in: 'judgeAgain',
    find: 'const mayBeFormedAnew = (isRefusal || isUntouched) && unknownSince === null',
    replace: 'const mayBeFormedAnew = reply === null || (isRefusal && unknownSince === null)',
  },
  {
    id: 'envelope-unrecorded',
    what: 'a merging envelope is sent without being recorded',
    rule: 'Q5',
    in: 'mustBeRecorded',
    find: 'return isMerging || isForgotten',
    replace: 'return isForgotten',
  },
  {
    id: 'unknown-mark-lost',
    what: 'after a crash nobody knows that the outcome is unknown',
    rule: 'Q5',
    in: 'adopt',
    find: '? afterTheEnd(this.#context, envelope)',
    replace: '? envelope',
  },
  {
    id: 'event-before-commit',
    what: 'an operation is reported as completed before that is committed',
    rule: 'Q11',
    in: '#carryOut',
    find: `    this.store(lane, changes, { synced }, ([answer]) => {
      if (answer?.applied !== true) {
        lane.reordered(lane.pending)
        this.end(lane)
        return
      }
      if (gone !== undefined) this.#removed(lane, gone)
      update?.(answer)
      report?.(answer)
`,
    replace: `    if (!synced) report?.({ affected: [] } as never)
    this.store(lane, changes, { synced }, ([answer]) => {
      if (answer?.applied !== true) {
        lane.reordered(lane.pending)
        this.end(lane)
        return
      }
      if (gone !== undefined) this.#removed(lane, gone)
      update?.(answer)
      if (synced) report?.(answer)
`,
  },
  {
    id: 'acknowledged-though-not-stored',
    what: 'enqueue() resolves although the commit failed',
    rule: 'Q2',
    in: '#stored',
    find: `settle.reject(answer instanceof Error ? answer : notStored(answer))`,
    replace: `settle.resolve({ id: formatOperationId(NO_LANE, 0, ticket.nonce), dropped: false })`,
  },
  {
    id: 'settled-row-kept',
    what: 'a completed operation stays in the table',
    rule: 'Q2',
    in: 'complete',
    find: 'const removed = this.#remove(lane, members)\n    if (removed === null) return MISSED',
    replace: 'const removed = { isLast: false }',
  },
  {
    id: 'newest-first',
    what: 'a lane is read from its end',
    rule: 'Q3',
    in: 'Tables',
    find: 'ORDER BY key LIMIT @limit',
    replace: 'ORDER BY key DESC LIMIT @limit',
  },
  {
    id: 'follow-ups-at-the-end',
    what: 'follow-ups are put at the end of their lane',
    rule: 'Q13',
    in: '#follow',
    find: 'const place = this.#places.behind(lane, behind)',
    replace: 'const place = this.#lanes.nextPlace(lane)',
  },
  {
    id: 'payload-of-the-neighbour',
    what: 'in a merged request each operation has the payload of the next one',
    rule: 'Q4',
    in: '#buildOf',
    find: 'spec.merge.combine(payloads, {',
    replace: 'spec.merge.combine(payloads.map((own, at) => payloads[at + 1] ?? own), {',
  },
  {
    id: 'too-many-slots',
    what: 'one more request than concurrency allows is in flight',
    rule: 'Q3',
    in: 'queueMachine',
    find: 'Math.max(0, context.slots - context.sending.length)',
    replace: 'Math.max(0, context.slots + 1 - context.sending.length)',
  },
  {
    id: 'retry-after-ignored',
    what: 'nobody reads Retry-After',
    rule: 'Q7',
    in: 'judgeAgain',
    find: 'const asked = reply === null ? null : retryAfterMs(reply.headers, judged.serverNow)',
    replace: 'const asked = null',
  },
  {
    id: 'cut-reply-thrown-away',
    what: 'a reply that is cut counts as no reply',
    rule: 'Q6',
    in: 'checkedReply',
    find: `if (!isReply)`,
    replace: `if (!isReply || (answer as Reply).isCut === true)`,
  },
  {
    id: 'label-makes-a-page',
    what: 'a body that is labelled as HTML counts as a page, whatever it is',
    rule: 'Q6',
    in: 'isHtmlPage',
    find: `return HTML_TYPE.test(headers['content-type'] ?? '') && BEGINS_WITH_TAG.test(body)`,
    replace: `return HTML_TYPE.test(headers['content-type'] ?? '') && body !== '<'`,
  },
  {
    id: 'limit-forgotten',
    what: 'the wait that the server asked of everybody ends with the process',
    rule: 'Q7',
    in: 'begin',
    find: `    if (!isOnline) this.#hear('offline')
    this.limitedBefore(deadlines)`,
    replace: `    if (!isOnline) this.#hear('offline')`,
  },
  {
    id: 'alarm-not-rearmed',
    what: 'the alarm of a wait is not armed again after a restart',
    rule: 'Q7',
    in: '#resume',
    find: 'if (envelope !== null) waits.begin(lane, envelope)',
    replace: `if ((envelope?.retryAt ?? 0) > this.#context.boundary.wall) {
      holds.setOnLane(lane, 'backing-off', 'it waited before the restart')
    }`,
  },
  {
    id: 'wait-cut-short-after-retry',
    what: 'the return of the network ends every wait, also that after a reply',
    rule: 'Q7',
    in: 'cutShort',
    find: 'if (lane.envelope?.waitsAfterUnknown !== true) continue',
    replace: '',
  },
  {
    id: 'impatient',
    what: 'an operation dies of too many attempts, however short the time',
    rule: 'Q8',
    in: 'judgeAgain',
    find: 'countedAttempts >= settings.maxAttempts && now - patientSince >= settings.patienceMs',
    replace: 'countedAttempts >= settings.maxAttempts && !isUnsent',
  },
  {
    id: 'expired-is-sent',
    what: 'an operation is sent though its time is over',
    rule: 'Q8',
    in: '#isExpired',
    find: 'return !lane.isOutcomeUnknown && this.#context.lifetimes.isOver(row)',
    replace: 'return false',
  },
  {
    id: 'offline-for-ever',
    what: 'the hold offline stays when the network is back',
    rule: 'Q15',
    in: '#hear',
    find: `        this.#liftOffline()
        this.#returned()`,
    replace: '        this.#returned()',
  },
  {
    id: 'long-wait-in-one-piece',
    what: 'a wait of more than 2^31 ms is one timer, which Node fires at once',
    rule: 'Q7',
    in: 'arm',
    find: 'const partMs = Math.min(leftMs, LONGEST_TIMER_MS)',
    replace: 'const partMs = leftMs',
    foundBy: { file: 'test/scenarios/q7-a-wait-longer-than-a-timer-of-node-can-be-lasts.yaml' },
  },
  {
    id: 'unsent-counts-as-unknown',
    what: 'an attempt of which nothing left leaves the outcome unknown',
    rule: 'Q5',
    in: 'judgeAgain',
    find: 'const isUnknown = reply === null && !isUnsent',
    replace: 'const isUnknown = reply === null',
  },
  {
    id: 'unsent-counts',
    what: 'an attempt of which nothing left counts towards death',
    rule: 'Q8',
    in: 'isCounted',
    find: 'if (isUnsent) return false',
    replace: 'if (isUnsent) return true',
  },
  {
    id: 'unsent-makes-known',
    what: 'an attempt of which nothing left frees an envelope of unknown outcome',
    rule: 'Q5',
    in: 'judgeAgain',
    find: 'const mayBeFormedAnew = (isRefusal || isUntouched) && unknownSince === null',
    replace: 'const mayBeFormedAnew = isUnsent || (isRefusal && unknownSince === null)',
  },
  {
    id: 'first-431-counts',
    what: 'the first 431 under a token counts towards death',
    rule: 'Q8',
    in: 'isCounted',
    find: 'if (reply.status === 431 && isFirstTooLarge) return false',
    replace: '',
  },
  {
    id: 'neighbours-of-a-misfit-die',
    what: 'of a merged request that cannot be made all members die',
    rule: 'Q4',
    in: '#buryUnreadable',
    find: 'if (which.length === 0 && members.length > 1 && bound === null) {',
    replace: 'if (members.length === 0) {',
  },
  {
    id: 'delay-not-cut',
    what: 'a reply may ask reads to wait for longer than storage can hold',
    rule: 'Q21',
    in: 'positionOf',
    find: 'Math.ceil(cutMs(delayMs, LONGEST_DELAY_MS))',
    replace: 'Math.ceil(delayMs)',
  },
  {
    id: 'input-stored',
    what: 'the payload is stored as the app gave it, and its schema draws anew at each reading',
    rule: 'Q14',
    in: 'storedForm',
    find: 'if (output === text) return { ok: true, text }',
    replace: 'if (text.length > 0) return { ok: true, text }',
  },
  {
    id: 'upgrade-not-stored',
    what: 'a payload of an older version is upgraded anew for each attempt',
    rule: 'Q14',
    in: 'store',
    find: 'if (old.length === 0) {',
    replace: 'if (old.length >= 0) {',
  },
  {
    id: 'timers-left-behind',
    what: 'close() leaves its timers armed',
    rule: 'Q19',
    in: 'silence',
    find: 'for (const timer of this.#alarms.values()) timer.cancel()',
    replace: '',
  },
  {
    id: 'sent-after-its-time',
    what: 'an operation whose time is over by the time its schema answers is sent',
    rule: 'Q8',
    in: 'stepWithRequest',
    find: 'if (members.some((row) => facts.isOver(lane, row))) return AGAIN',
    replace: 'if (members.length === 0) return AGAIN',
    foundBy: { file: 'test/scenarios/q8-the-time-is-over-while-the-head-is-checked.yaml' },
  },
  {
    id: 'suspended-for-ever',
    what: 'the hold suspended does not end by itself',
    rule: 'Q18',
    in: 'look',
    find: 'boundary.arm(ALARM, leftMs, () => this.#over())',
    replace: '',
  },
]
