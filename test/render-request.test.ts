/** A request that cannot be made, or that would go elsewhere, is refused before anything is sent (Q6). */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { path } from '../src/index.ts'
import type { RequestSpec } from '../src/operations/define-operation.ts'
import { render } from '../src/operations/render-request.ts'

function rendered(spec: object) {
  return render({ method: 'POST', path: '/notes', ...spec } as RequestSpec)
}

function refusal(spec: object): string {
  let thrown: unknown = null
  try {
    rendered(spec)
  } catch (error) {
    thrown = error
  }
  expect(thrown).toBeInstanceOf(TypeError)
  return (thrown as TypeError).message
}

test('a request has its query behind the path, its headers in lower case, and its body as JSON', () => {
  const query = { 'a b': 'ä&c', limit: 2 }
  expect(rendered({ query, headers: { 'X-Client': '1' }, body: { text: 'hi' } })).toEqual({
    method: 'POST',
    path: '/notes?a+b=%C3%A4%26c&limit=2',
    headers: { 'x-client': '1' },
    body: '{"text":"hi"}',
  })
  expect(rendered({ query: {} })).toMatchObject({ path: '/notes', body: null })
})

describe('a path', () => {
  test.each([
    '/',
    '/notes',
    '/users/a%2Fb/notes',
    '/users/é/日本',
    '/a//b',
    '/a/...',
    '/a/.b/b./..c',
    '/a/%2e%2eb',
    '/a/%252e%252e',
    '/a/%2E.x',
    "/a/:@!$&'()*+,;=~_-",
  ])('%j is one', (good) => {
    expect(rendered({ path: good }).path).toBe(good)
  })

  test.each([
    ['', 'begin with a slash'],
    ['notes', 'begin with a slash'],
    ['https://evil.example/', 'begin with a slash'],
    ['@evil.example/', 'begin with a slash'],
    ['//evil.example/notes', 'one slash'],
    ['///notes', 'one slash'],
    ['/\\evil.example', 'U+005C'],
    ['/a\\b', 'U+005C'],
    ['/a?b=c', 'parameters belong in query'],
    ['/a#b', 'U+0023'],
    ['/a b', 'U+0020'],
    ['/a\tb', 'U+0009'],
    ['/\n/evil.example', 'U+000A'],
    ['/a\0', 'U+0000'],
    ['/a\u0085', 'U+0085'],
    ['/a\u00A0b', 'U+00A0'],
    ['/a\u2028b', 'U+2028'],
    ['/a\uFEFFb', 'U+FEFF'],
    ['/\uD800', 'well-formed'],
    ['/.', 'no segment'],
    ['/..', 'no segment'],
    ['/a/./b', 'no segment'],
    ['/a/../b', 'no segment'],
    ['/a/..', 'no segment'],
    ['/%2e/b', 'no segment'],
    ['/a/%2E%2e', 'no segment'],
    ['/a/.%2e/b', 'no segment'],
    ['/a/%2E./b', 'no segment'],
  ])('%j is none: %s', (bad, word) => {
    expect(refusal({ path: bad })).toContain(word)
  })

  test.each([undefined, null, 7, {}, ['/a']])('%j is none, because it is no text', (bad) => {
    expect(refusal({ path: bad })).toContain('its path must be a text')
  })

  // Whatever a URL parser makes of it, a path that is taken stays what it was, below its origin.
  test('that is taken is left by a URL parser where it is', () => {
    const piece = fc.oneof(
      fc.constantFrom('/', '.', '..', '%2e', '%2E', '\\', '?', '#', '@', ':', 'a', '\t', ' '),
      fc.string({ unit: 'binary', maxLength: 3 }),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const tried = `/${pieces.join('')}`
        let taken: string
        try {
          taken = rendered({ path: tried }).path
        } catch {
          return
        }
        const url = new URL(taken, 'https://api.example.com')
        expect(url.origin).toBe('https://api.example.com')
        expect(url.pathname.split('/')).toHaveLength(taken.split('/').length)
        expect([url.search, url.hash]).toEqual(['', ''])
      }),
      { numRuns: 300 },
    )
  })

  test('is quoted in a message in one short line', () => {
    const message = refusal({ path: `/a\nb${'x'.repeat(5000)}` })
    expect(message).toContain(String.raw`'/a\nb`)
    expect(message.length).toBeLessThan(200)
  })
})

test.each(['POST IT', 'post', 'CONNECT', 'TRACE', '', undefined, null, 5])(
  'the method %j is none',
  (method) => {
    expect(refusal({ method })).toContain('its method must be one of POST')
  },
)

