/** What follows from an outcome, as a pure function (Q5 to Q8). */
import { describe, expect, test } from 'vitest'
import { backoffMs, judge, type Judged } from '../src/engine/sending/judge.ts'
import type { LaneId } from '../src/model.ts'
import type { Reply } from '../src/ports/transport.ts'
import type { EnvelopeRow } from '../storage/storage.ts'

const NOW = Date.UTC(2026, 0, 1)

const fresh: EnvelopeRow = {
  lane: 1 as LaneId,
  place: 1024,
  key: 'k1',
  members: [1024],
  attempts: 0,
  countedAttempts: 0,
  firstAttemptAt: null,
  unknownSince: null,
  retryAt: null,
  waitMs: 0,
  waitsAfterUnknown: false,
  refusedCount: 0,
  lastStatus: null,
}

function reply(status: number, headers: Record<string, string> = {}): Reply {
  return { status, headers, body: '' }
}

function judged(more: Partial<Judged>): Judged {
  return {
    envelope: fresh,
    reply: reply(500),
    interpretation: { outcome: 'retry', reason: null },
    sentAt: NOW - 10,
    now: NOW,
    serverNow: NOW,
    othersWereAnswered: false,
    fraction: 1,
    settings: {
      backoff: { base: 1000, cap: 300_000, jitter: false },
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
    const backoff = { base: 1000, cap: 300_000, jitter: false }
    const waits = [1, 2, 3, 8, 9, 10, 100, 5000].map((n) => backoffMs(n, 1, backoff))
    expect(waits).toEqual([1000, 2000, 4000, 128_000, 256_000, 300_000, 300_000, 300_000])
  })

  test('has full jitter: from nothing to all of it', () => {
    const backoff = { base: 1000, cap: 300_000, jitter: true }
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
    ['a page, which is no word of the server', reply(200, { 'content-type': 'text/html' })],
  ])('is not %s', (_what, other) => {
    const { envelope } = waiting({ ...misunderstood, reply: other })
    expect(envelope.unknownSince).toBe(null)
  })
})

// Q7
test.each(['5s', 's5', ' ', ''])('a Retry-After of "%s" asks for nothing', (value) => {
  const { envelope } = waiting({ reply: reply(503, { 'retry-after': value }) })
  expect(envelope.waitMs).toBe(1000)
})
