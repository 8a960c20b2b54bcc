/** Faults in how operations are stored, sent, repeated and settled. */
import type { Mutant } from './mutant.ts'

export const QUEUE_MUTANTS: readonly Mutant[] = [
  {
    id: 'new-key-per-retry',
    what: 'each retry has a key of its own',
    rule: 'Q5',
    file: 'src/engine/sending/sender.ts',
    find: 'this.#build(line, envelope, envelope.key ?? envelope.members[0].id, resolution)',
    replace: `const tries = line.envelope?.attempts ?? 0
      const known = envelope.key ?? envelope.members[0].id
      this.#build(line, envelope, tries > 0 ? known + '#' + tries : known, resolution)`,
  },
  {
    id: 'new-key-when-rebuilt',
    what: 'an envelope that is built again with the same members has another key',
    rule: 'Q5',
    file: 'src/engine/sending/sender.ts',
    find: 'key: isMerging ? envelopeKey(members) : id,',
    replace: 'key: isMerging ? envelopeKey(members) + former.attempts + former.refusedCount : id,',
  },
  {
    id: 'formed-anew-after-unknown',
    what: 'an envelope of unknown outcome is formed anew',
    rule: 'Q5',
    file: 'src/engine/sending/judge.ts',
    find: 'const mayBeFormedAnew = (isRefusal || isUntouched) && unknownSince === null',
    replace: 'const mayBeFormedAnew = reply === null || (isRefusal && unknownSince === null)',
  },
  {
    id: 'envelope-of-one-unrecorded',
    what: 'a merging envelope of one is sent without being recorded',
    rule: 'Q5',
    file: 'src/engine/sending/sender.ts',
    find: 'return isMerging || isForgotten',
    replace: 'return members.length > 1 || isForgotten',
  },
  {
    id: 'unknown-mark-lost',
    what: 'after a crash nobody knows that the outcome is unknown',
    rule: 'Q5',
    file: 'src/engine/life/dispatch.ts',
    find: 'this.#isOurs && mayHaveBeenSent(envelope.lane) ? afterTheEnd(this.#core, envelope) : envelope',
    replace: 'envelope',
  },
  {
    id: 'event-before-commit',
    what: 'an operation is reported as completed before that is committed',
    rule: 'Q11',
    file: 'src/engine/sending/sequel.ts',
    find: `    this.#commit(line, [change], { synced: false }, (answer) => {
      this.#removed(line, members)
      for (const { id, kind } of members) {
        report('operation.completed', { id, kind, user: line.user })
      }
`,
    replace: `    for (const { id, kind } of members) {
      report('operation.completed', { id, kind, user: line.user })
    }
    this.#commit(line, [change], { synced: false }, (answer) => {
      this.#removed(line, members)
`,
  },
  {
    id: 'acknowledged-though-not-stored',
    what: 'enqueue() resolves although the commit failed',
    rule: 'Q2',
    file: 'src/engine/intake/intake.ts',
    find: `settle.reject(answer instanceof Error ? answer : notStored(answer))`,
    replace: `settle.resolve({ id: formatOperationId(NO_LANE, 0, ticket.nonce), dropped: false })`,
  },
  {
    id: 'settled-row-kept',
    what: 'a completed operation stays in the table',
    rule: 'Q2',
    file: 'storage/sqlite/pending.ts',
    find: 'if (!this.#remove(lane, members)) return MISSED',
    replace: '',
  },
  {
    id: 'newest-first',
    what: 'a lane is read from its end',
    rule: 'Q3',
    file: 'storage/sqlite/tables.ts',
    find: 'ORDER BY key LIMIT @limit',
    replace: 'ORDER BY key DESC LIMIT @limit',
  },
  {
    id: 'follow-ups-at-the-end',
    what: 'follow-ups are put at the end of their lane',
    rule: 'Q13',
    file: 'storage/sqlite/pending.ts',
    find: 'const place = this.#places.behind(lane, behind)',
    replace: 'const place = this.#lanes.nextPlace(lane)',
  },
  {
    id: 'payload-of-the-neighbour',
    what: 'in a merged request each operation has the payload of the next one',
    rule: 'Q4',
    file: 'src/operations/kinds.ts',
    find: 'spec.merge.combine(payloads, {',
    replace: 'spec.merge.combine(payloads.map((own, at) => payloads[at + 1] ?? own), {',
  },
  {
    id: 'too-many-slots',
    what: 'one more request than concurrency allows is in flight',
    rule: 'Q3',
    file: 'machines/queue.machine.ts',
    find: 'Math.max(0, context.slots - context.sending.length)',
    replace: 'Math.max(0, context.slots + 1 - context.sending.length)',
  },
  {
    id: 'retry-after-ignored',
    what: 'nobody reads Retry-After',
    rule: 'Q7',
    file: 'src/engine/sending/judge.ts',
    find: 'const asked = reply === null ? null : retryAfterMs(reply.headers, judged.serverNow)',
    replace: 'const asked = null',
  },
  {
    id: 'cut-reply-thrown-away',
    what: 'a reply that is cut counts as no reply',
    rule: 'Q6',
    file: 'src/engine/sending/checked-reply.ts',
    find: `if (!isReply)`,
    replace: `if (!isReply || (answer as Reply).isCut === true)`,
  },
  {
    id: 'label-makes-a-page',
    what: 'a body that is labelled as HTML counts as a page, whatever it is',
    rule: 'Q6',
    file: 'src/operations/interpret-reply.ts',
    find: `return HTML_TYPE.test(headers['content-type'] ?? '') && BEGINS_WITH_TAG.test(body)`,
    replace: `return HTML_TYPE.test(headers['content-type'] ?? '') && body !== '<'`,
  },
  {
    id: 'limit-forgotten',
    what: 'the wait that the server asked of everybody ends with the process',
    rule: 'Q7',
    file: 'src/engine/lanes/connectivity.ts',
    find: `    if (!isOnline) this.#hear('offline')
    this.limitedBefore(deadlines)`,
    replace: `    if (!isOnline) this.#hear('offline')`,
  },
  {
    id: 'alarm-not-rearmed',
    what: 'the alarm of a wait is not armed again after a restart',
    rule: 'Q7',
    file: 'src/engine/life/dispatch.ts',
    find: 'if (envelope !== null) waits.begin(line, envelope)',
    replace: `if ((envelope?.retryAt ?? 0) > this.#core.boundary.wall) {
      holds.setOnLane(line, 'backing-off', 'it waited before the restart')
    }`,
  },
  {
    id: 'wait-cut-short-after-retry',
    what: 'the return of the network ends every wait, also that after a reply',
    rule: 'Q7',
    file: 'src/engine/lanes/waits.ts',
    find: 'if (line.envelope?.waitsAfterUnknown !== true) continue',
    replace: '',
  },
  {
    id: 'impatient',
    what: 'an operation dies of too many attempts, however short the time',
    rule: 'Q8',
    file: 'src/engine/sending/judge.ts',
    find: 'countedAttempts >= settings.maxAttempts && now - firstAttemptAt >= settings.patienceMs',
    replace: 'countedAttempts >= settings.maxAttempts',
  },
  {
    id: 'expired-is-sent',
    what: 'an operation is sent though its time is over',
    rule: 'Q8',
    file: 'src/engine/sending/sender.ts',
    find: 'return expiresAt !== null && expiresAt <= this.#core.boundary.wall && !line.isOutcomeUnknown',
    replace: 'return false',
  },
  {
    id: 'offline-for-ever',
    what: 'the hold offline stays when the network is back',
    rule: 'Q15',
    file: 'src/engine/lanes/connectivity.ts',
    find: `        this.#liftOffline()
        this.#cutWaitsShort()`,
    replace: '        this.#cutWaitsShort()',
  },
  {
    id: 'long-wait-in-one-piece',
    what: 'a wait of more than 2^31 ms is one timer, which Node fires at once',
    rule: 'Q7',
    file: 'src/ports/clock.ts',
    find: 'const partMs = Math.min(leftMs, LONGEST_TIMER_MS)',
    replace: 'const partMs = leftMs',
  },
  {
    id: 'unsent-counts-as-unknown',
    what: 'an attempt of which nothing left leaves the outcome unknown',
    rule: 'Q5',
    file: 'src/engine/sending/judge.ts',
    find: 'const isUnknown = reply === null && !isUnsent',
    replace: 'const isUnknown = reply === null',
  },
  {
    id: 'unsent-counts',
    what: 'an attempt of which nothing left counts towards death',
    rule: 'Q8',
    file: 'src/engine/sending/judge.ts',
    find: 'if (isUnsent) return false',
    replace: 'if (isUnsent) return true',
  },
  {
    id: 'unsent-makes-known',
    what: 'an attempt of which nothing left frees an envelope of unknown outcome',
    rule: 'Q5',
    file: 'src/engine/sending/judge.ts',
    find: 'const mayBeFormedAnew = (isRefusal || isUntouched) && unknownSince === null',
    replace: 'const mayBeFormedAnew = isUnsent || (isRefusal && unknownSince === null)',
  },
  {
    id: 'first-431-counts',
    what: 'the first 431 under a token counts towards death',
    rule: 'Q8',
    file: 'src/engine/sending/judge.ts',
    find: 'if (reply.status === 431 && isFirstTooLarge) return false',
    replace: '',
  },
  {
    id: 'neighbours-of-a-misfit-die',
    what: 'of a merged request that cannot be made all members die',
    rule: 'Q4',
    file: 'src/engine/sending/sender.ts',
    find: 'if (which.length === 0 && members.length > 1 && !isBound) {',
    replace: 'if (members.length === 0) {',
  },
  {
    id: 'timers-left-behind',
    what: 'close() leaves its timers armed',
    rule: 'Q19',
    file: 'src/engine/boundary/live-boundary.ts',
    find: 'for (const timer of this.#alarms.values()) timer.cancel()',
    replace: '',
  },
]