describe('a header', () => {
  test.each([
    ['a blank', 'x title', 'a'],
    ['a colon', 'x:title', 'a'],
    ['nothing', '', 'a'],
    ['a line end', 'x\r\ny', 'a'],
    ['a letter beyond ASCII', 'x-titlé', 'a'],
  ])('whose name has %s is none', (_what, name, value) => {
    expect(refusal({ headers: { [name]: value } })).toContain('is no name of a header')
  })

  test.each([
    ['a line end', 'one\ntwo', 'U+000A'],
    ['a carriage return', 'one\rtwo', 'U+000D'],
    ['a NUL', 'one\0', 'U+0000'],
    ['the character 7F', 'one\x7f', 'U+007F'],
    ['a character beyond Latin-1', 'Żółw 日本.txt', 'U+017B'],
    ['half a character', 'a\uD800', 'U+D800'],
    ['a face', 'a😀', 'U+1F600'],
  ])('with %s cannot be carried, and the message does not tell its value', (_what, value, word) => {
    const message = refusal({ headers: { 'x-file-name': value } })
    expect(message).toContain(`the header x-file-name must not contain ${word}`)
    expect(message).not.toContain(value)
  })

  test.each([undefined, null, 7, {}, ['a']])('of the value %j is none', (value) => {
    expect(refusal({ headers: { 'x-title': value } })).toContain(
      'the header x-title must be a text',
    )
  })

  test.each(['Connection', 'content-length', 'Transfer-Encoding', 'expect', 'te', 'upgrade'])(
    '%s is the own of the connection',
    (name) => {
      expect(refusal({ headers: { [name]: 'x' } })).toContain("the transport's own")
    },
  )

  test.each([
    ['a list', []],
    ['a map', new Map()],
    ['Headers', new Headers({ a: 'b' })],
    ['null', null],
    ['a text', 'a: b'],
  ])('is not taken from %s, which would count as none', (_what, headers) => {
    expect(refusal({ headers })).toContain('its headers must be a plain object')
  })

  test('may hold a tab, and Latin-1', () => {
    const value = 'a\té ÿ'
    expect(rendered({ headers: { 'x-title': value } }).headers).toEqual({ 'x-title': value })
  })
})

test.each([undefined, null, {}, ['a'], () => 1])('a value of the query cannot be %s', (value) => {
  expect(refusal({ query: { filter: value } })).toContain(`the value of 'filter' in its query`)
})

describe('a body', () => {
  const circle: { self?: unknown } = {}
  circle.self = circle

  test.each([
    ['a function', () => 1, 'must be JSON, not a function'],
    ['a symbol', Symbol('a'), 'must be JSON, not a symbol'],
    ['a big integer', { id: 1n }, 'cannot be written as JSON'],
    ['a circle', circle, 'cannot be written as JSON'],
    ['an object that says it is nothing', { toJSON: () => undefined }, 'must be JSON'],
    [
      'an object that throws',
      {
        toJSON: () => {
          throw new Error('no')
        },
      },
      'cannot be written as JSON: no',
    ],
  ])('cannot be %s', (_what, body, word) => {
    expect(refusal({ body })).toContain(word)
  })

  test('is none of a GET', () => {
    expect(refusal({ method: 'GET', body: {} })).toContain('a GET has no body')
  })
})

test.each([undefined, null, '/notes', 7])('%j is no request', (spec) => {
  expect(() => render(spec as never)).toThrow(TypeError)
})

describe('the tag path', () => {
  test('encodes each part as one segment', () => {
    expect(path`/users/${'a/b?c#d'}/notes/${7}`).toBe('/users/a%2Fb%3Fc%23d/notes/7')
    expect(path`/users/${'\\..'}`).toBe('/users/%5C..')
    expect(path`/users/${'é 日'}`).toBe('/users/%C3%A9%20%E6%97%A5')
    expect(path`/notes`).toBe('/notes')
    expect(path`/${'%2e%2e'}`).toBe('/%252e%252e')
  })

  test.each([
    '',
    '.',
    '..',
    null,
    undefined,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    {},
    true,
    '\uD800',
  ])('throws if a part is %j', (part) => {
    expect(() => path`/users/${'alice'}/notes/${part as string}`).toThrow(TypeError)
    expect(() => path`/users/${'alice'}/notes/${part as string}`).toThrow('path: part 2 must')
  })

  test('makes of any part one segment that comes back as it was', () => {
    const part = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((text) => text.isWellFormed() && !['.', '..'].includes(text))
    fc.assert(
      fc.property(part, part, (one, two) => {
        const made = rendered({ path: path`/users/${one}/notes/${two}` }).path
        const segments = new URL(made, 'https://api.example.com').pathname.split('/')
        expect(segments.map(decodeURIComponent)).toEqual(['', 'users', one, 'notes', two])
      }),
    )
  })
})
