/** Excerpts of replies (Q9, Q21): bounded, without secrets, and no slower for a long reply. */
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { excerptOf } from '../src/engine/sending/excerpt.ts'
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
]

/** Ends a run that takes far too long, as a quadratic pattern does: a linear one needs a millisecond. */
const HANG_MS = 5000

// Q21
test.each(HOSTILE)('an excerpt of 1 MiB of %j ends', (unit) => {
  const body = unit.repeat(Math.ceil(MEBIBYTE / unit.length))
  for (const token of [null, 'a1', unit, unit.repeat(300)]) {
    const code = 'excerptOf(body, token)'
    const excerpt: unknown = runInNewContext(code, { excerptOf, body, token }, { timeout: HANG_MS })
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
        // A copy of the token makes the excerpt shorter, so that a few more characters are looked at.
        const beginning = token === null ? body.slice(0, 2048) : body.slice(0, 4096)
        expect(excerptOf(body, token)).toBe(excerptOf(beginning, token))
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
        const excerpt = excerptOf(body, token)
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
        const excerpt = excerptOf(cut, null)
        expect(excerpt.isWellFormed()).toBe(true)
        expect(excerpt).not.toContain('\u0000')
      }
    }),
  )
})

test('an excerpt keeps the words around a secret', () => {
  expect(excerptOf('the token tok-en is too old', 'tok-en')).toBe('the token [redacted] is too old')
  expect(excerptOf('{"title":"Bad note","token":"x"}', null)).toBe(
    '{"title":"Bad note",[redacted]}',
  )
})
