/** A scenario file is read as YAML 1.2, and what is wrong with it is named with its line. */
import { describe, expect, it, test } from 'vitest'
import { HoldfastError } from '../src/errors.ts'
import { parseScenario } from '../src/simulation/parse-scenario.ts'
import { runScenario } from '../src/simulation/run-scenario.ts'

const HEAD = `scenario: 1
name: a scenario
tokens: { a1: { user: alice } }
`

/** The steps begin in line 5. */
function stepsOf(...steps: string[]): string {
  return `${HEAD}steps:\n${steps.map((step) => `  - ${step}\n`).join('')}`
}

const ENQUEUE = '{ at: 0, enqueue: { id: n1, kind: note, payload: { text: hi } } }'

/** What is said of it, as `LINE: MESSAGE`. */
function refusal(text: string): string {
  let thrown: unknown = null
  try {
    parseScenario(text, 'folder/file.yaml')
  } catch (error) {
    thrown = error
  }
  expect(thrown).toBeInstanceOf(HoldfastError)
  const { code, message } = thrown as HoldfastError
  expect(code).toBe('SCENARIO_INVALID')
  expect(message.slice(0, 17)).toBe('folder/file.yaml:')
  return message.slice(17)
}

describe('YAML 1.2', () => {
  it('takes off, yes and no as words, and octal and sexagesimal numbers as they are', () => {
    const text = stepsOf(
      '{ at: 0, requirement: off }',
      '{ at: 0o10, login: { user: yes } }',
      '{ at: 010, login: { user: no } }',
    )
    const { steps } = parseScenario(text, 'file.yaml')
    expect(steps).toEqual([
      { at: 0, requirement: 'off' },
      { at: 8, login: { user: 'yes' } },
      { at: 10, login: { user: 'no' } },
    ])
    expect(refusal(stepsOf('{ at: 1:30, crash: true }'))).toMatch(/^5: steps\.0\.at: .*number/)
  })

  it('takes off in the configuration, and JSON, which is YAML', () => {
    const { config } = parseScenario(
      `${stepsOf(ENQUEUE)}config: { requirement: off }\n`,
      'file.yaml',
    )
    expect(config).toEqual({ requirement: 'off' })
    const json = JSON.stringify({ scenario: 1, name: 'json', steps: [] })
    expect(parseScenario(json, 'file.yaml').name).toBe('json')
  })

  it('takes dates as words, anchors as what they stand for, and signed numbers', () => {
    const text = stepsOf(
      '{ at: 0, enqueue: { id: 2026-01-01, kind: note, payload: &p { text: hi } } }',
      '{ at: 0, enqueue: { id: n2, kind: note, payload: *p } }',
      '{ at: 0, wall: +3600000 }',
      '{ at: 0, wall: -1 }',
    )
    expect(parseScenario(text, 'file.yaml').steps).toMatchObject([
      { enqueue: { id: '2026-01-01' } },
      { enqueue: { payload: { text: 'hi' } } },
      { wall: 3_600_000 },
      { wall: -1 },
    ])
  })

  test.each([
    ['a syntax error', `${HEAD}steps:\n  - { at: 0, crash: true\n`, /^6: /],
    ['a key that comes twice', `${HEAD}name: again\nsteps: []\n`, /^4: .*unique/],
    ['a tab for indentation', `${HEAD}steps:\n\t- { at: 0 }\n`, /^5: .*[Tt]ab/],
    ['an alias that stands for nothing', `${HEAD}steps: *gone\n`, /^4: .*gone/],
    ['an alias that holds itself', `${HEAD}steps: &s [*s]\n`, /^4: /],
    ['two documents', `${HEAD}steps: []\n---\n${HEAD}steps: []\n`, /^\d+: .*document/],
    ['an empty file', '', /^1: .*object/],
    ['a list', '- 1\n', /^1: .*object/],
  ])('refuses %s', (_what, text, message) => {
    expect(refusal(text)).toMatch(message)
  })
})

