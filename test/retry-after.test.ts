/** Retry-After is a number of seconds or one of the three HTTP dates, and every other value is ignored. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseHttpDate } from '../src/transport/http-date.ts'
import { retryAfterMs } from '../src/transport/retry-after.ts'

const NOW = Date.UTC(2026, 0, 1)
const HOUR_MS = 3_600_000

const LONG_DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

/** The same instant in each of the three formats. */
function formatsOf(instant: number): readonly string[] {
  const date = new Date(instant)
  const fixdate = date.toUTCString()
  const [day = '', dd = '', month = '', year = '', time = ''] = fixdate.replace(',', '').split(' ')
  return [
    fixdate,
    `${LONG_DAYS[date.getUTCDay()]}, ${dd}-${month}-${year.slice(2)} ${time} GMT`,
    `${day} ${month} ${String(date.getUTCDate()).padStart(2, ' ')} ${time} ${year}`,
  ]
}

function asked(value: string, more: Record<string, string> = {}): number | null {
  return retryAfterMs({ 'retry-after': value, ...more }, NOW)
}

// Q7
describe('a number of seconds', () => {
  test.each([
    ['7', 7000],
    [' 7 ', 7000],
    ['0', 0],
    ['007', 7000],
    ['1.5', 2000],
    ['0.001', 1000],
    ['2.0', 2000],
    ['3600', HOUR_MS],
    ['3601', HOUR_MS],
    ['9'.repeat(400), HOUR_MS],
    [`0.${'9'.repeat(400)}`, 1000],
  ])('%j asks for %d ms, a fraction rounded up, at most an hour', (value, ms) => {
    expect(asked(value)).toBe(ms)
  })
})

// Q7
describe('a date', () => {
  test('asks for the time until then in each of the three formats', () => {
    for (const text of formatsOf(NOW + 90_000)) expect([text, asked(text)]).toEqual([text, 90_000])
  })

  test('that has passed asks for no wait', () => {
    for (const text of formatsOf(NOW - 90_000)) expect([text, asked(text)]).toEqual([text, 0])
  })

  test('in a year asks for an hour', () => {
    for (const text of formatsOf(NOW + 365 * 24 * HOUR_MS)) expect(asked(text)).toBe(HOUR_MS)
  })

  // T9: the clock of the device may be wrong, and the reply says what the server takes for the present.
  test("is compared with the reply's own Date, in whatever format that is", () => {
    const serverNow = NOW + 10 * HOUR_MS
    for (const date of formatsOf(serverNow)) {
      for (const text of formatsOf(serverNow + 30_000)) expect(asked(text, { date })).toBe(30_000)
    }
  })

  test('is compared with the corrected clock if the Date of the reply is no date', () => {
    const [text = ''] = formatsOf(NOW + 30_000)
    expect(asked(text, { date: 'yesterday' })).toBe(30_000)
  })
})

// Q7: `Date.parse` takes most of these for a date of long ago.
test.each([
  '',
  ' ',
  'soon',
  '-5',
  '+5',
  '1e3',
  '0x10',
  '5s',
  's5',
  '5.',
  '.5',
  '1,5',
  '120, 120',
  '"120"',
  "'120'",
  'Infinity',
  'NaN',
  '2026-01-01',
  '2026-01-01T00:01:00Z',
  '"Thu, 01 Jan 2026 00:01:00 GMT"',
  'Thu, 01 Jan 2026 00:01:00',
  'Thu, 01 Jan 2026 00:01:00 UTC',
  'Thu, 01 Jan 2026 00:01:00 +0000',
  'Thu, 1 Jan 2026 00:01:00 GMT',
  'Thu, 01 jan 2026 00:01:00 GMT',
  'Thu, 01 Jan 2026 24:00:00 GMT',
  'Thu, 01 Jan 2026 00:60:00 GMT',
  'Thu, 01 Jan 2026 00:00:61 GMT',
  'Tue, 31 Feb 2026 00:01:00 GMT',
  'Thu, 00 Jan 2026 00:01:00 GMT',
  'Thursday, 01 Jan 2026 00:01:00 GMT',
  'Thu, 01-Jan-26 00:01:00 GMT',
  'Thu Jan  1 00:01:00 2026 GMT',
  `Thu, 01 Jan 2026 00:01:00 GMT${' x'.repeat(100_000)}`,
])('the value %.60j asks for nothing', (value) => {
  expect(asked(value)).toBe(null)
})

test('a reply without the header asks for nothing', () => {
  expect(retryAfterMs({}, NOW)).toBe(null)
})

describe('an HTTP date', () => {
  test('is the instant that it was made of, in each format, for fifty years to both sides', () => {
    const span = 49 * 365 * 24 * 3600
    fc.assert(
      fc.property(fc.integer({ min: -span, max: span }), (seconds) => {
        const instant = NOW + seconds * 1000
        for (const text of formatsOf(instant)) expect(parseHttpDate(text, NOW)).toBe(instant)
      }),
    )
  })

  test('with a year of two digits more than fifty years ahead is one of the past (RFC 9110)', () => {
    const yearOf = (text: string, now: number) => {
      const instant = parseHttpDate(`Sunday, 06-Nov-${text} 08:49:37 GMT`, now)
      return instant === null ? null : new Date(instant).getUTCFullYear()
    }
    expect(['94', '75', '76', '77', '00'].map((year) => yearOf(year, NOW))).toEqual([
      1994, 2075, 2076, 1977, 2000,
    ])
    expect(yearOf('05', Date.UTC(2099, 0, 1))).toBe(2105)
  })

  test('may name a leap second', () => {
    expect(parseHttpDate('Sat, 31 Dec 2016 23:59:60 GMT', NOW)).toBe(Date.UTC(2017, 0, 1))
  })

  test('is never found in any other text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseHttpDate(text, NOW)).toBe(null)
      }),
    )
  })
})

test('whatever the header says, the wait is nothing or between 0 and an hour', () => {
  const value = fc.oneof(
    fc.string(),
    fc.double().map(String),
    fc.bigInt().map(String),
    fc.integer({ min: -1e9, max: 1e9 }).map((s) => new Date(NOW + s * 1000).toUTCString()),
  )
  fc.assert(
    fc.property(value, value, (retryAfter, date) => {
      const ms = retryAfterMs({ 'retry-after': retryAfter, date }, NOW) ?? 0
      expect(ms >= 0 && ms <= HOUR_MS).toBe(true)
    }),
  )
})
