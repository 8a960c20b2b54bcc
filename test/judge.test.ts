/** What follows from an outcome, as a pure function (Q5 to Q8). */
import { describe, expect, test } from 'vitest'
import { backoffMs } from '../src/engine/backoff.ts'
import { judge, type Judged } from '../src/engine/sending/judge.ts'
import type { Failure } from '../src/failure.ts'
import type { LaneId } from '../src/model.ts'
import type { Reply } from '../src/ports/transport.ts'
import type { EnvelopeRow } from '../storage/rows.ts'

const NOW = Date.UTC(2026, 0, 1)

const fresh: EnvelopeRow = {
  lane: 1 as LaneId,
  place: 1024,
  key: 'k1',
  members: [1024],
  attempts: 0,
  unsentAttempts: 0,
  countedAttempts: 0,
  firstAttemptAt: null,
  unknownSince: null,
  retryAt: null,
  askedMs: 0,
  waitMs: 0,
  waitsAfterUnknown: false,
  refusedCount: 0,
  tooLargeGeneration: null,
  lastStatus: null,
  lastCode: null,
  lastFailedAt: null,
}

function reply(status: number, headers: Record<string, string> = {}): Reply {
  return { status, headers, body: '' }
}

function judged(more: Partial<Judged>): Judged {
  return {
    envelope: fresh,
    reply: reply(500),
    failure: null,
    isUnsent: false,
    generation: null,
    isPortal: false,
    interpretation: { outcome: 'retry', reason: null },
    sentAt: NOW - 10,
    now: NOW,
    serverNow: NOW,
    othersWereAnswered: false,
    fraction: 1,
    askedFraction: 0,
    settings: {
      backoff: { baseMs: 1000, capMs: 300_000, jitter: false },
      maxAttempts: 3,
      patienceMs: 0,
    },
    ...more,
  }
}

function waiting(more: Partial<Judged>) {
  const verdict = judge(judged(more))
  if (verdict.verdict !== 'waiting') throw new Error(`it does not wait: ${verdict.verdict}`)
  return verdict
}

// Q7
describe('the wait', () => {
  test('doubles from the base to the cap, whatever the number of the attempt', () => {
    const backoff = { baseMs: 1000, capMs: 300_000, jitter: false }
    const waits = [1, 2, 3, 8, 9, 10, 100, 5000].map((n) => backoffMs(n, 1, backoff))
    expect(waits).toEqual([1000, 2000, 4000, 128_000, 256_000, 300_000, 300_000, 300_000])
  })

  test('has full jitter: from nothing to all of it', () => {
    const backoff = { baseMs: 1000, capMs: 300_000, jitter: true }
    expect([0, 0.25, 0.999_999].map((fraction) => backoffMs(3, fraction, backoff))).toEqual([
      0, 1000, 4000,
    ])
  })

  test.each([
    ['seconds', '7', 7000],
    ['seconds with blanks', ' 7 ', 7000],
    ['less than the backoff', '0', 1000],
    ['an HTTP date', new Date(NOW + 9000).toUTCString(), 9000],
    ['a date that has passed', new Date(NOW - 9000).toUTCString(), 1000],
    ['more than an hour', '86400', 3_600_000],
    ['a date in a year', new Date(NOW + 31_536_000_000).toUTCString(), 3_600_000],
    ['nonsense', 'soon', 1000],
    ['nothing', '', 1000],
  ])('is at least what Retry-After says: %s', (_name, header, waitMs) => {
    const { envelope } = waiting({ reply: reply(500, { 'retry-after': header }) })
    expect(envelope).toMatchObject({ retryAt: NOW + waitMs, waitMs })
  })

  // T9
  test('until a date is counted by the corrected clock, not by the clock of the device', () => {
    const until = new Date(NOW + 9000).toUTCString()
    const { envelope } = waiting({
      reply: reply(500, { 'retry-after': until }),
      serverNow: NOW + 4000,
    })
    expect(envelope).toMatchObject({ retryAt: NOW + 5000, waitMs: 5000 })
  })

  test.each([
    [429, 7000],
    [503, 7000],
    [500, null],
    [408, null],
  ])('of %i with Retry-After is for everybody: %s', (status, limitMs) => {
    expect(waiting({ reply: reply(status, { 'retry-after': '7' }) }).limitMs).toBe(limitMs)
  })

  test('of 429 without Retry-After is for this lane alone', () => {
    expect(waiting({ reply: reply(429) }).limitMs).toBeNull()
  })
})

// Q5
describe('an envelope', () => {
  test.each([425, 429])('may be formed anew after %i', (status) => {
    expect(waiting({ reply: reply(status) }).envelope).toMatchObject({ key: null, members: [] })
  })

  test.each([408, 500, 502, 503, 504])('is sent again as it was after %i', (status) => {
    expect(waiting({ reply: reply(status) }).envelope).toMatchObject({ key: 'k1', members: [1024] })
  })

  test('is sent again as it was after no reply, and its outcome is unknown from then on', () => {
    const first = waiting({ reply: null, interpretation: null }).envelope
    expect(first).toMatchObject({ key: 'k1', unknownSince: NOW - 10, waitsAfterUnknown: true })
    const second = waiting({ envelope: first, reply: reply(429) }).envelope
    expect(second).toMatchObject({ key: 'k1', unknownSince: NOW - 10, waitsAfterUnknown: false })
  })
})