describe('the parts of a file', () => {
  test.each([
    ['another format', HEAD.replace('1', '2') + 'steps: []\n', /^1: scenario: .*1/],
    ['no name', 'scenario: 1\nsteps: []\n', /^1: name: .*string/],
    ['no steps', HEAD, /^1: steps: .*array/],
    ['an unknown part', `${HEAD}steps: []\nexpected: {}\n`, /^5: unknown key expected/],
    [
      'an unknown setting',
      `${HEAD}config:\n  anonymous: drop\n  retries: 3\nsteps: []\n`,
      /^6: config: unknown key retries/,
    ],
    [
      'a setting of the wrong type',
      `${HEAD}config:\n  concurrency: many\nsteps: []\n`,
      /^5: config\.concurrency: .*number/,
    ],
    [
      'a setting that is no choice',
      `${HEAD}config: { onDead: stop }\nsteps: []\n`,
      /^4: config\.onDead: .*"continue"\|"hold"/,
    ],
    [
      'a negative duration',
      `${HEAD}config: { patienceMs: -1 }\nsteps: []\n`,
      /^4: config\.patienceMs: .*>=0/,
    ],
    [
      'a fraction of an attempt',
      `${HEAD}config: { maxAttempts: 1.5 }\nsteps: []\n`,
      /^4: config\.maxAttempts: .*int/,
    ],
    [
      'an unknown field of backoff',
      `${HEAD}config:\n  backoff:\n    bass: 1\nsteps: []\n`,
      /^6: config\.backoff: unknown key bass/,
    ],
    [
      'a token without a user',
      `${HEAD.replace('user: alice', 'usr: alice')}steps: []\n`,
      /^3: tokens\.a1(\.user|: unknown key usr)/,
    ],
    [
      'a token with a wrong time',
      `${HEAD.replace('user: alice', 'user: alice, accepted: { form: 1 }')}steps: []\n`,
      /^3: tokens\.a1\.accepted: unknown key form/,
    ],
    [
      'a negative latency',
      `${HEAD}server:\n  latency: -5\nsteps: []\n`,
      /^5: server\.latency: .*>=0/,
    ],
    [
      'a status that is none',
      `${HEAD}server:\n  replies:\n    - { match: { op: n1 }, status: 99 }\nsteps: []\n`,
      /^6: server\.replies\.0\.status: .*>=100/,
    ],
    [
      'an unknown match',
      `${HEAD}server:\n  replies:\n    - { match: { id: n1 } }\nsteps: []\n`,
      /^6: server\.replies\.0\.match: unknown key id/,
    ],
    [
      'a rule that is never used',
      `${HEAD}server:\n  latencies: [{ ms: 5, times: 0 }]\nsteps: []\n`,
      /^5: server\.latencies\.0\.times: .*>=1/,
    ],
    [
      'an unknown expectation',
      `${HEAD}steps: []\nexpect:\n  final:\n    finished: []\n`,
      /^7: expect\.final: unknown key finished/,
    ],
    ['a negative end', `${HEAD}steps: []\nuntil: -1\n`, /^5: until: .*>=0/],
  ])('%s is refused', (_what, text, message) => {
    expect(refusal(text)).toMatch(message)
  })

  test.each([
    ['{ token: a1, after: -1 }', /^5: source\.0\.after: .*>=0/],
    ['{ tokn: a1 }', /^5: source\.0: unknown key tokn; .*token, none, denied, throws/],
    ['{ token: a1, none: true }', /^5: source\.0: .*not token and none/],
    ['{ none: false }', /^5: source\.0\.none: .*true/],
    ['{ after: 5 }', /^5: source\.0: .* needs one of token, none, denied, throws/],
    ['a1', /^5: source\.0: .*map/],
    ['{ token: b1 }', /^5: source\.0\.token: there is no token b1/],
  ])('the answer of the source %s is refused', (answer, message) => {
    expect(refusal(`${HEAD}source:\n  - ${answer}\nsteps: []\n`)).toMatch(message)
  })
})

