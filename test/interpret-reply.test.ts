/** What a reply means, where a kind does not say otherwise (Q6). */
import { describe, expect, test } from 'vitest'
import {
  countsTowardsDeath,
  interpretReply,
  isCaptivePortal,
} from '../src/operations/interpret-reply.ts'
import type { Reply } from '../src/ports/transport.ts'

const ORIGIN = 'https://api.example.com'
const JSON_TYPE = { 'content-type': 'application/json' }

function reply(status: number, headers: Record<string, string> = JSON_TYPE, body = '{}'): Reply {
  return { status, headers, body }
}

const context = { owner: { user: null }, reply: 'json', afterUnknown: false } as const

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

  test('2xx is accepted only with JSON where JSON is declared, or with nothing at all', () => {
    const torn = reply(200, JSON_TYPE, '{"ok":')
    expect(interpretReply(torn, context)).toEqual({ outcome: 'retry' })
    expect(interpretReply(torn, { ...context, reply: 'any' })).toEqual({ outcome: 'accepted' })
    expect(interpretReply(reply(204, {}, ''), context)).toEqual({ outcome: 'accepted' })
  })
})

// Q6
describe('a captive portal', () => {
  const html = { 'content-type': 'text/html; charset=utf-8' }

  test.each([
    ['407', reply(407)],
    ['511', reply(511)],
    ['a redirect to another origin', reply(302, { location: 'http://portal.local/login' })],
    ['a redirect to another scheme', reply(302, { location: 'http://api.example.com/' })],
    ['a redirect to another port', reply(307, { location: 'https://api.example.com:8443/' })],
    ['a redirect to nowhere', reply(302, { location: 'http://[' })],
    ['HTML where JSON is declared', reply(200, html, '<html></html>')],
    ['XHTML', reply(200, { 'content-type': 'application/xhtml+xml' }, '<html/>')],
    ['a page without a type', reply(200, {}, '\n <!DOCTYPE html><title>hi</title>')],
  ])('answers with %s', (_name, portal) => {
    expect(isCaptivePortal(portal, 'json', ORIGIN)).toBe(true)
  })

  test.each([
    ['JSON', reply(200)],
    ['a redirect within the origin', reply(302, { location: '/elsewhere' })],
    ['a redirect to the origin itself', reply(308, { location: `${ORIGIN}/v2` })],
    ['a 3xx without a location', reply(304, {})],
    ['HTML with an error of the server', reply(500, html, '<html></html>')],
    ['HTML with a 404', reply(404, html, '<html></html>')],
    ['JSON that speaks of HTML', reply(200, JSON_TYPE, '"<html>"')],
  ])('does not answer with %s', (_name, genuine) => {
    expect(isCaptivePortal(genuine, 'json', ORIGIN)).toBe(false)
  })

  test('is not seen in HTML where a kind declares anything', () => {
    expect(isCaptivePortal(reply(200, html, '<html></html>'), 'any', ORIGIN)).toBe(false)
    expect(isCaptivePortal(reply(511, html), 'any', ORIGIN)).toBe(true)
  })
})

// Q8
test('408, 425, 429, 502, 503 and 504 mean not now, and never count', () => {
  const statuses = [200, 302, 407, 408, 425, 429, 500, 501, 502, 503, 504, 511]
  expect(statuses.filter((status) => !countsTowardsDeath(status))).toEqual([
    408, 425, 429, 502, 503, 504,
  ])
})