// Q8
describe('what counts towards death', () => {
  test.each([408, 425, 429, 502, 503, 504])('%i means not now, however long', (status) => {
    const envelope = { ...fresh, attempts: 99, countedAttempts: 2, firstAttemptAt: 0 }
    expect(waiting({ envelope, reply: reply(status) }).envelope.countedAttempts).toBe(2)
  })

  test.each([200, 302, 500, 501, 505])('a retry with %i counts', (status) => {
    const verdict = waiting({ reply: reply(status), interpretation: null })
    expect(verdict.envelope.countedAttempts).toBe(1)
  })

  test('no reply counts only if others were answered meanwhile', () => {
    const silence = { reply: null, interpretation: null }
    expect(waiting({ ...silence }).envelope.countedAttempts).toBe(0)
    expect(waiting({ ...silence, othersWereAnswered: true }).envelope.countedAttempts).toBe(1)
  })

  test('after maxAttempts of them it is dead, but not before patienceMs', () => {
    const envelope = { ...fresh, attempts: 2, countedAttempts: 2, firstAttemptAt: NOW - 5000 }
    const { settings } = judged({})
    expect(judge(judged({ envelope, settings: { ...settings, patienceMs: 5000 } }))).toEqual({
      verdict: 'dead',
      reason: 'attempts-exhausted',
      unknownSince: null,
      limitMs: null,
    })
    expect(judge(judged({ envelope, settings: { ...settings, patienceMs: 5001 } }))).toMatchObject({
      verdict: 'waiting',
    })
  })

  // Q8
  test.each([
    ['since the attempt before', { firstAttemptAt: NOW + 3_600_000, attempts: 1 }, NOW - 10],
    ['during the first attempt', { firstAttemptAt: null, attempts: 0 }, NOW + 3_600_000],
  ])('a clock that jumped back %s begins the patience at the present time', (_, known, sentAt) => {
    const { firstAttemptAt } = waiting({ envelope: { ...fresh, ...known }, sentAt }).envelope
    expect(firstAttemptAt).toBe(NOW)
  })

  test('one of unknown outcome dies whole', () => {
    const envelope = { ...fresh, members: [1024, 2048], countedAttempts: 2, unknownSince: NOW - 1 }
    expect(judge(judged({ envelope }))).toMatchObject({
      verdict: 'dead',
      unknownSince: NOW - 1,
    })
  })
})

// Q4
test('a rejected envelope of several is judged one by one; one of one is dead', () => {
  const rejected = {
    reply: reply(422),
    interpretation: { outcome: 'rejected', reason: null },
  } as const
  expect(judge(judged({ ...rejected, envelope: { ...fresh, members: [1024, 2048] } }))).toEqual({
    verdict: 'alone',
  })
  expect(judge(judged(rejected))).toEqual({
    verdict: 'dead',
    reason: 'rejected',
    unknownSince: null,
    limitMs: null,
  })
})

// Q5, Q8
describe('a reply that took it by the status, and that nobody understands', () => {
  const misunderstood = { interpretation: null, envelope: { ...fresh, members: [1024, 2048] } }

  test.each([200, 201, 299])(
    '(%i) leaves the outcome unknown, though it waits as after any retry',
    (status) => {
      const { envelope } = waiting({ ...misunderstood, reply: reply(status) })
      expect(envelope).toMatchObject({
        unknownSince: NOW - 10,
        key: 'k1',
        waitsAfterUnknown: false,
      })
    },
  )

  test('dies whole, to come back under the same key', () => {
    const settings = { ...judged({}).settings, maxAttempts: 1 }
    const verdict = judge(judged({ ...misunderstood, reply: reply(200), settings }))
    expect(verdict).toMatchObject({ verdict: 'dead', unknownSince: NOW - 10 })
  })

  test.each([
    ['a status outside 2xx', reply(199)],
    ['a redirect', reply(300)],
    ['a failure', reply(500)],
    ['the page of a captive portal', reply(200), true],
  ])('is not %s', (_what, other, isPortal = false) => {
    const { envelope } = waiting({ ...misunderstood, reply: other, isPortal })
    expect(envelope.unknownSince).toBe(null)
  })
})

// Q7
test.each(['5s', 's5', ' ', ''])('a Retry-After of "%s" asks for nothing', (value) => {
  const { envelope } = waiting({ reply: reply(503, { 'retry-after': value }) })
  expect(envelope.waitMs).toBe(1000)
})

const REFUSED: Failure = { name: 'NotSentError', code: 'ECONNREFUSED', message: 'refused' }
const unsent = { reply: null, failure: REFUSED, isUnsent: true, interpretation: null } as const
const silence = {
  reply: null,
  failure: { name: 'Error', code: null, message: 'it broke' },
  interpretation: null,
} as const