describe('a step', () => {
  test.each([
    ['without an instant', '{ crash: true }', /^6: steps\.1\.at: .*number/],
    ['at a negative instant', '{ at: -1, crash: true }', /^6: steps\.1\.at: .*>=0/],
    ['at an instant that is text', '{ at: now, crash: true }', /^6: steps\.1\.at: .*number/],
    [
      'without an action',
      '{ at: 5 }',
      /^6: steps\.1: a step needs one of login, logout, .*, release$/,
    ],
    ['that is empty', '{}', /^6: steps\.1: a step needs one of login/],
    ['that is no map', 'crash', /^6: steps\.1: a step must be a map/],
    [
      'with two actions',
      '{ at: 5, crash: true, restart: true }',
      /^6: steps\.1: a step is one thing, not crash and restart/,
    ],
    [
      'with an unknown action',
      '{ at: 5, reboot: true }',
      /^6: steps\.1: unknown key reboot; a step is one of login/,
    ],
    ['with something more', '{ at: 5, crash: true, hard: true }', /^6: steps\.1: unknown key hard/],
    ['whose action is off', '{ at: 5, crash: false }', /^6: steps\.1\.crash: .*true/],
    [
      'with an unknown field',
      '{ at: 5, login: { usr: bob } }',
      /^6: steps\.1\.login(\.user|: unknown key usr)/,
    ],
    [
      'with a wrong choice',
      '{ at: 5, logout: later }',
      /^6: steps\.1\.logout: .*"keep"\|"flush"\|"discard"/,
    ],
    [
      'with a side file that is neither removed nor failed',
      '{ at: 5, sideFile: eaten }',
      /^6: steps\.1\.sideFile: .*"removed"\|"failed"/,
    ],
    [
      'with a scanner of no file of a database',
      "{ at: 5, scanner: { file: '-dispatch', tries: 1 } }",
      /^6: steps\.1\.scanner\.file: /,
    ],
    [
      'with a scanner that says something more',
      "{ at: 5, scanner: { file: '', tries: 1, hard: true } }",
      /^6: steps\.1\.scanner: unknown key hard/,
    ],
    [
      'with a scanner on a system that lets files be renamed',
      "{ at: 5, scanner: { file: '', tries: 1 } }",
      /^6: steps\.1\.scanner: a scanner needs `system: windows` in config/,
    ],
    ['with a name that is a number', '{ at: 5, cancel: 5 }', /^6: steps\.1\.cancel: .*string/],
    [
      'with a payload that is text',
      '{ at: 5, enqueue: { id: n2, kind: note, payload: hi } }',
      /^6: steps\.1\.enqueue\.payload: .*record/,
    ],
    [
      'that expires before it begins',
      '{ at: 5, enqueue: { id: n2, kind: note, expiresInMs: -1 } }',
      /^6: steps\.1\.enqueue\.expiresInMs: .*>0/,
    ],
  ])('%s is refused', (_what, step, message) => {
    expect(refusal(stepsOf(ENQUEUE, step))).toMatch(message)
  })

  it('that is written over several lines is refused at the line of what is wrong', () => {
    const block = `${HEAD}steps:\n  - at: 0\n    enqueue:\n      id: n1\n      kind: note\n      expires: 5\n`
    expect(refusal(block)).toMatch(/^9: steps\.0\.enqueue: unknown key expires/)
    const token = `${HEAD}steps:\n  - at: 0\n    login:\n      user: alice\n      token: a2\n`
    expect(refusal(token)).toMatch(/^8: steps\.0\.login\.token: there is no token a2/)
    const two = `${HEAD}steps:\n  - at: 0\n    crash: true\n    restart: true\n`
    expect(refusal(two)).toMatch(/^7: steps\.0: .*not crash and restart/)
  })
})

