/** Excerpts of replies (Q9, Q21, E6): bounded, without secrets, and no slower for a long reply. */
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { excerptOf } from '../src/scrub/excerpt.ts'
import { jwt as jwtOf } from './support/jwt.ts'

const MEBIBYTE = 1_048_576

/** Bodies whose patterns begin over and over, and never end. */
const HOSTILE: readonly string[] = [
  'eyJ-',
  'eyJa.',
  'eyJ',
  '-eyJ',
  'bearer ',
  'bearer\t \n',
  '"token" : ',
  '"token":"\\',
  '"a-token',
  '"token":"\\"',
  '"',
  ' ',
  '-',
  '\u0000',
  '\ud83d',
  '%25',
  '\\u005c',
  '&#38;',
  '[',
  '{"error":',
  '{"error":[',
  'password=',
  '<token ',
  '://a@',
]

/** Ends a run that takes far too long, as a quadratic pattern does: a linear one needs a millisecond. */
const HANG_MS = 5000

// Q21
test.each(HOSTILE)('an excerpt of 1 MiB of %j ends', (unit) => {
  const body = unit.repeat(Math.ceil(MEBIBYTE / unit.length))
  for (const token of [null, 'a1', unit, unit.repeat(300)]) {
    const tokens = token === null ? [] : [token]
    const code = 'excerptOf(body, { tokens })'
    const known = { excerptOf, body, tokens }
    const excerpt: unknown = runInNewContext(code, known, { timeout: HANG_MS })
    expect((excerpt as string).length).toBeLessThanOrEqual(256)
  }
})

// The control: this is how the test above notices a pattern that takes the square of the length.
test('a pattern that takes the square of its length is noticed', () => {
  const body = 'eyJ-'.repeat(MEBIBYTE / 4)
  const quadratic = () => body.replace(/\beyJ[\w-]*\.[\w-]+/g, '')
  expect(() => runInNewContext('quadratic()', { quadratic }, { timeout: 200 })).toThrow(/timed out/)
})

// Q21
test('nothing behind the first 2 KB of a reply changes its excerpt', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.constantFrom(...HOSTILE, 'tok-en', '", ', 'x'), fc.string()), {
        minLength: 1,
        maxLength: 40,
      }),
      fc.constantFrom(null, 'tok-en'),
      (parts, token) => {
        const unit = parts.join('')
        const body = unit.repeat(Math.ceil(5000 / Math.max(1, unit.length)))
        const tokens = token === null ? [] : [token]
        const beginning = body.slice(0, 2049)
        expect(excerptOf(body, { tokens })).toBe(excerptOf(beginning, { tokens, isCut: true }))
      },
    ),
  )
})

// Q9
test('no part of a secret is in an excerpt, wherever in the reply the secret stands', () => {
  const jwt = jwtOf({ sub: 'alice', exp: 4_000_000_000_000 })
  const opaque = 'Xq7'.repeat(40)
  const secrets: readonly (readonly [secret: string, text: string, token: string | null])[] = [
    [opaque, opaque, opaque],
    [jwt, jwt, null],
    [opaque, `Authorization: Bearer ${opaque}`, null],
    [opaque, `{"refresh_token":"${opaque}"}`, null],
    [opaque, `{"password" : "\\"${opaque}"}`, null],
  ]
  fc.assert(
    fc.property(
      fc.constantFrom(...secrets),
      fc.integer({ min: 0, max: 1100 }),
      fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 12 }),
      ([secret, text, token], before, gaps) => {
        const body = `${'. '.repeat(before / 2)}${gaps.map((gap) => `${text} ${'.'.repeat(gap)} `).join('')}`
        const excerpt = excerptOf(body, { tokens: token === null ? [] : [token] })
        expect(excerpt.length).toBeLessThanOrEqual(256)
        for (let at = 0; at + 12 <= secret.length; at += 1) {
          expect(excerpt).not.toContain(secret.slice(at, at + 12))
        }
      },
    ),
  )
})

// Q21
test('an excerpt is text that storage gives back as it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (body) => {
      for (const cut of [body, `${'x'.repeat(255)}${body}`]) {
        const excerpt = excerptOf(cut)
        expect(excerpt.isWellFormed()).toBe(true)
        expect(excerpt).not.toContain('\u0000')
      }
    }),
  )
})

// E6
test('an excerpt keeps the words around a secret', () => {
  const tokens = ['tok-en']
  expect(excerptOf('the token tok-en is too old', { tokens })).toBe(
    'the token [redacted] is too old',
  )
  expect(excerptOf('{"title":"Bad note","token":"x"}')).toBe('title: Bad note')
})

// E6
test('of JSON an excerpt keeps the values of error, code, message, title and detail only', () => {
  const body = {
    status: 422,
    title: 'Not valid',
    data: { message: 'of the data' },
    error: { code: 17, message: 'too long', field: 'text', inner: { detail: 'of 10' } },
    errors: ['one', { Message: 'two', value: 'hunter2' }, ['hunter2']],
    list: ['hunter2'],
    code: null,
  }
  const kept =
    'title: Not valid; code: 17; message: too long; detail: of 10; errors: one; message: two'
  expect(excerptOf(JSON.stringify(body))).toBe(kept)
  expect(excerptOf(JSON.stringify([{ message: 'first' }, { message: 'second' }]))).toBe(
    'message: first; message: second',
  )
  expect(excerptOf('{"echo":"anything"}')).toBe('[redacted]')
})

// E6
test('within the name of a secret nothing of JSON is kept', () => {
  const body = { error: { token: { message: 'hunter2' }, password: [{ code: 'hunter2' }] } }
  expect(excerptOf(JSON.stringify(body))).toBe('[redacted]')
})

test('an excerpt of JSON that is cut keeps what stands before the cut', () => {
  const body = JSON.stringify({ code: 'too_long', message: 'of the text', rest: 'x'.repeat(5000) })
  expect(excerptOf(body)).toBe('code: too_long; message: of the text')
  expect(excerptOf(body.slice(0, 40), { isCut: true })).toBe(
    'code: too_long; message: of the [redacted]',
  )
})
