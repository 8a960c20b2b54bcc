/** The one scrubber (E6): what servers and libraries echo, and what it must leave as it is. */
import { expect, test } from 'vitest'
import { failureOf } from '../src/failure.ts'
import { excerptOf } from '../src/scrub/excerpt.ts'
import { rebuilt } from '../src/scrub/rebuilt.ts'
import { scrub } from '../src/scrub/scrub.ts'
import { type Echo, ECHOES, KNOWN } from './support/echoes.ts'
import { ERROR_BODIES } from './support/error-bodies.ts'

/** A shorter piece may be a part of a word. */
const LEAST = 4

function leaksOf(kept: string, { needles }: Echo): readonly string[] {
  return needles.filter((needle) => needle.length >= LEAST && kept.includes(needle))
}

test('the corpus has at least 60 echoes and 50 ordinary bodies', () => {
  expect(ECHOES.length).toBeGreaterThanOrEqual(60)
  expect(ERROR_BODIES.length).toBeGreaterThanOrEqual(50)
  // Each of them would leak if nothing were done.
  const said = ({ body }: Echo) => body.replaceAll('\\\\', '\\').replaceAll('\\n', '\n')
  const harmless = ECHOES.filter((echo) => leaksOf(echo.body + said(echo), echo).length === 0)
  expect(harmless.map(({ what }) => what)).toEqual([])
})

// E6
test.each(ECHOES)('an excerpt of a reply lets nothing through: $what', (echo) => {
  const { body, isCut = false } = echo
  expect(leaksOf(excerptOf(body, { tokens: KNOWN, isCut }), echo)).toEqual([])
})

// Q22
test.each(ECHOES)('the message of a failure lets nothing through: $what', (echo) => {
  const error = Object.assign(new Error(echo.body), { name: echo.body, code: echo.body })
  if (echo.isCut === true) return
  const { name, code, message } = failureOf(error, KNOWN)
  // JSON in a message is a text like any other.
  expect(leaksOf(`${name} ${code} ${message}`, echo)).toEqual([])
})

// T16
test.each(ECHOES)('a rebuilt cause lets nothing through: $what', (echo) => {
  if (echo.isCut === true) return
  const error = Object.assign(new Error(echo.body), { error: echo.body, data: echo.body })
  const made = rebuilt(error, KNOWN)
  expect(leaksOf(`${made.message} ${made.stack} ${JSON.stringify(made)}`, echo)).toEqual([])
})

// E6
test.each(ERROR_BODIES)('an ordinary error body keeps its texts: $what', ({ body, texts }) => {
  const excerpt = excerptOf(body, { tokens: KNOWN })
  expect(texts.filter((text) => !excerpt.includes(text))).toEqual([])
})

// E6
test('no text of error, code and message of an ordinary body is changed at all', () => {
  const all = ERROR_BODIES.flatMap(({ texts }) => texts)
  const changed = all.filter((text) => scrub(text, { tokens: KNOWN }) !== text)
  // The rate of false positives is 0 of so many texts.
  expect(all.length).toBeGreaterThan(100)
  expect(changed).toEqual([])
})

// E6
test('every run of 16 characters that mixes letters and digits is replaced', () => {
  expect(scrub('id abcdefghij-klmno1 here')).toBe('id [redacted] here')
  expect(scrub('id abcdefghij-klm1 here')).toBe('id abcdefghij-klm1 here')
  expect(scrub('id abcdefghij-klmnop here')).toBe('id abcdefghij-klmnop here')
  expect(scrub('id 1234567890-12345678 here')).toBe('id 1234567890-12345678 here')
  expect(scrub('id a1~b2/c3=d4.e5+f6_g7 here')).toBe('id [redacted] here')
})

test('escapes are undone to look for secrets, and stay as they are elsewhere', () => {
  expect(scrub('50%25 of &lt;b&gt; in C:\\new\\u0041 for alice%40example.com')).toBe(
    '50%25 of &lt;b&gt; in C:\\new\\u0041 for alice%40example.com',
  )
})

test('control characters do not leave, and neither does half a character', () => {
  expect(scrub('a\u001b[2Jb\u0000c\u009bd\ud83d')).toBe('a\ufffd[2Jb\ufffdc\ufffdd\ufffd')
})

// E6
test('a known token is found whole however short it is, and a short one only as a word', () => {
  const tokens = ['a1', 'tok-en', 'TOKEN77']
  expect(scrub('a1 and data1 and A1', { tokens })).toBe('[redacted] and data1 and [redacted]')
  expect(scrub('xTOK-ENx token77', { tokens })).toBe('x[redacted]x [redacted]')
})
