/** What a reply means, where a kind does not say otherwise (Q6). */
import { describe, expect, test } from 'vitest'
import { isCaptivePortal } from '../src/operations/captive-portal.ts'
import { interpretReply } from '../src/operations/interpret-reply.ts'
import { countsTowardsDeath } from '../src/operations/reply-status.ts'
import type { Reply } from '../src/ports/transport.ts'

const ORIGIN = 'https://api.example.com'
const JSON_TYPE = { 'content-type': 'application/json' }

function reply(status: number, headers: Record<string, string> = JSON_TYPE, body = '{}'): Reply {
  return { status, headers, body }
}

const context = { owner: { user: null }, reply: null, afterUnknown: false } as const
const HTML = { 'content-type': 'text/html; charset=utf-8' }
const PAGE = '<html></html>'

// Q6
describe('the outcome of a status', () => {
  test.each([
    [200, 'accepted'],
    [201, 'accepted'],
    [204, 'accepted'],
    [299, 'accepted'],
    [301, 'retry'],
    [304, 'retry'],
    [400, 'rejected'],
    [401, 'refused-token'],
    [402, 'rejected'],
    [403, 'rejected'],
    [404, 'rejected'],
    [407, 'retry'],
    [408, 'retry'],
    [409, 'rejected'],
    [410, 'rejected'],
    [413, 'rejected'],
    [422, 'rejected'],
    [425, 'retry'],
    [429, 'retry'],
    [431, 'retry'],
    [451, 'rejected'],
    [499, 'rejected'],
    [500, 'retry'],
    [501, 'retry'],
    [502, 'retry'],
    [503, 'retry'],
    [504, 'retry'],
    [511, 'retry'],
    [599, 'retry'],
    [101, 'retry'],
    [600, 'retry'],
    [0, 'retry'],
  ])('%i is %s', (status, outcome) => {
    expect(interpretReply(reply(status), context)).toEqual({ outcome })
  })

  test('409 is retry after an unknown outcome: the first may still be in progress (Q5)', () => {
    expect(interpretReply(reply(409), { ...context, afterUnknown: true })).toEqual({
      outcome: 'retry',
    })
  })

  test.each([201, 204, 299])(
    '%i with whatever text is accepted where nothing is declared',
    (status) => {
      for (const body of ['{}', '', ' \n', 'OK', '{"ok":', '<xml/>', '\uFEFF{}']) {
        expect(interpretReply(reply(status, {}, body), context)).toEqual({ outcome: 'accepted' })
      }
    },
  )
})

// Q6
describe("a kind that declares reply: 'json'", () => {
  const declared = { ...context, reply: 'json' } as const

  test.each([
    ['JSON', JSON_TYPE, '{"ok":true}'],
    ['JSON under the label of HTML', HTML, '{"ok":true}'],
    ['JSON under the label of a text', { 'content-type': 'text/plain' }, '[1]'],
    ['JSON without a label', {}, 'null'],
    ['JSON behind a byte order mark', JSON_TYPE, '\uFEFF{"ok":true}'],
    ['JSON between blanks and line ends', JSON_TYPE, ' \r\n\t{"ok":true}\r\n '],
    ['no body', JSON_TYPE, ''],
    ['no body under the label of HTML', HTML, ''],
    ['blanks', JSON_TYPE, ' \r\n'],
    ['a byte order mark alone', HTML, '\uFEFF'],
  ])('accepts a 2xx with %s', (_name, headers, body) => {
    expect(interpretReply(reply(200, headers, body), declared)).toEqual({ outcome: 'accepted' })
  })

  test.each([
    ['half of it', JSON_TYPE, '{"ok":'],
    ['a plain OK', { 'content-type': 'text/plain' }, 'OK'],
    ['a plain OK under the label of HTML', HTML, 'OK'],
    ['markup that is not labelled as HTML', { 'content-type': 'text/xml' }, '<ok/>'],
    ['a page that one operation meets alone', HTML, PAGE],
  ])('sends again after a 2xx with %s', (_name, headers, body) => {
    expect(interpretReply(reply(200, headers, body), declared)).toEqual({ outcome: 'retry' })
  })

  test('is not asked of a reply that is cut: its status decides', () => {
    const cut = (status: number) => ({ ...reply(status, JSON_TYPE, '{"ok":'), isCut: true })
    expect(interpretReply(cut(200), declared)).toEqual({ outcome: 'accepted' })
    expect(interpretReply(cut(422), declared)).toEqual({ outcome: 'rejected' })
    expect(interpretReply(cut(401), declared)).toEqual({ outcome: 'refused-token' })
    expect(interpretReply(cut(503), declared)).toEqual({ outcome: 'retry' })
  })
})

