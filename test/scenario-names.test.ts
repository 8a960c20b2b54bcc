/** A misspelt name in a scenario is refused when the file is read: with its line, and the name that was probably meant. */
import { describe, expect, it, test } from 'vitest'
import { HoldfastError } from '../src/errors.ts'
import { nearestOf } from '../src/simulation/nearest.ts'
import { parseScenario } from '../src/simulation/parse-scenario.ts'

/** The part that is tried begins in line 10. */
const HEAD = `scenario: 1
name: a scenario
tokens: { alice-1: { user: alice } }
steps:
  - { at: 0, login: { user: alice, token: alice-1 } }
  - { at: 0, enqueue: { id: first, kind: spawn, payload: { notes: 1 } } }
  - { at: 0, read: { id: answer } }
  - { at: 0, refreshToken: alice }
  - { at: 0, look: { id: seen, pending: { user: alice } } }
`

function refusalOf(text: string): string | null {
  try {
    parseScenario(text, 'file.yaml')
    return null
  } catch (error) {
    if (!(error instanceof HoldfastError && error.code === 'SCENARIO_INVALID')) throw error
    return error.message.replace('file.yaml:', '')
  }
}

const NO_USER = 'no step and no token has the user'

/** The place of a name, a misspelt value, the message, and the right name. */
const EXPECTED: readonly (readonly [string, string, string, string])[] = [
  ['requests', '[{ user: alcie }]', `0.user: ${NO_USER} alcie; do you mean alice?`, 'alice'],
  ['requests', '[{ kind: spwan }]', '0.kind: there is no kind spwan; do you mean spawn?', 'spawn'],
  ['requests', '[{ kind: raed }]', '0.kind: there is no kind raed; do you mean read?', 'read'],
  [
    'requests',
    '[{ ops: [first, frist] }]',
    '0.ops.1: no step enqueues or reads frist; do you mean first?',
    'answer',
  ],
  [
    'requests',
    '[{ token: alice-2 }]',
    '0.token: there is no token under tokens: alice-2; do you mean alice-1?',
    'alice-1',
  ],
  [
    'events',
    '[{ event: token.neded }]',
    '0.event: there is no event token.neded; do you mean token.needed?',
    'token.needed',
  ],
  [
    'events',
    '[{ event: token.needed, reason: refuse }]',
    '0.reason: there is no reason refuse; do you mean refused?',
    'refused',
  ],
  [
    'events',
    '[{ event: operation.dead, reason: attempts-exhuasted }]',
    '0.reason: there is no reason attempts-exhuasted; do you mean attempts-exhausted?',
    'attempts-exhausted',
  ],
  [
    'events',
    '[{ event: operation.dropped, reason: rejected }]',
    '0.reason: there is no reason rejected',
    'logout',
  ],
  [
    'events',
    '[{ event: token.refreshFailed, code: AUTH_REFRESH_FAIL }]',
    '0.code: there is no error code AUTH_REFRESH_FAIL; do you mean AUTH_REFRESH_FAILED?',
    'AUTH_REFRESH_FAILED',
  ],
  [
    'events',
    '[{ event: error, code: TypeError }]',
    '0.code: there is no error code TypeError',
    'STORAGE_CORRUPT',
  ],
  [
    'events',
    '[{ event: operation.retrying, code: TIMEDOUT }]',
    '0.code: there is no error code TIMEDOUT; do you mean TIMEOUT?',
    'TIMEOUT',
  ],
  [
    'events',
    '[{ event: operation.sent, id: frist }]',
    '0.id: no step enqueues frist; do you mean first?',
    'first',
  ],
  [
    'events',
    '[{ event: read.completed, id: anwser }]',
    '0.id: no step reads anwser; do you mean answer?',
    'answer',
  ],
  [
    'events',
    '[{ event: operation.sent, user: alcie }]',
    `0.user: ${NO_USER} alcie; do you mean alice?`,
    'alice',
  ],
  [
    'events',
    '[{ event: operation.sent, kind: nots }]',
    '0.kind: there is no kind nots; do you mean note?',
    'note',
  ],
  [
    'never',
    '[operation.dropt]',
    '0: there is no event operation.dropt; do you mean operation.dropped?',
    'operation.dropped',
  ],
  ['sourceCalls', '[{ user: alcie }]', `0.user: ${NO_USER} alcie; do you mean alice?`, 'alice'],
  [
    'sourceCalls',
    '[{ reason: mising }]',
    '0.reason: there is no reason mising; do you mean missing?',
    'missing',
  ],
  ['applied', '[frist]', '0: no step enqueues frist; do you mean first?', 'first/0'],
  ['final', '{ identity: alcie }', `identity: ${NO_USER} alcie; do you mean alice?`, 'alice'],
  [
    'final',
    '{ pending: [frist] }',
    'pending.0: no step enqueues frist; do you mean first?',
    'first',
  ],
  ['final', '{ completed: [answer] }', 'completed.0: no step enqueues answer', 'first/0'],
  [
    'final',
    '{ cancelled: [frist] }',
    'cancelled.0: no step enqueues frist; do you mean first?',
    'first',
  ],
  [
    'final',
    '{ dead: { frist: rejected } }',
    'dead.frist: no step enqueues frist; do you mean first?',
    'first',
  ],
  [
    'final',
    '{ dead: { first: reject } }',
    'dead.first: there is no reason reject; do you mean rejected?',
    'rejected',
  ],
  [
    'final',
    '{ dropped: { frist: logout } }',
    'dropped.frist: no step enqueues frist; do you mean first?',
    'first',
  ],
  [
    'final',
    '{ dropped: { first: log-out } }',
    'dropped.first: there is no reason log-out; do you mean logout?',
    'logout',
  ],
  [
    'final',
    '{ holds: { alcie: [offline] } }',
    `holds.alcie: ${NO_USER} alcie; do you mean alice?`,
    'alice',
  ],
  [
    'final',
    '{ holds: { alice: [of-line] } }',
    'holds.alice.0: there is no hold of-line; do you mean offline?',
    'offline',
  ],
  [
    'final',
    '{ needs: { alcie: missing } }',
    `needs.alcie: ${NO_USER} alcie; do you mean alice?`,
    'alice',
  ],
  [
    'final',
    '{ needs: { alice: mising } }',
    'needs.alice: there is no reason mising; do you mean missing?',
    'missing',
  ],
  [
    'final',
    '{ reads: { anwser: failed } }',
    'reads.anwser: no step reads anwser; do you mean answer?',
    'answer',
  ],
  ['looks', '{ saen: [] }', 'saen: no step looks under the id saen; do you mean seen?', 'seen'],
  ['looks', '{ seen: [frist] }', 'seen.0: no step enqueues frist; do you mean first?', 'first'],
  [
    'looks',
    '{ seen: { user: alcie } }',
    `seen.user: ${NO_USER} alcie; do you mean alice?`,
    'alice',
  ],
  [
    'looks',
    '{ seen: { kind: nots } }',
    'seen.kind: there is no kind nots; do you mean note?',
    'note',
  ],
  [
    'looks',
    '{ seen: { reason: expird } }',
    'seen.reason: there is no reason expird; do you mean expired?',
    'expired',
  ],
  ['listened', '[{ alcie: missing }]', `0.alcie: ${NO_USER} alcie; do you mean alice?`, 'alice'],
  [
    'listened',
    '[{ alice: mising }]',
    '0.alice: there is no reason mising; do you mean missing?',
    'missing',
  ],
  [
    'rejects',
    '{ frist: TOO_LATE }',
    'frist: no step has the id or the name frist; do you mean first?',
    'first',
  ],
  [
    'rejects',
    '{ refreshToken bob: CLOSED }',
    'refreshToken bob: no step has the id or the name refreshToken bob',
    'alice',
  ],
  [
    'rejects',
    '{ logout: CLOSED }',
    'logout: no step has the id or the name logout',
    'refreshToken',
  ],
  [
    'rejects',
    '{ first: UNKOWN_KIND }',
    'first: there is no error code UNKOWN_KIND; do you mean UNKNOWN_KIND?',
    'UNKNOWN_KIND',
  ],
  [
    'rejects',
    '{ first: [TOO_LATE, QUEUE_FUL] }',
    'first.1: there is no error code QUEUE_FUL; do you mean QUEUE_FULL?',
    'RangeError',
  ],
]