describe('the names in a scenario', () => {
  test.each(['login', 'updateToken'])('%s of a token that is not defined is refused', (action) => {
    const step = `{ at: 0, ${action}: { user: alice, token: a2 } }`
    expect(refusal(stepsOf(step))).toBe(
      `5: steps.0.${action}.token: there is no token a2 under tokens`,
    )
  })

  test.each(['toString', 'constructor', '__proto__'])(
    'a token %s is not there by itself',
    (name) => {
      expect(refusal(stepsOf(`{ at: 0, login: { user: alice, token: ${name} } }`))).toContain(
        'no token',
      )
    },
  )

  it('an id that is enqueued twice is refused, also a read of the same id', () => {
    expect(refusal(stepsOf(ENQUEUE, ENQUEUE))).toMatch(/^6: steps\.1\.enqueue\.id: .*id n1 already/)
    const read = '{ at: 0, read: { id: n1 } }'
    expect(refusal(stepsOf(ENQUEUE, read))).toMatch(/^6: steps\.1\.read\.id: .*id n1 already/)
  })

  test.each(['cancel', 'retry', 'discard'])(
    '%s of an id that is never enqueued is refused',
    (action) => {
      expect(refusal(stepsOf(ENQUEUE, `{ at: 0, ${action}: n2 }`))).toBe(
        `6: steps.1.${action}: no step enqueues n2`,
      )
    },
  )

  it('a read after an id that is never enqueued is refused', () => {
    const read = '{ at: 0, read: { id: r1, after: [n1, n2] } }'
    expect(refusal(stepsOf(ENQUEUE, read))).toBe('6: steps.1.read.after.1: no step enqueues n2')
    expect(
      parseScenario(stepsOf(ENQUEUE, read.replace(', n2', '')), 'file.yaml').steps,
    ).toHaveLength(2)
  })

  it('an id that is expected to be unknown needs no step that enqueues it', async () => {
    const text = `${stepsOf('{ at: 0, cancel: n9 }')}expect: { rejects: { n9: UNKNOWN_OPERATION } }\n`
    expect((await runScenario(parseScenario(text, 'file.yaml'))).mismatches).toEqual([])
  })

  test.each(['a.b.c', 'with space', 'ünïcode ✓', '0', '"quoted"', '..', 'a/b?c#d', '-'])(
    'an operation may be called %s',
    async (name) => {
      const id = JSON.stringify(name)
      const text = `${stepsOf(
        '{ at: 0, login: { user: alice, token: a1 } }',
        `{ at: 0, enqueue: { id: ${id}, kind: note, payload: { text: hi } } }`,
      )}expect: { requests: [{ ops: [${id}] }], applied: [${id}], final: { completed: [${id}] } }\n`
      expect((await runScenario(parseScenario(text, 'file.yaml'))).mismatches).toEqual([])
    },
  )
})

// E6
describe('a hostile file is refused quickly', () => {
  /** The square of their number would take some 15 s. */
  const MOST_MS = 4000
  const many = (count: number, text: (index: number) => string) =>
    Array.from({ length: count }, (_, index) => text(index))

  test.each<[string, string, RegExp]>([
    [
      '20,000 aliases of one text',
      `a: &a x\nb: [${many(20_000, () => '*a').join(',')}]\n`,
      /^2: .*at most 1000 aliases/,
    ],
    [
      '20,000 aliases that stand for nothing',
      `b: [${many(20_000, (n) => `*n${n}`).join(',')}]\n`,
      /^1: .*n0/,
    ],
    [
      'aliases that hold themselves',
      `a: &a [${many(900, () => '*a').join(',')}]\n`,
      /^1: .*within/,
    ],
    ['20,000 keys', many(20_000, (n) => `k${n}: x\n`).join(''), /^1: /],
    [
      'a key that comes again behind 20,000 others',
      `${many(20_000, (n) => `k${n}: x\n`).join('')}k7: y\n`,
      /^20001: .*unique/,
    ],
    ['a file of 2 MB', `# ${'x'.repeat(2_000_000)}\n`, /^1: .*at most 1048576 characters/],
  ])(
    '%s',
    (_what, text, message) => {
      expect(refusal(text)).toMatch(message)
    },
    MOST_MS,
  )
})
