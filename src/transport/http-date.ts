/**
 * Parses the three date formats of HTTP (RFC 9110, 5.6.7). It must accept nothing else: `Date.parse` finds a date in
 * almost any text.
 */
import type { Instant } from '../model.ts'

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const MONTH = `(?<month>${MONTHS.join('|')})`
const TIME = String.raw`(?<hour>\d\d):(?<minute>\d\d):(?<second>\d\d)`
const SHORT_DAY = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)'
const LONG_DAY = '(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)'

const FORMATS: readonly RegExp[] = [
  // IMF-fixdate: Sun, 06 Nov 1994 08:49:37 GMT
  new RegExp(String.raw`^${SHORT_DAY}, (?<day>\d\d) ${MONTH} (?<year>\d{4}) ${TIME} GMT$`),
  // RFC 850: Sunday, 06-Nov-94 08:49:37 GMT
  new RegExp(String.raw`^${LONG_DAY}, (?<day>\d\d)-${MONTH}-(?<year>\d\d) ${TIME} GMT$`),
  // asctime: Sun Nov  6 08:49:37 1994
  new RegExp(String.raw`^${SHORT_DAY} ${MONTH} (?<day>\d\d| \d) ${TIME} (?<year>\d{4})$`),
]

/** Longest text that is looked at: the longest date has 33 characters (`Wednesday, 09-Nov-94 08:49:37 GMT`). */
const LONGEST = 33

/** A year of two digits that would lie further ahead than this lies in the past (RFC 9110). */
const YEARS_AHEAD = 50

/**
 * The instant that an HTTP date names; null: the text is no HTTP date. `now` decides the century of a year of two
 * digits.
 */
export function parseHttpDate(text: string, now: Instant): Instant | null {
  if (text.length > LONGEST) return null
  for (const format of FORMATS) {
    const parts = format.exec(text)?.groups
    if (parts !== undefined) return instantOf(parts, now)
  }
  return null
}

function instantOf(parts: Readonly<Record<string, string>>, now: Instant): Instant | null {
  const { year = '', month = '', day = '', hour = '', minute = '', second = '' } = parts
  const [hours, minutes, seconds] = [Number(hour), Number(minute), Number(second)]
  // The second 60 is a leap second.
  if (hours > 23 || minutes > 59 || seconds > 60) return null
  const fullYear = year.length === 2 ? withCentury(Number(year), now) : Number(year)
  const midnight = new Date(0).setUTCFullYear(fullYear, MONTHS.indexOf(month), Number(day))
  // `Date` moves a day that the month does not have into the next month, or into the month before.
  if (new Date(midnight).getUTCDate() !== Number(day)) return null
  return midnight + ((hours * 60 + minutes) * 60 + seconds) * 1000
}

function withCentury(year: number, now: Instant): number {
  const thisYear = new Date(now).getUTCFullYear()
  const inThisCentury = thisYear - (thisYear % 100) + year
  if (inThisCentury > thisYear + YEARS_AHEAD) return inThisCentury - 100
  // Late in a century, a small number means a year of the next century.
  return inThisCentury + 100 <= thisYear + YEARS_AHEAD ? inThisCentury + 100 : inThisCentury
}