// Q6
describe('a page that one operation alone still meets', () => {
  test.each([null, 'json'] as const)('is retry where %s is declared', (declared) => {
    const outcome = interpretReply(reply(200, HTML, PAGE), { ...context, reply: declared })
    expect(outcome).toEqual({ outcome: 'retry' })
  })

  test("is accepted by a kind that declares reply: 'any'", () => {
    const outcome = interpretReply(reply(200, HTML, PAGE), { ...context, reply: 'any' })
    expect(outcome).toEqual({ outcome: 'accepted' })
  })
})

// Q6
describe('a captive portal', () => {
  test.each([
    ['407', reply(407)],
    ['511', reply(511)],
    ['a redirect to another origin', reply(302, { location: 'http://portal.local/login' })],
    ['a redirect to another scheme', reply(302, { location: 'http://api.example.com/' })],
    ['a redirect to another port', reply(307, { location: 'https://api.example.com:8443/' })],
    ['a redirect to nowhere', reply(302, { location: 'http://[' })],
    ['a page', reply(200, HTML, PAGE)],
    ['a page under another 2xx', reply(203, HTML, PAGE)],
    ['XHTML', reply(200, { 'content-type': 'application/xhtml+xml' }, '<html/>')],
    ['a label in capitals', reply(200, { 'content-type': 'TEXT/HTML' }, PAGE)],
    ['a page behind a byte order mark', reply(200, HTML, `\uFEFF${PAGE}`)],
    ['a page behind line ends', reply(200, HTML, `\r\n\n ${PAGE}`)],
    ['a page behind a comment', reply(200, HTML, '<!-- hi --><html></html>')],
    ['a page that is cut', { ...reply(200, HTML, '<html'), isCut: true }],
  ])('answers with %s', (_name, portal) => {
    expect(isCaptivePortal(portal, 'json', ORIGIN)).toBe(true)
    expect(isCaptivePortal(portal, null, ORIGIN)).toBe(true)
  })

  test.each([
    ['JSON', reply(200)],
    ['a redirect within the origin', reply(302, { location: '/elsewhere' })],
    ['a redirect to the origin itself', reply(308, { location: `${ORIGIN}/v2` })],
    ['a 3xx without a location', reply(304, {})],
    ['HTML with an error of the server', reply(500, HTML, PAGE)],
    ['HTML with a 404', reply(404, HTML, PAGE)],
    ['JSON that speaks of HTML', reply(200, JSON_TYPE, '"<html>"')],
    ['JSON under the label of HTML', reply(200, HTML, '{"id":1}')],
    ['no body under the label of HTML', reply(201, HTML, '')],
    ['blanks under the label of HTML', reply(200, HTML, ' \r\n')],
    ['a plain OK under the label of HTML', reply(200, HTML, 'OK')],
    ['a page under the label of JSON', reply(200, JSON_TYPE, PAGE)],
    ['a page without a label', reply(200, {}, PAGE)],
    ['a cut reply without a body', { ...reply(200, HTML, ''), isCut: true }],
  ])('does not answer with %s', (_name, genuine) => {
    expect(isCaptivePortal(genuine, 'json', ORIGIN)).toBe(false)
    expect(isCaptivePortal(genuine, null, ORIGIN)).toBe(false)
  })

  test('is not seen in HTML where a kind declares anything', () => {
    expect(isCaptivePortal(reply(200, HTML, PAGE), 'any', ORIGIN)).toBe(false)
    expect(isCaptivePortal(reply(511, HTML), 'any', ORIGIN)).toBe(true)
    expect(isCaptivePortal(reply(407), 'any', ORIGIN)).toBe(true)
  })
})

// Q8
test('408, 425, 429, 502, 503 and 504 mean not now, and never count', () => {
  const statuses = [200, 302, 407, 408, 425, 429, 500, 501, 502, 503, 504, 511]
  expect(statuses.filter((status) => !countsTowardsDeath(status))).toEqual([
    408, 425, 429, 502, 503, 504,
  ])
})
