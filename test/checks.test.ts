/** The checks at the door (Q21, E1): texts, numbers, and values that a message quotes. */
import SqliteDatabase from 'better-sqlite3'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  cutMs,
  deadlineOf,
  instantAfter,
  lifetimeOf,
  LONGEST_MS,
  numberOf,
  wholeNumberOf,
} from '../src/checks/numbers.ts'
import { checkedClock, checkedRandom } from '../src/checks/ports.ts'
import { show } from '../src/checks/show.ts'
import { isName, isText, nameOf, textOf } from '../src/checks/texts.ts'
import { systemClock } from '../src/ports/clock.ts'

/** Any text, with lone surrogates and U+0000 in every other one. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('a', '😀', '\ud83d', '\ude00', '\u0000', 'é') }),
)

/** Values that break what looks at them. */
const POISON: readonly unknown[] = [
  Symbol('secret'),
  Object.create(null),
  {
    toString: () => {
      throw new Error('no text')
    },
  },
  {
    get name(): string {
      throw new Error('no name')
    },
  },
  revoked(),
  new Proxy(
    {},
    {
      get: () => {
        throw new Error('no answer')
      },
    },
  ),
  10n ** 5000n,
  () => 'secret',
  Number.NaN,
  'x'.repeat(1_000_000),
  '\ud83d'.repeat(100),
  '"\n\u0000\u2028',
]

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable([], {})
  revoke()
  return proxy
}

// Q21
test('a text is taken if and only if SQLite gives back the same text', () => {
  const database = new SqliteDatabase(':memory:')
  // `length()` and `quote()` stop at U+0000, as do many other programs that read the file.
  const read = database.prepare<[string], { same: string; quoted: string }>(
    'WITH given (text) AS (VALUES (?)) SELECT text AS same, quote(text) AS quoted FROM given',
  )
  fc.assert(
    fc.property(anyText, (text) => {
      const row = read.get(text)
      const quoted = `'${text.replaceAll("'", "''")}'`
      expect(isText(text)).toBe(row?.same === text && row.quoted === quoted)
    }),
    { numRuns: 1000 },
  )
  database.close()
})

// Q21
test('a name is a text that is not empty', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      expect(isName(text)).toBe(isText(text) && text !== '')
    }),
  )
  for (const value of [undefined, null, 5, {}, ['a'], Object('a')])
    expect(isName(value)).toBe(false)
})

// E1
test('the message of a wrong text names the place, the rule and the value', () => {
  expect(() => nameOf('login: user', '')).toThrow("login: user must be a non-empty string, not ''")
  expect(() => nameOf('login: user', 5)).toThrow('login: user must be a non-empty string, not 5')
  const rule = 'must be well-formed Unicode without U+0000'
  expect(() => nameOf('login: user', 'ann\ud83d')).toThrow(`login: user ${rule}, not 'ann\\ud83d'`)
  expect(() => textOf('read: key', 'a\u0000b')).toThrow(`read: key ${rule}, not 'a\\u0000b'`)
  expect(textOf('read: key', '')).toBe('')
})

// E1
test('show() never throws, is short, and shows nothing of what an object holds', () => {
  const isShown = (value: unknown) => {
    const shown = show(value)
    expect(shown.length).toBeLessThanOrEqual(60)
    expect(isText(shown)).toBe(true)
    expect(shown).not.toMatch(/[\n\r]|secret/)
    expect(shown === 'an object').toBe(typeof value === 'object' && value !== null)
  }
  fc.assert(fc.property(fc.oneof(fc.anything(), anyText), isShown))
  POISON.forEach(isShown)
})

// Q21
describe('a duration', () => {
  test('that storage can hold makes an instant that a Date can have', () => {
    const wall = fc.integer({ min: 0, max: Date.UTC(20_000, 0) })
    const duration = fc.double({ min: Number.MIN_VALUE, max: LONGEST_MS, noNaN: true })
    fc.assert(
      fc.property(wall, duration, (now, ms) => {
        const instant = instantAfter(now, lifetimeOf('x', ms))
        expect(Number.isSafeInteger(instant)).toBe(true)
        expect(Number.isNaN(new Date(instant).getTime())).toBe(false)
        expect(instant).toBeGreaterThanOrEqual(now)
      }),
    )
  })

  test('that storage cannot hold is a RangeError; one that is none is a TypeError', () => {
    for (const ms of [LONGEST_MS * 1.01, 2 ** 63, Number.MAX_VALUE, Infinity]) {
      expect(() => lifetimeOf('x', ms)).toThrow(RangeError)
    }
    for (const ms of [0, -0, -1, Number.NaN, '5', 5n, null, undefined, {}, ...POISON]) {
      expect(() => lifetimeOf('x', ms)).toThrow(TypeError)
    }
  })

  test('of Infinity is cut where it means "never"', () => {
    expect(cutMs(Infinity)).toBe(LONGEST_MS)
    expect(deadlineOf('x', Infinity)).toBe(LONGEST_MS)
    expect(deadlineOf('x', 0)).toBe(0)
    for (const ms of [-1, Number.NaN, '5', null])
      expect(() => deadlineOf('x', ms)).toThrow(TypeError)
  })
})

// E1
test('a number that counts is whole, and within its range', () => {
  expect(wholeNumberOf('x', 3, 3, 5)).toBe(3)
  for (const value of [2, 6, 3.5, Number.NaN, Infinity, 2 ** 53, '3', 3n]) {
    expect(() => wholeNumberOf('x', value, 3, 5)).toThrow(RangeError)
  }
  expect(() => wholeNumberOf('x', 2, 3, 5)).toThrow('x must be a whole number from 3 to 5, not 2')
  expect(() => numberOf('x', '3', 0)).toThrow(TypeError)
  expect(() => numberOf('x', -1, 0)).toThrow(RangeError)
})

// Q21
test('a clock in fractions, or without an answer, still tells whole instants', () => {
  const answers = [1000.7, Number.NaN, Infinity, 'now' as never, 2000.2]
  const clock = checkedClock({ ...systemClock, wall: () => answers.shift() ?? 0 })
  expect([clock.wall(), clock.wall(), clock.wall(), clock.wall(), clock.wall()]).toEqual([
    1000, 1000, 1000, 1000, 2000,
  ])
})

// Q21
test('a nonce that no header and no id can carry is replaced', () => {
  const answers: unknown[] = ['good', '', 'a b', 'a\u0000', '\ud83d', 'é', 5, undefined]
  const random = checkedRandom({ fraction: () => 0.5, nonce: () => answers.shift() as string })
  const nonces = Array.from({ length: 8 }, () => random.nonce())
  expect(nonces[0]).toBe('good')
  for (const nonce of nonces) expect(nonce).toMatch(/^[\w-]+$/)
  expect(new Set(nonces).size).toBe(8)
})

// Q21
test('a fraction outside of its range is replaced', () => {
  for (const drawn of [1, -0.1, Number.NaN, Infinity, '0.5' as never]) {
    const random = checkedRandom({ fraction: () => drawn, nonce: () => 'n' })
    const fraction = random.fraction()
    expect(fraction).toBeGreaterThanOrEqual(0)
    expect(fraction).toBeLessThan(1)
  }
})