// Q5, Q7, Q8
describe('an unsent outcome', () => {
  test('waits like unknown, and its number grows', () => {
    const first = waiting(unsent).envelope
    expect(first).toMatchObject({ attempts: 1, waitMs: 1000, waitsAfterUnknown: true })
    const second = waiting({ ...unsent, envelope: first }).envelope
    expect(second).toMatchObject({ attempts: 2, waitMs: 2000, retryAt: NOW + 2000 })
  })

  test('lets the envelope be formed anew, and makes nothing unknown', () => {
    expect(waiting(unsent).envelope).toMatchObject({ key: null, members: [], unknownSince: null })
  })

  test('changes nothing of an envelope of unknown outcome', () => {
    const { envelope } = waiting(silence)
    const after = waiting({ ...unsent, envelope }).envelope
    expect(after).toMatchObject({ key: 'k1', members: [1024], unknownSince: NOW - 10 })
  })

  test('changes nothing of an envelope that was answered 500: it is sent again unchanged', () => {
    const { envelope } = waiting({ reply: reply(500) })
    expect(waiting({ ...unsent, envelope }).envelope).toMatchObject({ key: 'k1', members: [1024] })
  })

  test.each([401, 425, 429])(
    'after the definite refusal %i lets the envelope be formed anew',
    (lastStatus) => {
      const envelope = { ...fresh, attempts: 1, lastStatus, firstAttemptAt: NOW - 50 }
      expect(waiting({ ...unsent, envelope }).envelope).toMatchObject({ key: null, members: [] })
    },
  )

  test('never counts towards death, and nothing dies of it', () => {
    const exhausted = { ...fresh, attempts: 3, countedAttempts: 3, firstAttemptAt: NOW - 5000 }
    const { envelope } = waiting({ ...unsent, envelope: exhausted, othersWereAnswered: true })
    expect(envelope).toMatchObject({ attempts: 4, unsentAttempts: 1, countedAttempts: 3 })
  })

  test('does not begin the patience: the first attempt that left does', () => {
    // A record is older than the attempt: it was made before the attempts that did not leave.
    const recorded = { ...fresh, firstAttemptAt: NOW - 9000 }
    const { envelope } = waiting({ ...unsent, envelope: recorded })
    const next = waiting({ envelope: { ...envelope, key: 'k2' }, reply: reply(500) }).envelope
    expect(next).toMatchObject({ attempts: 2, unsentAttempts: 1, firstAttemptAt: NOW - 10 })
    const last = waiting({ envelope: next, reply: reply(500), sentAt: NOW, now: NOW }).envelope
    expect(last.firstAttemptAt).toBe(NOW - 10)
  })
})

// Q8, Q7
describe('431', () => {
  const under = (generation: number | null, envelope = fresh) =>
    waiting({ reply: reply(431), generation, envelope }).envelope

  test('does not count the first time under each generation', () => {
    const first = under(1)
    expect(first.countedAttempts).toBe(0)
    const second = under(1, first)
    expect(second.countedAttempts).toBe(1)
    expect(under(2, second).countedAttempts).toBe(1)
  })

  test('to a request without a token counts from the first, and forgets no generation', () => {
    const first = under(null)
    expect(first).toMatchObject({ countedAttempts: 1, tooLargeGeneration: null })
    const unsigned = under(null, under(1))
    expect(unsigned).toMatchObject({ countedAttempts: 1, tooLargeGeneration: 1 })
  })
})

// Q7
describe('the random part of a wait that the server asks for', () => {
  const asked = (seconds: number, askedFraction: number) =>
    waiting({ reply: reply(429, { 'retry-after': String(seconds) }), askedFraction })

  test.each([
    [10, 0, 10_000],
    [10, 0.5, 15_000],
    [60, 0.999, 119_940],
    [600, 0.5, 630_000],
    [7200, 0.5, 3_630_000],
  ])('%i s with the draw %d: %i ms, at most a minute more', (seconds, draw, waitMs) => {
    const { envelope, limitMs } = asked(seconds, draw)
    // The envelope and the hold share one such part.
    expect([envelope.waitMs, envelope.retryAt, limitMs]).toEqual([waitMs, NOW + waitMs, waitMs])
  })

  test('is none where the server asks for nothing', () => {
    const { envelope } = waiting({ reply: reply(500), askedFraction: 0.9 })
    expect(envelope.waitMs).toBe(1000)
  })
})

// Q22
describe('what is known of the last failure', () => {
  test('is the code of the failure, or the status of the reply', () => {
    const { envelope } = waiting(unsent)
    expect(envelope).toMatchObject({
      lastCode: 'ECONNREFUSED',
      lastStatus: null,
      lastFailedAt: NOW,
    })
    const next = waiting({ envelope, reply: reply(503) }).envelope
    expect(next).toMatchObject({ lastCode: null, lastStatus: 503, lastFailedAt: NOW })
  })

  test('is the name of the error where that has no code', () => {
    expect(waiting(silence).envelope.lastCode).toBe('Error')
  })
})