describe('a misspelt name in an expectation', () => {
  test.each(EXPECTED)('%s: %s is refused', (part, value, message, right) => {
    const text = (said: string) => `${HEAD}expect:\n  ${part}: ${said}\n`
    expect(refusalOf(text(value))).toBe(`11: expect.${part}.${message}`)
    const [, name = ''] = /(\S+?)(?:;|$)/.exec(message) ?? []
    const mended = value.replace(name, right)
    expect(mended).not.toBe(value)
    expect(refusalOf(text(mended))).toBe(null)
  })

  test.each([
    [
      '[{ event: queue.drained, user: alice }]',
      '0.user: the event queue.drained never has this field; it has none',
    ],
    [
      '[{ event: token.updated, reason: missing }]',
      '0.reason: the event token.updated never has this field; it has user',
    ],
    [
      '[{ event: operation.sent, suspected: true }]',
      '0.suspected: the event operation.sent never has this field; it has id, user, kind',
    ],
    [
      '[{ event: requirement.changed, code: CLOSED }]',
      '0.code: the event requirement.changed never has this field; it has suspected',
    ],
    ['[{ event: error, id: first }]', '0.id: the event error never has this field; it has code'],
    ['[{ event: error, kind: note }]', '0.kind: the event error never has this field; it has code'],
  ])('an event with a field that it never has is refused: %s', (value, message) => {
    expect(refusalOf(`${HEAD}expect:\n  events: ${value}\n`)).toBe(`11: expect.events.${message}`)
  })

  test.each([
    ['sameKeyAs: 1', 'its own', '1.sameKeyAs'],
    ['newKeyAs: 2', 'behind the last one', '1.newKeyAs'],
  ])('%s, an index that is %s, is refused: it would compare nothing', (field, _what, path) => {
    expect(refusalOf(`${HEAD}expect:\n  requests: [{}, { ${field} }]\n`)).toBe(
      `11: expect.requests.${path}: must be the index of another item of requests, 0 to 1`,
    )
  })

  it('is refused with the line on which it stands', () => {
    const text = `${HEAD}expect:\n  final:\n    pending: []\n    dead:\n      frist: rejected\n`
    expect(refusalOf(text)).toMatch(/^14: expect\.final\.dead\.frist: /)
  })
})

