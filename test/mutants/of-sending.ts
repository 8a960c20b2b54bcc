/** Faults in what is sent together, how often, and after which wait. */
import type { Mutant } from './mutant.ts'

export const SENDING_MUTANTS: readonly Mutant[] = [
  {
    id: 'a-hundred-and-one',
    what: 'an envelope takes 101 operations',
    rule: 'Q4',
    in: 'MOST_MEMBERS',
    find: 'export const MOST_MEMBERS = 100',
    replace: 'export const MOST_MEMBERS = 101',
    foundBy: { file: 'test/scenarios/q4-an-envelope-takes-a-hundred-operations-at-most.yaml' },
  },
  {
    id: 'bytes-of-the-head-uncounted',
    what: 'the bytes of the head do not count towards the limit of an envelope',
    rule: 'Q4',
    in: 'neighbours',
    find: `Buffer.byteLength(lane.head?.payload ?? '')`,
    replace: '0',
    foundBy: { file: 'test/scenarios/q4-an-envelope-takes-256-kib-at-most.yaml' },
  },
  {
    id: 'misfit-envelope-loses-members',
    what: 'of a rejected envelope only the head is sent alone; the other members merge again',
    rule: 'Q4',
    in: '#carryOut',
    find: 'this.#settlement.sendAlone(lane, members)',
    replace: 'this.#settlement.sendAlone(lane, members.slice(0, 1))',
    foundBy: { file: 'test/scenarios/q4-each-member-of-a-rejected-envelope-is-judged-alone.yaml' },
  },
  {
    id: 'newcomers-restart-the-window',
    what: 'the batch window begins anew with each operation that comes',
    rule: 'Q4',
    in: 'collectMs',
    find: 'members[0].enqueuedAt + batchWindowMs',
    replace: '(members.at(-1) ?? members[0]).enqueuedAt + batchWindowMs',
    foundBy: { file: 'test/scenarios/q4-a-window-caps-the-wait-for-neighbours.yaml' },
  },
  {
    id: 'unknown-since-the-last-silence',
    what: 'the age of an unknown outcome begins anew with each attempt without a reply',
    rule: 'Q5',
    in: 'judgeAgain',
    find: 'envelope.unknownSince ?? (isUnknown || isDoubtful ? sentAt : null)',
    replace: 'isUnknown || isDoubtful ? sentAt : envelope.unknownSince',
    foundBy: { file: 'test/scenarios/q5-two-silences-make-one-window.yaml' },
  },
  {
    id: 'portal-wait-does-not-double',
    what: 'the wait before a captive portal is probed does not double',
    rule: 'Q6',
    in: '#waitForProbe',
    find: 'jitteredMs(this.#context, count, settings.backoff)',
    replace: 'jitteredMs(this.#context, 1, settings.backoff)',
    foundBy: {
      file: 'test/scenarios/q6-407-and-511-and-a-redirect-away-are-a-captive-portal.yaml',
    },
  },
  {
    id: 'first-lane-always-probes',
    what: 'a captive portal is always probed with the head of the first lane',
    rule: 'Q6',
    in: '#nextToProbe',
    find: 'ready.find((lane) => lane.id > this.#lastProbed) ?? ready[0] ?? null',
    replace: 'ready[0] ?? null',
    foundBy: { file: 'test/scenarios/q6-a-captive-portal-is-probed-with-the-heads-in-turn.yaml' },
  },
  {
    id: 'http-date-in-local-time',
    what: 'an HTTP date is read as one of the time zone of the machine',
    rule: 'Q7',
    in: 'instantOf',
    find: 'new Date(0).setUTCFullYear(fullYear, MONTHS.indexOf(month), Number(day))',
    replace: 'new Date(fullYear, MONTHS.indexOf(month), Number(day)).getTime()',
    foundBy: { file: 'test/scenarios/q7-retry-after-as-a-date-in-each-of-the-three-formats.yaml' },
  },
  {
    id: 'retry-after-uncapped',
    what: 'a number of seconds in Retry-After is not limited to 1 h',
    rule: 'Q7',
    in: 'secondsAskedFor',
    find: 'Math.min(CAP_MS / 1000, Math.ceil(Number(text)))',
    replace: 'Math.ceil(Number(text))',
    foundBy: { file: 'test/scenarios/q7-retry-after-is-capped-at-an-hour.yaml' },
  },
  {
    id: 'backward-jump-makes-a-wait-longer',
    what: 'after a backward jump of the clock a wait is as much longer as the jump was',
    rule: 'Q7',
    in: 'begin',
    find: `const { retryAt, waitMs } = envelope
    if (retryAt === null) return
    // A clock that jumped back never makes it longer than the wait it was computed from.
    const leftMs = Math.min(retryAt - this.#context.boundary.wall, waitMs)`,
    replace: `const { retryAt } = envelope
    if (retryAt === null) return
    const leftMs = retryAt - this.#context.boundary.wall`,
    foundBy: { file: 'test/scenarios/q7-a-clock-that-jumped-back-makes-no-wait-longer.yaml' },
  },
  {
    id: 'silence-never-counts',
    what: 'an attempt without a reply never counts towards death',
    rule: 'Q8',
    in: 'isCounted',
    find: 'return judged.othersWereAnswered',
    replace: 'return judged.failure === null && judged.othersWereAnswered',
    foundBy: { file: 'test/scenarios/q8-silence-counts-only-if-others-were-answered.yaml' },
  },
  {
    id: 'backward-jump-renews-patience',
    what: 'after a backward jump of the clock the patience begins anew, or lasts as much longer as the jump was',
    rule: 'Q8',
    in: 'firstAttemptOf',
    find: 'return Math.min(firstSentAt, now)',
    replace: 'return now < sentAt ? sentAt : firstSentAt',
    foundBy: {
      file: 'test/judge.test.ts',
      test: 'what counts towards death > a clock that jumped back since the attempt before begins the patience at the present time',
    },
  },
  {
    id: 'expired-member-is-sent',
    what: 'a member whose time is over is sent with the head of its envelope',
    rule: 'Q8',
    in: '#isExpired',
    find: 'return !lane.isOutcomeUnknown && this.#context.lifetimes.isOver(row)',
    replace: `const isHead = row.id === lane.head?.id
    return isHead && !lane.isOutcomeUnknown && this.#context.lifetimes.isOver(row)`,
    foundBy: {
      file: 'test/scenarios/q8-a-member-whose-time-is-over-while-its-envelope-waits.yaml',
    },
  },
  {
    id: 'excerpt-cut-first',
    what: 'the excerpt of a reply is cut before it is redacted',
    rule: 'E6',
    in: '#excerptOf',
    find: 'excerptOf(body, {',
    replace: 'excerptOf(body.slice(0, 256), {',
    foundBy: { file: 'test/scenarios/e1-a-reply-that-repeats-the-token-leaves-nothing-of-it.yaml' },
  },
  {
    id: 'request-goes-on-after-its-time',
    what: 'a request whose reply is awaited no longer is not aborted',
    rule: 'Q19',
    in: '#giveUp',
    find: 'attempt.abort.abort(timeoutError(settings.replyTimeoutMs))',
    replace: 'if (attempt.isAnswered) attempt.abort.abort(timeoutError(settings.replyTimeoutMs))',
    foundBy: { file: 'test/scenarios/q6-no-reply-within-30-s-is-unknown.yaml' },
  },
  {
    id: 'close-aborts-nothing',
    what: 'close() does not abort the requests that are in flight after its deadline',
    rule: 'Q19',
    in: 'end',
    find: 'lane.attempt.abort.abort()',
    replace: '',
    foundBy: {
      file: 'test/flush-and-close.test.ts',
      test: 'close() > at its deadline lets go of what is in flight, and tells of no error',
    },
  },
  {
    id: 'flush-ignores-waits',
    what: 'flush() resolves while a lane has the hold backing-off',
    rule: 'Q19',
    in: '#isPassing',
    find: `      case 'backing-off':
      case 'rate-limited':`,
    replace: `      case 'backing-off':
        return false
      case 'rate-limited':`,
    foundBy: {
      file: 'test/flush-and-close.test.ts',
      test: 'flush() > waits for the end of a backoff, and for what is sent then',
    },
  },
  {
    id: 'endless-loop',
    what: 'the end of a change of a lane is a loop without an end',
    rule: 'E3',
    in: 'changeEnded',
    find: 'this.#afterChanges.length > 0',
    replace: 'this.#afterChanges.length >= 0',
    foundBy: {
      file: 'test/scenarios/e3-a-lane-whose-last-letter-is-discarded-takes-new-operations.yaml',
    },
  },
]