describe('a misspelt name in a rule, which would never be used, is refused', () => {
  const rules = [
    ['op: frist', 'op: no step enqueues or reads frist; do you mean first?'],
    ['user: alcie', `user: ${NO_USER} alcie; do you mean alice?`],
    ['kind: nots', 'kind: there is no kind nots; do you mean note?'],
  ] as const

  test.each(rules)('of the replies: %s', (match, message) => {
    const text = `${HEAD}server:\n  replies:\n    - { match: { ${match} }, status: 500 }\n`
    expect(refusalOf(text)).toBe(`12: server.replies.0.match.${message}`)
  })

  test.each(rules)('of the latencies: %s', (match, message) => {
    const text = `${HEAD}server: { latencies: [{ match: { ${match} }, ms: 5 }] }\n`
    expect(refusalOf(text)).toBe(`10: server.latencies.0.match.${message}`)
  })

  it('of the source: the user that a token is for', () => {
    const source = (user: string) => `${HEAD}source: [{ token: { ${user}: alice-1 } }]\n`
    expect(refusalOf(source('alcie'))).toBe(
      `10: source.0.token.alcie: ${NO_USER} alcie; do you mean alice?`,
    )
    expect(refusalOf(source('alice'))).toBe(null)
  })

  test.each([
    'op: first',
    'op: first/0',
    'op: answer',
    'user: alice',
    'kind: read',
    'kind: farewell',
  ])('but not a right one: %s', (match) => {
    const text = `${HEAD}server: { replies: [{ match: { ${match} }, status: 500 }] }\n`
    expect(refusalOf(text)).toBe(null)
  })

  it('but no kind is where a step enqueues a kind of the app, whose replies may yield any kind', () => {
    const own = HEAD.replace('kind: spawn', 'kind: rename')
    const text = `${own}server: { replies: [{ match: { kind: renamed }, status: 500 }] }\n`
    expect(refusalOf(text)).toBe(null)
  })
})

describe('a misspelt key', () => {
  test.each([
    ['expects: {}', 'unknown key expects; do you mean expect?'],
    ['expect: { request: [] }', 'expect: unknown key request; do you mean requests?'],
    [
      'expect: { events: [{ evnt: error }] }',
      'expect.events.0: unknown key evnt; do you mean event?',
    ],
    [
      'expect: { requests: [{ sameKeysAs: 0 }] }',
      'expect.requests.0: unknown key sameKeysAs; do you mean sameKeyAs?',
    ],
    [
      'server: { replies: [{ mach: {} }] }',
      'server.replies.0: unknown key mach; do you mean match?',
    ],
    [
      'server: { replies: [{ match: { usr: alice } }] }',
      'server.replies.0.match: unknown key usr; do you mean user?',
    ],
    [
      'config: { backoff: { jiter: true } }',
      'config.backoff: unknown key jiter; do you mean jitter?',
    ],
    ['config: { retries: 3 }', 'config: unknown key retries'],
  ])('is refused with the key that was probably meant: %s', (part, message) => {
    expect(refusalOf(`${HEAD}${part}\n`)).toBe(`10: ${message}`)
  })

  it('of a step is refused with the word that was probably meant', () => {
    const text = HEAD.replace('refreshToken:', 'refreshTokens:')
    expect(refusalOf(text)).toMatch(
      /^8: steps\.3: unknown key refreshTokens; .*; do you mean refreshToken\?$/,
    )
    const field = HEAD.replace('payload:', 'paylod:')
    expect(refusalOf(field)).toBe('6: steps.1.enqueue: unknown key paylod; do you mean payload?')
  })
})

it.each(['pending', 'deadLetters'])('a look at %s of a misspelt user is refused', (list) => {
  const text = HEAD.replace('pending: { user: alice }', `${list}: { user: alcie }`)
  expect(refusalOf(text)).toBe(`9: steps.4.look.${list}.user: ${NO_USER} alcie; do you mean alice?`)
})

it('a step of a process that no step starts is refused: it would not be taken', () => {
  const text = HEAD.replace('refreshToken:', 'process: second, refreshToken:')
  expect(refusalOf(`${text}expect: {}\n`)).toBe(
    '8: steps.3.process: no step starts this process: it needs `{ at: 0, process: second, start: true }`',
  )
  const start = '  - { at: 9, process: second, start: true }'
  expect(refusalOf(`${text}${start}\nexpect: {}\n`)).toBe(null)
})

describe('the nearest name', () => {
  test.each([
    ['QUEUE_FUL', 'QUEUE_FULL'],
    ['queue_full', 'QUEUE_FULL'],
    ['alcie', 'alice'],
    ['operation.complet', 'operation.completed'],
    ['aliec2', null],
    // Of two letters each is near the other.
    ['n2', null],
    ['', null],
    ['x'.repeat(100_000), null],
  ])('of %s', (name, nearest) => {
    const known = ['n1', 'alice', 'QUEUE_FULL', 'operation.completed', 'x'.repeat(100_001)]
    expect(nearestOf(name.slice(0), known)).toBe(nearest)
  })

  it('is the first of those that are equally near', () => {
    expect(nearestOf('bole', ['hole', 'mole'])).toBe('hole')
  })
})
